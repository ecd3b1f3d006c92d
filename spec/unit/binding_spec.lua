local core = require "ossdl.core"

-- Nothing here talks to a service: the port is one that nobody listens on.
local function client_options(extra)
   local all = { endpoint = "http://127.0.0.1:1", region = "cn-hangzhou",
      signature = "v4", path_style = true, cname = false, refreshable = false,
      tls_verify = true, connect_timeout = 1, stall_timeout = 1,
      max_threads = 4, max_rate = 0, proxy = "", access_key_id = "LTAIx",
      access_key_secret = "secretive" }
   for name, value in pairs(extra or {}) do
      all[name] = value
   end
   return all
end

local function transfer_options(extra)
   local all = { bucket = "bucket", object = "o", file = "/nowhere/file",
      threads = 1, part_size = 0, traffic_limit = 0, max_retries = 0,
      progress_interval = 0.2, direct = "auto", verify_resume = true,
      read_back = false, durable = true, restart_on_change = false,
      wait_when_busy = false }
   for name, value in pairs(extra or {}) do
      all[name] = value
   end
   return all
end

local function without(options, name)
   options[name] = nil
   return options
end

local function complaint(call, ...)
   local ok, message = pcall(call, ...)
   assert.is_false(ok)
   return message
end

local function wait(transfer)
   local limit = core.now() + 60
   while not transfer:poll() do
      assert(core.now() < limit, "the transfer does not end")
      transfer:wait(1)
   end
end

describe("the binding", function()
   local client

   before_each(function()
      client = assert(core.client(client_options()))
   end)

   after_each(function()
      client:close()
   end)

   it("names every status and says what it means", function()
      assert.equal("ok", core.status[1])
      for _, name in ipairs(core.status) do
         assert.truthy(#core.meanings[name] > 0)
      end
      assert.truthy(core.version:find "^%d+%.%d+%.%d+$")
   end)

   it("has a clock that does not go back", function()
      local before = core.now()
      assert.truthy(core.now() >= before)
   end)

   it("names the option that has the wrong type", function()
      for name, case in pairs {
         endpoint = { 1, "string expected, got number" },
         region = { true, "string expected, got boolean" },
         access_key_id = { 1, "string expected, got number" },
         access_key_secret = { {}, "string expected, got table" },
         security_token = { 1, "string expected, got number" },
         expires_at = { "x", "integer between 0 and" },
         proxy = { 1, "string expected" },
         ca_file = { 1, "string expected" },
         signature = { 1, "string expected" },
         path_style = { 1, "boolean expected, got number" },
         tls_verify = { "true", "boolean expected, got string" },
         connect_timeout = { "1", "number of seconds expected, got string" },
         max_threads = { "4", "integer between 1 and 1024 expected" },
         max_rate = { {}, "integer between 0 and" },
      } do
         local message = complaint(core.client,
            client_options { [name] = case[1] })
         assert.truthy(message:find("bad option '" .. name .. "'", 1, true))
         assert.truthy(message:find(case[2], 1, true), message)
      end
   end)

   it("has no defaults: a missing switch could be a weak one", function()
      for _, name in ipairs { "tls_verify", "path_style", "max_threads",
         "connect_timeout", "signature", "refreshable" } do
         assert.truthy(complaint(core.client, without(client_options(), name))
            :find("bad option '" .. name .. "'", 1, true))
      end
      for _, name in ipairs { "file", "threads", "verify_resume", "direct",
         "progress_interval" } do
         assert.truthy(complaint(client.start, client,
            without(transfer_options(), name))
            :find("bad option '" .. name .. "'", 1, true))
      end
   end)

   it("accepts whole numbers however they are written", function()
      for _, value in ipairs { 8, 8.0, 8e0 } do
         local transfer = assert(client:start(transfer_options {
            threads = value, part_size = 8e6 }))
         transfer:close()
      end
   end)

   it("refuses fractions, NaN and what no double can hold", function()
      for _, value in ipairs { 1.5, 0 / 0, 1 / 0, -1 / 0, -1, 2 ^ 53 + 2,
         1e300 } do
         assert.truthy(complaint(client.start, client, transfer_options {
            part_size = value }):find("bad option 'part_size'", 1, true))
         assert.truthy(complaint(core.client, client_options {
            max_rate = value }):find("bad option 'max_rate'", 1, true))
      end
      -- An integer of Lua 5.3 and later; elsewhere the literal is 2^53.
      if 9007199254740993 % 2 == 1 then
         assert.truthy(complaint(core.client, client_options {
            max_rate = 9007199254740993 })
            :find("bad option 'max_rate'", 1, true))
      end
      assert(core.client(client_options { max_rate = 2 ^ 53 })):close()
      for _, value in ipairs { 0, -1, 0 / 0, 1e300 } do
         assert.truthy(complaint(core.client, client_options {
            stall_timeout = value }):find("bad option 'stall_timeout'", 1,
            true))
      end
   end)

   it("refuses NUL bytes where C strings are wanted", function()
      for name, call in pairs {
         proxy = function(o) return core.client(client_options(o)) end,
         ca_file = function(o) return core.client(client_options(o)) end,
         user_agent = function(o) return core.client(client_options(o)) end,
         file = function(o) return client:start(transfer_options(o)) end,
         checkpoint = function(o) return client:start(transfer_options(o)) end,
      } do
         assert.truthy(complaint(call, { [name] = "a\0b" })
            :find("without NUL bytes", 1, true))
      end
   end)

   it("refuses words that it does not know", function()
      assert.truthy(complaint(core.client, client_options {
         signature = "v5" }):find("bad option 'signature'", 1, true))
      assert.truthy(complaint(client.start, client, transfer_options {
         direct = "maybe" }):find("bad option 'direct'", 1, true))
   end)

   it("refuses headers that are none", function()
      for _, headers in ipairs { 1, "x", { 1 }, { [true] = "x" },
         { x = true }, { x = {} } } do
         assert.truthy(complaint(client.start, client, transfer_options {
            headers = headers }):find("bad option 'headers'", 1, true))
      end
      for _, headers in ipairs { { [""] = "x" }, { x = "a\0b" },
         { x = "a\r\nb" }, { ["x y"] = "z" }, { Range = "bytes=0-1" },
         { Authorization = "x" } } do
         local transfer, err = client:start(transfer_options {
            headers = headers })
         assert.is_nil(transfer)
         assert.equal("invalid", err.kind)
      end
      local many = {}
      for i = 1, 1000 do
         many["x-oss-meta-" .. i] = i
      end
      local transfer, err = client:start(transfer_options { headers = many })
      assert.is_nil(transfer)
      assert.equal("invalid", err.kind)
      -- The caller's numbers stay numbers.
      many = { ["x-oss-meta-a"] = 1 }
      assert(client:start(transfer_options { headers = many })):close()
      assert.equal(1, many["x-oss-meta-a"])
   end)

   it("never shows a secret in an error", function()
      for _, extra in ipairs {
         { access_key_secret = "two\nlines-secretive" },
         { access_key_id = "LTAIx secretive" },
         { security_token = ("secretive"):rep(10000) },
         { access_key_secret = "" },
      } do
         local made, err = core.client(client_options(extra))
         assert.is_nil(made)
         for _, value in pairs(err) do
            assert.is_nil(tostring(value):find "secretive")
         end
      end
   end)

   it("returns what the core refuses as an error table", function()
      for _, extra in ipairs { { endpoint = "http://x/path" },
         { endpoint = "ftp://x" }, { region = "oss-cn-hangzhou" },
         { endpoint = "" } } do
         local made, err = core.client(client_options(extra))
         if not made then
            assert.equal("invalid", err.kind)
            assert.equal(core.error_metatable, getmetatable(err))
            assert.equal("string", type(err.message))
            assert.equal("boolean", type(err.retryable))
            assert.equal("boolean", type(err.resumable))
            assert.equal(0, err.attempts)
            assert.is_nil(err.status)
         else
            made:close()
         end
      end
      for _, extra in ipairs { { bucket = "UPPER" }, { bucket = "" },
         { object = "" }, { object = "/x" }, { object = "a\0b" },
         { object = "\255" }, { file = "" } } do
         local transfer, err = client:start(transfer_options(extra))
         assert.is_nil(transfer)
         assert.equal("invalid", err.kind)
      end
   end)

   it("reports a failure of the disk with its errno", function()
      local transfer = assert(client:start(transfer_options()))
      wait(transfer)
      local result, err = transfer:result()
      assert.is_nil(result)
      assert.equal("io", err.kind)
      assert.equal("ENOENT", err.code)
      assert.equal(2, err.errno)
      assert.equal("failed", transfer:snapshot().state)
      transfer:close()
   end)

   it("wants a table of options", function()
      for _, wrong in ipairs { 1, "x", true } do
         complaint(core.client, wrong)
         complaint(client.start, client, wrong)
         complaint(client.set_credentials, client, wrong)
         complaint(core.sign, wrong)
         complaint(core.presign, wrong)
      end
      complaint(core.client)
      complaint(client.start, client)
   end)

   it("tells its objects apart", function()
      local transfer = assert(client:start(transfer_options()))
      for _, wrong in ipairs { 1, "x", {}, io.stdout } do
         complaint(client.close, wrong)
         complaint(transfer.close, wrong)
      end
      complaint(client.close, transfer)
      complaint(transfer.close, client)
      complaint(client.close)
      transfer:close()
   end)

   it("reads options through __index, and stands its errors", function()
      local real = client_options()
      local proxy = setmetatable({}, { __index = real })
      assert(core.client(proxy)):close()
      for name in pairs(real) do
         local bad = setmetatable({}, { __index = function(_, key)
            if key == name then
               error("trap", 0)
            end
            return real[key]
         end })
         assert.equal("trap", complaint(core.client, bad))
      end
   end)

   it("prints its objects, and nothing of their options", function()
      assert.truthy(tostring(client):find "^ossdl%.client: open %(")
      local transfer = assert(client:start(transfer_options()))
      assert.truthy(tostring(transfer):find "^ossdl%.transfer: %a+")
      transfer:close()
      assert.truthy(tostring(transfer):find "^ossdl%.transfer: closed %(")
      client:close()
      assert.truthy(tostring(client):find "^ossdl%.client: closed %(")
   end)

   it("answers on a closed client with an error", function()
      client:close()
      client:close()
      for _, call in ipairs {
         function() return client:start(transfer_options()) end,
         function() return client:needs_credentials() end,
         function() return client:set_credentials {} end,
         function() return client:refuse_credentials "x" end,
         function() return client:set_max_rate(1) end,
      } do
         local value, err = call()
         assert.is_nil(value)
         assert.equal("closed", err.kind)
      end
   end)

   it("answers on a closed transfer with an error", function()
      local transfer = assert(client:start(transfer_options()))
      transfer:close()
      transfer:close()
      for _, name in ipairs { "poll", "snapshot", "wait", "cancel", "result",
         "pollfd", "getfd" } do
         local value, err = transfer[name](transfer)
         assert.is_nil(value)
         assert.equal("closed", err.kind)
      end
      assert.is_true(transfer:dirty())
      assert.equal("r", transfer:events())
      assert.is_nil(transfer:timeout())
   end)

   it("keeps answering on a transfer whose client was closed", function()
      local path = os.tmpname()
      local transfer = assert(client:start(transfer_options {
         file = path, max_retries = 1000 }))
      client:close()
      local done, snapshot = transfer:poll()
      assert.is_true(done)
      assert.truthy(({ cancelled = 1, failed = 1 })[snapshot.state])
      local result, err = transfer:result()
      assert.is_nil(result)
      assert.equal("string", type(err.kind))
      transfer:close()
      os.remove(path)
   end)

   it("accepts new limits and credentials while it runs", function()
      assert.is_false(client:needs_credentials())
      assert.is_true(client:set_max_rate(1e6))
      assert.is_true(client:set_max_rate(0))
      complaint(client.set_max_rate, client, -1)
      complaint(client.set_max_rate, client, 0 / 0)
      complaint(client.set_max_rate, client)
      assert.is_true(client:set_credentials { access_key_id = "i",
         access_key_secret = "s", security_token = "t", expires_at = 9e9 })
      assert.is_true(client:refuse_credentials "no")
      complaint(client.set_credentials, client, {})
      complaint(client.set_credentials, client, { access_key_id = "i" })
      local ok, err = client:set_credentials { access_key_id = "i i",
         access_key_secret = "s" }
      assert.is_nil(ok)
      assert.truthy(({ invalid = 1, credentials = 1 })[err.kind])
   end)

   it("waits no longer than it is told", function()
      local transfer = assert(client:start(transfer_options()))
      assert.is_true(transfer:wait(0))
      assert.is_true(transfer:wait(-5))
      complaint(transfer.wait, transfer, "x")
      complaint(transfer.wait, transfer, 0 / 0)
      wait(transfer)
      assert.is_true(transfer:wait())
      transfer:close()
   end)

   it("survives collection in any order", function()
      for i = 1, 20 do
         local a = assert(core.client(client_options()))
         local b = assert(a:start(transfer_options()))
         if i % 2 == 0 then
            b:pollfd()
         end
         if i % 3 == 0 then
            a = nil
         elseif i % 3 == 1 then
            b = nil
         end
         collectgarbage()
         assert.truthy(a or b)
      end
      collectgarbage()
      collectgarbage()
   end)

   it("closes its objects at the end of a scope", function()
      local metatable = getmetatable(client)
      assert.equal("function", type(metatable.__close))
      metatable.__close(client)
      assert.truthy(tostring(client):find "closed")
   end)

   it("signs with what it is given, and asks for what is missing", function()
      local request = { method = "GET", signature = "v4", now = 1709622489,
         region = "cn-hangzhou", bucket = "b", object = "o",
         access_key_id = "i", access_key_secret = "s" }
      local headers = assert(core.sign(request))
      assert.truthy(headers.Authorization:find "^OSS4%-HMAC%-SHA256 ")
      request.region = nil
      local none, err = core.sign(request)
      assert.is_nil(none)
      assert.equal("invalid", err.kind)
      request.region, request.access_key_id = "cn-hangzhou", nil
      none, err = core.sign(request)
      assert.is_nil(none)
      assert.equal("credentials", err.kind)
      assert.truthy(complaint(core.sign, without(request, "now"))
         :find("bad option 'now'", 1, true))
   end)

   it("signs no name with a NUL, which would be another name on the wire", function()
      for _, field in ipairs { "bucket", "object" } do
         local request = { method = "GET", signature = "v4", now = 1709622489,
            region = "cn-hangzhou", bucket = "bucket", object = "o",
            access_key_id = "i", access_key_secret = "s" }
         request[field] = "a\0b"
         local none, err = core.sign(request)
         assert.is_nil(none)
         assert.equal("invalid", err.kind)
         assert.equal(field, err.code)
      end
   end)

   it("makes URLs for an endpoint, or for a region's own", function()
      local request = { method = "GET", signature = "v4", now = 1709622489,
         expires = 60, path_style = false, cname = false,
         region = "cn-hangzhou", bucket = "bucket", object = "o",
         access_key_id = "i", access_key_secret = "s" }
      assert.truthy(assert(core.presign(request)):find(
         "https://bucket.oss-cn-hangzhou.aliyuncs.com/o?", 1, true))
      request.endpoint = "http://127.0.0.1:99"
      assert.truthy(assert(core.presign(request)):find(
         "http://127.0.0.1:99/bucket/o?", 1, true))
      request.region = nil
      local url, err = core.presign(request)
      assert.is_nil(url)
      assert.equal("invalid", err.kind)
      request.endpoint = nil
      url, err = core.presign(request)
      assert.is_nil(url)
      assert.equal("invalid", err.kind)
   end)
end)
