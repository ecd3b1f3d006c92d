local ossdl = require "ossdl"

local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"

local KIB, MIB = fixture.KIB, fixture.MIB
local PART = 64 * KIB

describe("a download", function()
   local test = fixture.new()

   for _, size in ipairs { 0, 1, PART - 1, PART, PART + 1, MIB, MIB + 1,
      20 * MIB } do
      it(("brings an object of %d bytes"):format(size), function()
         local object = test.oss:put_random("size", size)
         local file = test.target()
         local result = test:fetch("size", file, { part_size = PART })
         assert.equal(file, result.file)
         assert.equal(size, result.bytes)
         assert.equal(object.crc64, result.crc64)
         if size > 0 then -- the answer for an empty one has less to tell
            assert.equal(object.etag, result.etag)
            assert.is_true(result.verified)
         end
         assert.equal(0, result.resumed)
         assert.is_nil(result.restarted)
         assert.equal(0, result.retries)
         assert.is_true(result.elapsed >= 0)
         assert.same({ "target" }, helper.files(file:match "^(.*)/"))
      end)
   end

   it("counts its requests", function()
      test.oss:put_random("counted", 3 * MIB)
      local result = test:fetch("counted", test.target())
      assert.equal(#test:requests "counted", result.requests)
   end)

   it("gives a CRC-64 as decimal digits, which no number could hold",
      function()
         test.oss:put_random("digits", 100)
         local result = test:fetch("digits", test.target())
         assert.equal("string", type(result.crc64))
         assert.truthy(result.crc64:match "^%d+$")
      end)

   it("asks for one byte at a time when told to", function()
      test.oss:put("tiny", "abcde")
      test:fetch("tiny", test.target(), { part_size = 1, threads = 2 })
      local seen = {}
      for _, request in ipairs(test:requests "tiny") do
         local first, length = fixture.range(request)
         assert.equal(1, length)
         seen[first + 1] = true
      end
      assert.same({ true, true, true, true, true }, seen)
   end)

   it("asks for everything at once when parts are 5 GiB", function()
      test.oss:put_random("huge part", 3 * MIB)
      local result = test:fetch("huge part", test.target(),
         { part_size = 5 * 1024 * MIB, threads = 1 })
      assert.equal(1, result.requests)
      local _, length = fixture.range(test:requests "huge part"[1])
      assert.equal(5 * 1024 * MIB, length)
   end)

   it("takes part_size as it is given", function()
      test.oss:put_random("parts", 1000)
      test:fetch("parts", test.target(), { part_size = 333, threads = 1 })
      local ranges = {}
      for i, request in ipairs(test:requests "parts") do
         ranges[i] = request.range
      end
      assert.same({ "bytes=0-332", "bytes=333-665", "bytes=666-998",
         "bytes=999-999" }, ranges)
   end)

   it("may have more threads than there are parts", function()
      test.oss:put_random("few parts", 2 * MIB + 5)
      test:fetch("few parts", test.target(), { threads = 64, max_threads = 64,
         part_size = MIB })
   end)

   it("finds the number of threads itself", function()
      test.oss:put_random("auto", 12 * MIB)
      test:fetch("auto", test.target(), { threads = "auto" })
   end)

   it("writes directly or not, as told", function()
      test.oss:put_random("direct", 18 * MIB + 4097)
      for _, direct in ipairs { true, false } do
         test:fetch("direct", test.target(), { direct = direct })
      end
   end)

   it("may skip waiting for the disk, and may read everything back",
      function()
         test.oss:put_random("options", 3 * MIB)
         test:fetch("options", test.target(), { durable = false })
         test:fetch("options", test.target(), { read_back = true })
      end)

   it("replaces what was there under the name", function()
      test.oss:put_random("new", 2 * MIB)
      local file = test.target()
      helper.write(file, ("old"):rep(MIB))
      test:fetch("new", file)
   end)

   it("replaces a symbolic link at the target, not what it leads to",
      function()
         test.oss:put_random("link", 100)
         local file = test.target()
         helper.write(file .. ".other", "precious")
         helper.shell(("ln -s %s %s"):format(helper.quote(file .. ".other"),
            helper.quote(file)))
         test:fetch("link", file)
         assert.equal("precious", helper.read(file .. ".other"))
      end)

   it("fetches a small object by one request, and never keeps a checkpoint",
      function()
         test.oss:put_random("small", 300 * KIB)
         local file = test.target()
         local looks, seen = 0, false
         local result = assert(test:slowly("small", file, 100 * KIB,
            function()
               looks = looks + 1
               seen = seen or helper.exists(file .. ".cp")
               return looks > 5 or nil
            end))
         test:check("small", file)
         assert.equal(1, result.requests)
         assert.is_true(looks > 1)
         assert.is_false(seen)
      end)

   it("reports an object without a CRC-64 as not verified", function()
      test.oss:put_random("no crc", 2 * MIB, 1, { crc64 = false })
      local result = test:fetch("no crc", test.target())
      assert.is_false(result.verified)
      local _, crc64 = require "spec.support.process".sum(
         test.oss:path "no crc")
      assert.equal(crc64, result.crc64)
   end)

   it("does not believe the CRC-64 of a symbolic link", function()
      test.oss:put_random("symlink", 2 * MIB, 1,
         { type = "Symlink", crc64 = "12345" })
      local result = test:fetch("symlink", test.target())
      assert.is_false(result.verified)
   end)

   it("works through one client again and again", function()
      local client = assert(ossdl.new(test:client_options()))
      for i = 1, 5 do
         local key, file = "again " .. i, test.target()
         test.oss:put_random(key, i * 300 * KIB, i)
         assert(client:download { bucket = test.oss.bucket, object = key,
            file = file })
         test:check(key, file)
      end
      client:close()
   end)

   it("takes the client's options of transfers as defaults", function()
      test.oss:put_random("defaults", 2 * MIB)
      local client = assert(ossdl.new(test:client_options { threads = 1,
         part_size = MIB }))
      local file = test.target()
      assert(client:download { object = "defaults", file = file })
      client:close()
      test:check("defaults", file)
      assert.equal(2, #test:requests "defaults")
   end)
end)

describe("the requests of a download", function()
   local test = fixture.new()

   local function all_requests(extra)
      test.oss:put_random("wire", 4 * MIB)
      test.oss:reset_log()
      test:fetch("wire", test.target(), extra)
      local requests = test:requests "wire"
      assert.is_true(#requests >= 2)
      return requests
   end

   it("are all GET: there is no HEAD", function()
      for _, request in ipairs(all_requests()) do
         assert.equal("GET", request.method)
      end
   end)

   it("name the version from the second on", function()
      local requests = all_requests()
      assert.is_nil(requests[1].headers["if-match"])
      local etag = test.oss:put_random("wire", 4 * MIB).etag
      for i = 2, #requests do
         assert.equal(etag, requests[i].headers["if-match"])
      end
   end)

   it("ask for ranges by the standard, and for no compression", function()
      for _, request in ipairs(all_requests()) do
         assert.equal("standard", request.headers["x-oss-range-behavior"])
         assert.equal("identity", request.headers["accept-encoding"])
         assert.truthy(request.range:match "^bytes=%d+%-%d+$")
      end
   end)

   it("have the extra headers, query and user agent", function()
      for _, request in ipairs(all_requests {
         headers = { ["x-oss-meta-a"] = "one two", ["X-Other"] = 5 },
         query = { ["x-extra"] = "a b&c=d/é", plain = 7 },
         user_agent = "spec/1.0 (test)" }) do
         assert.equal("one two", request.headers["x-oss-meta-a"])
         assert.equal("5", request.headers["x-other"])
         assert.equal("spec/1.0 (test)", request.headers["user-agent"])
         assert.truthy(request.uri:find("x-extra=a%20b%26c%3Dd%2F%C3%A9", 1,
            true))
         assert.truthy(request.uri:find("plain=7", 1, true))
      end
   end)

   it("carry the traffic limit", function()
      for _, request in ipairs(all_requests { traffic_limit = 838860800 }) do
         assert.equal("838860800", request.headers["x-oss-traffic-limit"])
      end
   end)

   it("are signed with version 4 by default", function()
      for _, request in ipairs(all_requests()) do
         assert.truthy(request.headers.authorization:match "^OSS4%-HMAC")
      end
   end)

   it("are signed with version 1 when told to", function()
      for _, request in ipairs(all_requests { signature = "v1",
         headers = { ["x-oss-meta-a"] = "b" } }) do
         assert.truthy(request.headers.authorization:match "^OSS LTAI")
      end
   end)

   it("carry a security token, with either signature", function()
      test.oss:require_token(true)
      for _, version in ipairs { "v4", "v1" } do
         for _, request in ipairs(all_requests { signature = version,
            security_token = test.oss.security_token }) do
            assert.equal(test.oss.security_token,
               request.headers["x-oss-security-token"])
         end
      end
   end)

   it("are not signed at all for a public bucket when told to", function()
      test.oss:put_random("public", 2 * MIB, 1,
         { bucket = test.oss.public_bucket })
      local file = test.target()
      assert(ossdl.download { endpoint = test.oss.endpoint, proxy = "",
         region = test.oss.region, bucket = test.oss.public_bucket,
         object = "public", file = file, signature = "none" })
      test:check("public", file, { bucket = test.oss.public_bucket })
      for _, request in ipairs(test:requests "public") do
         assert.is_nil(request.headers.authorization)
      end
   end)

   it("name the version that was asked for", function()
      local old = test.oss:put_random("versioned", 2 * MIB, 1,
         { version_id = "CAEQold" })
      test.oss:put_random("versioned", 2 * MIB, 2, { version_id = "CAEQnew" })
      local file = test.target()
      local result = assert(test:download("versioned", file,
         { version_id = "CAEQold" }))
      assert.equal("CAEQold", result.version_id)
      assert.is_true(helper.same_file(old.path, file))
      for _, request in ipairs(test:requests "versioned") do
         assert.truthy(request.uri:find("versionId=CAEQold", 1, true))
      end
      result = test:fetch("versioned", test.target())
      assert.equal("CAEQnew", result.version_id)
   end)

   it("put the bucket into the host name, unless that is an address",
      function()
         test.oss:put_random("host", 2 * MIB)
         local file = test.target()
         test:fetch("host", file,
            { endpoint = "http://oss.localhost:" .. test.oss.port })
         for _, request in ipairs(test:requests "host") do
            assert.equal("host", request.style)
         end
         test.oss:reset_log()
         test:fetch("host", file)
         for _, request in ipairs(test:requests "host") do
            assert.equal("path", request.style)
         end
      end)

   it("put the bucket into the path when told to", function()
      for _, request in ipairs(all_requests { path_style = true,
         endpoint = "http://localhost:" .. test.oss.port }) do
         assert.equal("path", request.style)
      end
   end)
end)

describe("a key", function()
   local test = fixture.new()

   local KEYS = {
      ["with dots"] = "a/./b/../c",
      ["of dots"] = "..",
      ["with slashes"] = "a//b///c",
      ["with a slash at its end"] = "folder/",
      ["with a plus sign"] = "a+b +c",
      ["with percent signs"] = "100%/%2F/%zz/%25",
      ["with spaces"] = " a  b ",
      ["with punctuation"] = "a?b=c&d#e;f:g@h!i$j'k(l)m*n,o[p]q\"r<s>t\\u|v^w`x{y}z~",
      ["in Chinese"] = "模型/权重 文件.bin",
      ["with emoji"] = "🎉/👩‍👩‍👧.txt",
      ["with control characters"] = "a\1b\tc\127",
      ["of 1023 bytes"] = ("k/"):rep(511) .. "k",
      ["of 1023 bytes that are all escaped"] = ("模"):rep(341),
   }

   for name, key in pairs(KEYS) do
      it(name .. " is found", function()
         test.oss:put(key, "the content of " .. key)
         for _, version in ipairs { "v4", "v1" } do
            local result = test:fetch(key, test.target(),
               { signature = version, part_size = 20 })
            assert.equal(#key + 15, result.bytes)
         end
      end)
   end
end)
