--- Servers that ignore ranges, always or once: there is nothing less to be had
--- than the whole object.

local ossdl = require "ossdl"

local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"
local raw = require "spec.support.raw_server"

local KIB, MIB = fixture.KIB, fixture.MIB

local WAIT = 60

describe("a service that ignores ranges", function()
   local test = fixture.new()
   local SIZE, STOP = 8 * MIB, 3 * MIB

   -- A download that the service answers with all of the object, and whose
   -- partial file somebody writes to.
   local function touched(put_options)
      test.oss:put_random("object", SIZE, 1, put_options)
      test.oss:fault { match = { key = "object", times = false },
         ignore_range = true }
      local file, acted = test.target(), false
      local result, err = test:slowly("object", file, 4 * MIB, function(p)
         if p.bytes_done > 2 * MIB and not acted then
            acted = true
            helper.patch(file .. ".part", MIB + 7, ("x"):rep(100))
            return true
         end
      end, { part_size = MIB })
      assert(result, tostring(err))
      assert.is_true(acted)
      test:check("object", file)
      return result
   end

   it("and gives no CRC-64 may have its file touched", function()
      assert.is_false(touched { crc64 = false }.verified)
   end)

   if not fixture.quick then
      it("may have its file touched", function()
         assert.is_true(touched().verified)
      end)
   end

   -- Half of the object is there, then the service answers 200 so often.
   local function resumed(times)
      test.oss:put_random("object", SIZE)
      local file = test.target()
      test:interrupt("object", file, STOP, { threads = 1 })
      test.oss:reset_log()
      local id = test.oss:fault { match = { key = "object", times = times },
         ignore_range = true }
      local result = test:fetch("object", file, { threads = 1 })
      return result, test.oss:fired(id)
   end

   it("once costs nothing of what is there: it is tried again", function()
      local result, fired = resumed(1)
      assert.equal(1, fired)
      assert.equal(STOP, result.resumed)
      assert.is_nil(result.restarted)
      assert.is_true(result.verified)
   end)

   it("always has all fetched anew, and the result says why", function()
      local result = resumed(false)
      assert.equal(0, result.resumed)
      assert.truthy((result.restarted or ""):find("ignores ranges", 1, true),
         tostring(result.restarted))
      assert.is_true(result.verified)
      -- twice to make sure, then all of it
      assert.is_true(result.requests <= 4)
   end)

   it("has all fetched and verified, also what was not to be read back", function()
      test.oss:put_random("object", SIZE)
      local file = test.target()
      test.oss:fault { match = { key = "object", range_start = 0, times = false }, stall = 0 }
      local _, err = test:download("object", file, { threads = 2, part_size = 512 * KIB, progress_interval = 0.01,
         on_progress = function(p) return p.bytes_done < STOP end })
      assert.equal("cancelled", err.kind)
      test.oss:clear()
      test.oss:fault { match = { key = "object", times = false }, ignore_range = true }
      local result = test:fetch("object", file, { verify_resume = false })
      assert.equal(0, result.resumed)
      assert.is_true(result.verified)
   end)
end)

describe("a server without ranges that breaks off", function()
   local server

   after_each(function() -- before the search for what was left behind
      if server then
         server:stop()
         server = nil
      end
   end)

   local test = fixture.new()

   -- A server for `size` bytes of noise that does what the script says.
   local function serve(size, script)
      test.oss:put_random("object", size)
      script.object = { path = test.oss:path "object" }
      server = raw.start(script)
   end

   -- Gives nil when the download has not ended in time.
   local function download(file, extra)
      local client = assert(ossdl.new(server:options { proxy = "" }))
      local all = { object = "object", file = file }
      for name, value in pairs(extra or {}) do
         all[name] = value
      end
      local transfer = assert(client:start(all))
      local ended = transfer:wait(WAIT)
      local requests = #server:requests()
      local result, err = transfer:result()
      transfer:close()
      client:close()
      assert.is_true(ended, ("no end after %d requests"):format(requests))
      return result, err, requests
   end

   it("every time ends the download after max_retries", function()
      serve(4 * MIB, { default = { ignore_range = true, cut = 2 * MIB } })
      local file = test.target()
      local result, err, requests = download(file,
         { max_retries = 2, part_size = MIB })
      assert.is_nil(result)
      assert.equal("network", err.kind)
      assert.equal(3, err.attempts)
      assert.is_true(requests <= 4, requests .. " requests")
      assert.is_false(helper.exists(file))
      test:fetch("object", file)
   end)

   it("once is asked for all of it again", function()
      serve(4 * MIB, { { ignore_range = true, cut = 2 * MIB },
         default = { ignore_range = true } })
      local file = test.target()
      local result, err, requests = download(file, { part_size = MIB })
      assert(result, tostring(err))
      assert.equal(2, requests)
      assert.is_true(result.verified)
      test:check("object", file)
   end)

   it("once within an object of one request is asked again", function()
      serve(512 * KIB, { { ignore_range = true, cut = 200000 },
         default = { ignore_range = true } })
      local file = test.target()
      local result, err, requests = download(file, { max_retries = 3 })
      assert(result, tostring(err))
      assert.equal(2, requests)
      assert.is_true(result.verified)
      test:check("object", file)
   end)
end)
