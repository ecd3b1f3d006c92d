local ossdl = require "ossdl"
local socket = require "socket"

local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"

local MIB = fixture.MIB

describe("a credentials provider", function()
   local test = fixture.new()
   local SIZE = 4 * MIB

   before_each(function()
      test.oss:put_random("object", SIZE)
   end)

   local function options(provider, extra)
      local all = test:options("object", test.target(), extra)
      all.access_key_id, all.access_key_secret = nil, nil
      all.credentials = provider
      return all
   end

   local function key(extra)
      local all = { access_key_id = test.oss.access_key_id,
         access_key_secret = test.oss.access_key_secret }
      for name, value in pairs(extra or {}) do
         all[name] = value
      end
      return all
   end

   -- A provider that counts its calls.
   local function counting(answer)
      local counter = { calls = 0 }
      counter.ask = function()
         counter.calls = counter.calls + 1
         return answer(counter.calls)
      end
      return counter
   end

   local function succeeds(given)
      local result, err = ossdl.download(given)
      assert(result, tostring(err))
      test:check("object", given.file)
      return result
   end

   local function fails(given)
      local result, err = ossdl.download(given)
      assert.is_nil(result)
      assert.is_true(ossdl.error.is(err))
      return err
   end

   it("is asked once for credentials that do not end", function()
      local counter = counting(function()
         return key()
      end)
      succeeds(options(counter.ask))
      assert.equal(1, counter.calls)
   end)

   it("may take its time while nothing is asked with what was refused", function()
      local counter = counting(function(calls)
         if calls > 1 then
            socket.sleep(1.5)
            test.oss:clear()
         end
         return key()
      end)
      local given = options(counter.ask, { max_threads = 4 })
      local file = given.file
      given.object, given.file = nil, nil
      test.oss:put_random("slow", 512 * 1024)
      test.oss:fault { match = { key = "slow", times = false }, rate = 256 * 1024 }
      test.oss:fault { match = { key = "object", times = false }, expired_token = true }
      local client = assert(ossdl.new(given))
      local slow = assert(client:start { object = "slow", file = file .. ".slow", threads = 1 })
      assert(helper.eventually(function()
         return slow:progress().bytes_total
      end, 30))
      local transfer = assert(client:start { object = "object", file = file })
      assert.is_true((transfer:wait(60)))
      assert(transfer:result())
      assert.is_true((slow:wait(60)))
      assert(slow:result())
      assert.equal(2, counter.calls)
      local refused = 0
      for _, request in ipairs(test:requests "object") do
         refused = refused + (request.status == 403 and 1 or 0)
      end
      assert.equal(1, refused)
      client:close()
   end)

   it("is asked once for credentials with a long life", function()
      local counter = counting(function()
         return key { expires_at = os.time() + 3600,
            security_token = test.oss.security_token }
      end)
      succeeds(options(counter.ask))
      assert.equal(1, counter.calls)
   end)

   it("may be a table", function()
      succeeds(options(key()))
   end)

   it("is asked again before its credentials end, and the new ones are used",
      function()
         local old = test.oss.security_token
         local client, new
         local counter = counting(function(call)
            if call == 1 then
               return key { security_token = old,
                  expires_at = os.time() + 9 }
            end
            new = new or test.oss:rotate_token()
            client:set_max_rate(0)
            return key { security_token = new,
               expires_at = os.time() + 3600 }
         end)
         local all = test:client_options { max_rate = 256 * 1024 }
         all.access_key_id, all.access_key_secret = nil, nil
         all.credentials = counter.ask
         client = assert(ossdl.new(all))
         local file = test.target()
         local result, err = client:download { object = "object",
            file = file, part_size = 64 * 1024 }
         assert(result, tostring(err))
         client:close()
         test:check("object", file)
         assert.equal(2, counter.calls)
         local requests = test:requests "object"
         assert.equal(old, requests[1].headers["x-oss-security-token"])
         assert.equal(new,
            requests[#requests].headers["x-oss-security-token"])
      end)

   it("is asked again when the service says that the token has expired",
      function()
         local old = test.oss.security_token
         test.oss:rotate_token()
         local counter = counting(function(call)
            return key { security_token = call == 1 and old
               or test.oss.security_token }
         end)
         succeeds(options(counter.ask))
         assert.equal(2, counter.calls)
      end)

   it("is asked again in the midst of a download", function()
      local id = test.oss:fault { match = { key = "object", nth = 3 },
         expired_token = true }
      local counter = counting(function()
         return key { security_token = test.oss.security_token }
      end)
      succeeds(options(counter.ask))
      assert.equal(1, test.oss:fired(id))
      assert.equal(2, counter.calls)
   end)

   it("whose credentials are refused again and again ends the download",
      function()
         test.oss:fault { match = { key = "object", times = false },
            expired_token = true }
         local counter = counting(function()
            return key { security_token = test.oss.security_token }
         end)
         local err = fails(options(counter.ask))
         assert.equal("service", err.kind)
         assert.equal("SecurityTokenExpired", err.code)
         assert.is_true(counter.calls <= 4)
      end)

   -- Downloads with a client of the provider; fails when that takes too long.
   local function ends(client, file)
      local transfer = assert(client:start { object = "object", file = file })
      local ended = transfer:wait(60)
      local result, err = transfer:result()
      transfer:close()
      assert.is_true(ended, "it did not end")
      return result, err
   end

   local function client_of(provider)
      local all = test:client_options { credentials = provider }
      all.access_key_id, all.access_key_secret = nil, nil
      return assert(ossdl.new(all))
   end

   it("whose credentials seem to have expired is asked a few times only, "
      .. "and the service decides", function()
         local token = test.oss.security_token
         local counter = counting(function()
            return key { security_token = token,
               expires_at = os.time() - 10 }
         end)
         local client = client_of(counter.ask)
         local file = test.target()
         local result, err = ends(client, file)
         client:close()
         assert(result, tostring(err))
         test:check("object", file)
         assert.is_true(counter.calls <= 5, counter.calls .. " calls")

         test.oss:rotate_token()
         counter.calls = 0
         client = client_of(counter.ask)
         result, err = ends(client, file)
         client:close()
         assert.is_nil(result)
         assert.equal("SecurityTokenExpired", err.code)
         assert.is_true(counter.calls <= 5, counter.calls .. " calls")
      end)

   it("whose credentials were refused is asked again for the next download",
      function()
         local token = test.oss.security_token
         local new = test.oss:rotate_token()
         local counter = counting(function()
            return key { security_token = token }
         end)
         local client = client_of(counter.ask)
         local file = test.target()
         local result, err = ends(client, file)
         assert.is_nil(result)
         assert.equal("SecurityTokenExpired", err.code)
         assert.is_true(counter.calls <= 4, counter.calls .. " calls")
         token = new
         for _ = 1, 2 do
            result, err = ends(client, file)
            assert(result, tostring(err))
            test:check("object", file)
         end
         client:close()
      end)

   it("that gives nil and a message ends the download with it", function()
      local err = fails(options(function()
         return nil, "the vault is locked"
      end))
      assert.equal("credentials", err.kind)
      assert.truthy(err.message:find("the vault is locked", 1, true))
      assert.equal(0, #test:requests "object")
   end)

   it("that raises ends the download with what it raised", function()
      local err = fails(options(function()
         error "the vault is on fire"
      end))
      assert.equal("credentials", err.kind)
      assert.truthy(err.message:find("the vault is on fire", 1, true))
   end)

   for name, garbage in pairs {
      ["a string"] = "secret-garbage",
      ["an empty table"] = {},
      ["a table without a secret"] = { access_key_id = "LTAIx" },
      ["a key id that is a number"] = { access_key_id = 1,
         access_key_secret = "secret-garbage" },
      ["an end that is a date"] = { access_key_id = "LTAIx",
         access_key_secret = "secret-garbage",
         expires_at = "2030-01-01T00:00:00Z" },
      ["a secret with a line break"] = { access_key_id = "LTAIx",
         access_key_secret = "secret-garbage\r\nX-Header: 1" },
   } do
      it("that gives " .. name .. " ends the download, and shows no secret",
         function()
            local err = fails(options(function()
               return garbage
            end))
            assert.equal("credentials", err.kind)
            assert.is_nil(tostring(err):find("secret-garbage", 1, true))
         end)
   end

   it("that fails later ends the download when nothing is left to sign with",
      function()
         test.oss:fault { match = { key = "object", nth = 3, times = false },
            expired_token = true }
         local err = fails(options(function()
            if #test.oss:requests "object" == 0 then
               return key()
            end
            return nil, "the vault is gone"
         end))
         assert.equal("credentials", err.kind)
         assert.truthy(err.message:find("the vault is gone", 1, true))
         assert.is_true(err.resumable)
      end)

   it("is called on the coroutine that waits", function()
      local inside, found
      local routine = coroutine.create(function()
         inside = coroutine.running()
         return succeeds(options(function()
            found = coroutine.running()
            return key()
         end))
      end)
      assert(coroutine.resume(routine))
      assert.equal("dead", coroutine.status(routine))
      assert.equal(inside, found)
   end)

   it("may yield", function()
      local routine = coroutine.wrap(function()
         return succeeds(options(function()
            coroutine.yield "asking"
            return key()
         end))
      end)
      assert.equal("asking", routine())
      assert.equal(SIZE, routine().bytes)
   end)

   -- Resumes coroutines in turn until all have ended, and gives the number of
   -- those that got their file.
   local function take_turns(client, count)
      local routines, succeeded = {}, 0
      for i = 1, count do
         local file = test.target()
         routines[i] = coroutine.create(function()
            local result = client:download { object = "object", file = file }
            if result then
               test:check("object", file)
               succeeded = succeeded + 1
            end
         end)
      end
      assert.truthy(helper.eventually(function()
         local running = false
         for _, routine in ipairs(routines) do
            if coroutine.status(routine) ~= "dead" then
               assert(coroutine.resume(routine))
               running = true
            end
         end
         return not running
      end, 60), "they did not end")
      return succeeded
   end

   local function yielding_client(provider)
      local all = test:client_options { credentials = provider, loop = function()
         coroutine.yield()
      end }
      all.access_key_id, all.access_key_secret = nil, nil
      return assert(ossdl.new(all))
   end

   it("that yields is asked once by many coroutines that begin together", function()
      local counter = counting(function()
         for _ = 1, 3 do
            coroutine.yield()
         end
         return key()
      end)
      local client = yielding_client(counter.ask)
      assert.equal(20, take_turns(client, 20))
      client:close()
      assert.equal(1, counter.calls)
   end)

   it("that fails for the first of many coroutines is asked by the next", function()
      local counter = counting(function(call)
         coroutine.yield()
         if call == 1 then
            error "the vault is busy"
         end
         return key()
      end)
      local client = yielding_client(counter.ask)
      assert.equal(4, take_turns(client, 5))
      client:close()
      assert.equal(2, counter.calls)
   end)
end)

describe("fixed credentials", function()
   local test = fixture.new()

   before_each(function()
      test.oss:put_random("object", 2 * MIB)
   end)

   it("with an expired token end the download", function()
      local old = test.oss.security_token
      test.oss:rotate_token()
      local result, err = test:download("object", test.target(),
         { security_token = old })
      assert.is_nil(result)
      assert.equal("SecurityTokenExpired", err.code)
      assert.equal(403, err.status)
   end)

   it("with a key that does not exist end the download", function()
      local _, err = test:download("object", test.target(),
         { access_key_id = "LTAIunknown" })
      assert.equal("InvalidAccessKeyId", err.code)
      assert.equal(403, err.status)
   end)
end)

describe("a clock that is wrong", function()
   local test = fixture.new()

   before_each(function()
      test.oss:put_random("object", 3 * MIB)
   end)

   for _, seconds in ipairs { 3600, -3600, 86400 * 400 } do
      for _, version in ipairs { "v4", "v1" } do
         it(("by %d s is corrected from the service's, with %s"):format(
            seconds, version), function()
               test.oss:set { clock = seconds }
               local result = test:fetch("object", test.target(),
                  { signature = version, threads = 1 })
               assert.equal(1, result.retries)
            end)
      end
   end

   it("from some moment on is corrected once for all connections",
      function()
         local threads = 8
         test.oss:put_random("object", 8 * MIB)
         local file, stepped = test.target(), false
         local result, err = test:slowly("object", file, 4 * MIB,
            function(p)
               if p.bytes_done > MIB and not stepped then
                  stepped = true
                  test.oss:set { clock = 7200 }
                  return true
               end
            end, { threads = threads, part_size = 64 * 1024 })
         assert(result, tostring(err))
         assert.is_true(stepped)
         test:check("object", file)
         local refused = 0
         for _, request in ipairs(test:requests "object") do
            refused = refused + (request.status == 403 and 1 or 0)
         end
         assert.is_true(refused >= 1 and refused <= threads, refused)
      end)

   it("is corrected once for all downloads of a client", function()
      test.oss:set { clock = 7200 }
      local client = assert(ossdl.new(test:client_options()))
      local retries = {}
      for i = 1, 2 do
         local file = test.target()
         local result, err = client:download { object = "object",
            file = file, threads = 1 }
         assert(result, tostring(err))
         retries[i] = result.retries
      end
      client:close()
      assert.same({ 1, 0 }, retries)
   end)
end)
