local lfs = require "lfs"

local ossdl = require "ossdl"

local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"
local process = require "spec.support.process"

local MIB = fixture.MIB

local ROOT = process.shell "id -u":match "^0" ~= nil

-- A download in another process, which says when it has begun.
local HOLDER = [==[
local ossdl = require "ossdl"
local result, err = ossdl.download { endpoint = arg[1], region = arg[2],
   bucket = arg[3], access_key_id = arg[4], access_key_secret = arg[5],
   object = arg[6], file = arg[7], max_rate = tonumber(arg[8]), proxy = "",
   progress_interval = 0.01, on_progress = function()
      local file = assert(io.open(arg[7] .. ".begun", "w"))
      file:close()
   end }
assert(result, tostring(err))
]==]

describe("a download that cannot succeed", function()
   local test = fixture.new()

   before_each(function()
      test.oss:put_random("object", 3 * MIB)
   end)

   -- Downloads, and gives the error: one that reads well.
   local function fails(extra, key, file)
      file = file or test.target()
      local result, err = test:download(key or "object", file, extra)
      assert.is_nil(result)
      assert.is_true(ossdl.error.is(err))
      local text = tostring(err)
      assert.is_nil(text:find "%c")
      assert.is_nil(text:find(test.oss.access_key_secret, 1, true))
      return err
   end

   it("tells a wrong secret", function()
      local err = fails { access_key_secret = "thisIsNotTheRightSecret" }
      assert.equal("service", err.kind)
      assert.equal("SignatureDoesNotMatch", err.code)
      assert.equal(403, err.status)
      assert.truthy(err.request_id:match "^%x+$")
      assert.is_false(err.retryable)
      assert.is_false(err.resumable)
      assert.equal(1, #test:requests "object")
   end)

   it("tells a bucket that is not there", function()
      local err = fails { bucket = "no-such-bucket-here" }
      assert.equal("NoSuchBucket", err.code)
      assert.equal(404, err.status)
      assert.truthy(err.message:find("no-such-bucket-here", 1, true))
   end)

   it("tells an object that is not there, and leaves no file", function()
      local file = test.target()
      local err = fails(nil, "no such/object", file)
      assert.equal("NoSuchKey", err.code)
      assert.equal(404, err.status)
      assert.equal("0026-00000001", err.ec)
      assert.truthy(err.message:find("no such/object", 1, true))
      assert.truthy(tostring(err):find(err.request_id, 1, true))
      assert.same({}, helper.files(file:match "^(.*)/"))
   end)

   it("tells a version that is not there", function()
      local err = fails { version_id = "CAEQnone" }
      assert.equal("NoSuchVersion", err.code)
   end)

   it("tells an object that was deleted", function()
      test.oss:put_random("gone", 100, 1, { version_id = "CAEQ1" })
      test.oss:remove("gone", { delete_marker = "CAEQ2" })
      local err = fails(nil, "gone")
      assert.equal(404, err.status)
      assert.truthy(err.message:find("version_id", 1, true))
   end)

   it("tells an archived object", function()
      test.oss:put_random("cold", 100, 1, { storage_class = "Archive" })
      local err = fails(nil, "cold")
      assert.equal("InvalidObjectState", err.code)
   end)

   it("tells a region that is wrong", function()
      local err = fails { region = "cn-beijing" }
      assert.equal("service", err.kind)
      assert.is_true(err.status >= 400 and err.status < 500)
      assert.equal(1, #test:requests "object")
   end)

   it("does not follow a redirect", function()
      test.oss:fault { match = { key = "object" },
         redirect = "http://example.com/elsewhere" }
      local err = fails()
      assert.equal("service", err.kind)
      assert.equal(302, err.status)
      assert.truthy(err.message:find("example.com", 1, true))
   end)

   it("tells a folder that is missing, before it asks for anything",
      function()
         local folder = helper.folder() .. "/missing"
         local err = fails(nil, nil, folder .. "/target")
         assert.equal("io", err.kind)
         assert.equal("ENOENT", err.code)
         assert.truthy(err.message:find(folder, 1, true))
         assert.equal(0, #test:requests "object")
      end)

   it("tells a target that is a folder, before it asks for anything",
      function()
         local folder = helper.folder()
         local err = fails(nil, nil, folder)
         assert.equal("io", err.kind)
         assert.equal("EISDIR", err.code)
         assert.truthy(err.message:find(folder, 1, true))
         assert.equal(0, #test:requests "object")
      end)

   local SPECIAL = {
      ["a named pipe"] = function(path)
         helper.shell("mkfifo " .. helper.quote(path))
      end,
      ["a socket"] = function(path)
         local socket = require "socket.unix"()
         assert(socket:bind(path))
         socket:close()
      end,
   }

   for name, make in pairs(SPECIAL) do
      it("refuses a target that is " .. name .. ", and leaves it there",
         function()
            local file = test.target()
            make(file)
            local kind = lfs.attributes(file, "mode")
            assert.not_equal("file", kind)
            local err = fails(nil, nil, file)
            assert.equal("io", err.kind)
            assert.equal("EINVAL", err.code)
            assert.truthy(err.message:find(file, 1, true))
            assert.equal(kind, lfs.attributes(file, "mode"))
            assert.same({ "target" }, helper.files(file:match "^(.*)/"))
            assert(os.remove(file))
            test:fetch("object", file)
         end)
   end

   it("tells a target below a file", function()
      local file = test.target()
      helper.write(file, "x")
      local err = fails(nil, nil, file .. "/below")
      assert.equal("io", err.kind)
      assert.equal("ENOTDIR", err.code)
   end)

   it("tells a folder that is not writable", function()
      -- Nobody may create a file there, the superuser included.
      local err = fails(nil, nil, "/proc/self/target")
      assert.equal("io", err.kind)
      assert.truthy(err.message:find("/proc/self/target", 1, true))
      assert.equal(0, #test:requests "object")
   end)

   it("tells a name that is too long", function()
      local err = fails(nil, nil, helper.folder() .. "/" .. ("n"):rep(255))
      assert.equal("io", err.kind)
      assert.equal("ENAMETOOLONG", err.code)
   end)

   it("tells a folder for the checkpoint that is missing", function()
      local err = fails { checkpoint = helper.folder() .. "/missing/cp" }
      assert.equal("io", err.kind)
      assert.equal("ENOENT", err.code)
   end)

   for _, ending in ipairs { ".part", ".cp" } do
      it("refuses a symbolic link at " .. ending, function()
         local file = test.target()
         helper.write(file .. ".precious", "precious")
         helper.shell(("ln -s %s %s"):format(
            helper.quote(file .. ".precious"), helper.quote(file .. ending)))
         local err = fails(nil, nil, file)
         assert.equal("io", err.kind)
         assert.truthy(err.message:find(file .. ending, 1, true))
         assert.equal("precious", helper.read(file .. ".precious"))
         assert.is_false(helper.exists(file))
      end)

      it("refuses a named pipe at " .. ending .. " and does not hang",
         function()
            local file = test.target()
            helper.shell("mkfifo " .. helper.quote(file .. ending))
            local err = fails(nil, nil, file)
            assert.equal("io", err.kind)
         end)
   end

   it("tells an endpoint where nobody listens", function()
      local err = fails { max_retries = 1,
         endpoint = "http://127.0.0.1:" .. process.free_port() }
      assert.equal("network", err.kind)
      assert.is_true(err.retryable)
      assert.equal(2, err.attempts)
   end)

   it("tells an endpoint whose name is not known", function()
      local err = fails { max_retries = 0,
         endpoint = "http://no-such-host.invalid" }
      assert.equal("network", err.kind)
      assert.is_true(err.retryable)
   end)

   it("tells a disk that is full", function()
      if not ROOT then
         pending "mounting a file system needs root"
         return
      end
      local folder = helper.folder()
      local _, failed = helper.shell("mount -t tmpfs -o size=1m tmpfs "
         .. helper.quote(folder))
      if failed ~= 0 then
         pending "no file system may be mounted here"
         return
      end
      local ok, problem = pcall(function()
         local err = fails(nil, nil, folder .. "/target")
         assert.equal("io", err.kind)
         assert.equal("ENOSPC", err.code)
         assert.truthy(err.message:find(folder, 1, true))
         assert.is_false(helper.exists(folder .. "/target"))
      end)
      local output, stuck = helper.shell("umount " .. helper.quote(folder))
      assert.equal(0, stuck, output)
      assert(ok, problem)
   end)

   it("can be tried again with the same client", function()
      local client = assert(ossdl.new(test:client_options()))
      local file = test.target()
      for _ = 1, 3 do
         local result, err = client:download { object = "nothing",
            file = file }
         assert.is_nil(result)
         assert.equal("NoSuchKey", err.code)
      end
      assert(client:download { object = "object", file = file })
      client:close()
      test:check("object", file)
   end)
end)

describe("a target that another process downloads to", function()
   local test = fixture.new()

   local function hold(file, rate)
      local oss = test.oss
      local child = helper.spawn { code = HOLDER, args = { oss.endpoint,
         oss.region, oss.bucket, oss.access_key_id, oss.access_key_secret,
         "object", file, ("%d"):format(rate) } }
      assert(helper.eventually(function()
         return helper.exists(file .. ".begun") or child:status()
      end, 60))
      os.remove(file .. ".begun")
      return child
   end

   before_each(function()
      test.oss:put_random("object", 3 * MIB)
   end)

   it("is busy, at once", function()
      local file = test.target()
      local child = hold(file, 100 * 1024)
      local requests = #test.oss:requests "object"
      local result, err = test:download("object", file)
      assert.is_nil(result)
      assert.equal("busy", err.kind)
      assert.is_true(err.retryable)
      assert.truthy(err.message:find(file, 1, true))
      assert.equal(requests, #test.oss:requests "object")
      child:stop()
   end)

   it("is waited for with busy = \"wait\"", function()
      local file = test.target()
      local child = hold(file, 2 * MIB)
      local result, err = test:download("object", file, { busy = "wait" })
      assert(result, tostring(err))
      assert.equal("exit", (child:wait(60)))
      assert.is_true(helper.same_file(test.oss:path "object", file))
      for _, ending in ipairs { ".part", ".cp" } do
         assert.is_false(helper.exists(file .. ending))
      end
   end)

   it("can be waited for in vain: cancelling ends that", function()
      local file = test.target()
      local child = hold(file, 100 * 1024)
      local client = assert(ossdl.new(test:client_options()))
      local transfer = assert(client:start { object = "object", file = file,
         busy = "wait" })
      assert.is_false((transfer:wait(0.3)))
      transfer:cancel()
      assert.is_true((transfer:wait(60)))
      local _, err = transfer:result()
      assert.equal("cancelled", err.kind)
      transfer:close()
      client:close()
      child:stop()
   end)
end)

describe("https", function()
   local test = fixture.new { https = true }

   before_each(function()
      test.oss:put_random("object", 3 * MIB)
   end)

   it("works with the authority that is named", function()
      local result = test:fetch("object", test.target(),
         { endpoint = test.oss.https_endpoint, path_style = true,
            ca_file = test.oss.ca_file })
      assert.is_true(result.verified)
      for _, request in ipairs(test:requests "object") do
         assert.equal("https", request.scheme)
      end
   end)

   it("refuses a certificate that nobody vouches for", function()
      local result, err = test:download("object", test.target(),
         { endpoint = test.oss.https_endpoint, path_style = true })
      assert.is_nil(result)
      assert.equal("tls", err.kind)
      assert.is_false(err.retryable)
      assert.truthy(err.message:find("ca_file", 1, true))
      assert.equal(0, #test:requests "object")
   end)

   it("refuses a certificate for another name", function()
      local result, err = test:download("object", test.target(),
         { endpoint = "https://127.0.0.2:" .. test.oss.https_port,
            ca_file = test.oss.ca_file, max_retries = 0 })
      assert.is_nil(result)
      assert.truthy(err.kind == "tls" or err.kind == "network", err.kind)
      assert.equal(0, #test:requests "object")
   end)

   it("does not look at certificates when told not to", function()
      test:fetch("object", test.target(), { tls_verify = false,
         endpoint = test.oss.https_endpoint, path_style = true })
   end)

   it("tells a file of authorities that is not there", function()
      local result, err = test:download("object", test.target(),
         { endpoint = test.oss.https_endpoint, path_style = true,
            ca_file = "/no/such/file.pem" })
      assert.is_nil(result)
      assert.equal("tls", err.kind)
      assert.truthy(err.message:find("ca_file", 1, true))
   end)

   it("spoken to a port without it fails", function()
      local result, err = test:download("object", test.target(),
         { endpoint = "https://localhost:" .. test.oss.port,
            path_style = true, max_retries = 0 })
      assert.is_nil(result)
      assert.equal("tls", err.kind)
   end)
end)
