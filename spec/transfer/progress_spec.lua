local ossdl = require "ossdl"

local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"

local KIB, MIB = fixture.KIB, fixture.MIB

describe("on_progress", function()
   local test = fixture.new()
   local SIZE = 3 * MIB + 17

   -- Downloads slowly until `watch` was called a few times; what it returns
   -- and raises is what on_progress returns and raises.
   local function watched(file, watch)
      local calls = 0
      return test:slowly("object", file, 512 * KIB, function(p)
         calls = calls + 1
         local verdict = watch(p)
         if verdict == nil and calls >= 10 then
            return true
         end
         return verdict
      end)
   end

   local function watched_to_the_end(watch)
      local file = test.target()
      local result, err = watched(file, watch)
      assert(result, tostring(err))
      test:check("object", file)
      return result
   end

   before_each(function()
      test.oss:put_random("object", SIZE)
   end)

   it("sees bytes that never fall, up to the last one", function()
      local calls = {}
      watched_to_the_end(function(p)
         calls[#calls + 1] = p
      end)
      assert.is_true(#calls >= 2)
      local before = 0
      for _, p in ipairs(calls) do
         assert.equal(SIZE, p.bytes_total)
         assert.is_true(p.bytes_done >= before)
         assert.is_true(p.bytes_done <= SIZE)
         before = p.bytes_done
      end
      assert.equal(SIZE, before)
   end)

   it("is told the end exactly once", function()
      local states = {}
      watched_to_the_end(function(p)
         states[#states + 1] = p.state
      end)
      assert.equal("done", states[#states])
      for i = 1, #states - 1 do
         assert.not_equal("done", states[i])
      end
   end)

   it("sees what the documentation lists", function()
      local last, states = nil, {}
      watched_to_the_end(function(p)
         last = p
         states[p.state] = true
         assert(type(p.rate) == "number" and p.rate >= 0)
         assert(p.eta == nil or type(p.eta) == "number" and p.eta >= 0)
         assert(p.connections >= 0 and p.elapsed >= 0)
         assert(p.requests >= 0 and p.retries >= 0)
      end)
      assert.equal(0, last.bytes_resumed)
      assert.is_true(last.requests >= 1)
      assert.is_nil(last.last_error)
      assert.is_true(states.running)
   end)

   it("shows the last error that was tried again", function()
      test.oss:fault { match = { key = "object", nth = 2 }, status = 503 }
      local seen
      watched_to_the_end(function(p)
         seen = seen or p.last_error
      end)
      assert.is_true(ossdl.error.is(seen))
      assert.equal("service", seen.kind)
      assert.equal(503, seen.status)
   end)

   it("is called for an object of one byte, and for an empty one", function()
      for _, bytes in ipairs { "x", "" } do
         test.oss:put("tiny", bytes)
         local last
         test:fetch("tiny", test.target(), { on_progress = function(p)
            last = p
         end })
         assert.equal(#bytes, last.bytes_done)
         assert.equal(#bytes, last.bytes_total)
      end
   end)

   it("cancels by returning false", function()
      local file = test.target()
      local result, err = watched(file, function(p)
         if p.bytes_done > 0 then
            return false
         end
      end)
      assert.is_nil(result)
      assert.is_true(ossdl.error.is(err))
      assert.equal("cancelled", err.kind)
      assert.is_true(err.resumable)
      assert.same({ "target.cp", "target.part" },
         helper.files(file:match "^(.*)/"))
   end)

   it("does not cancel by returning nil, or anything else", function()
      local values, calls = { true, 0, "" }, 0
      watched_to_the_end(function()
         calls = calls + 1
         return values[calls % 4]
      end)
   end)

   it("stops the download by an error, which goes on to the caller",
      function()
         local file, mistake = test.target(), { "a mistake" }
         local raised = fixture.raised(function()
            watched(file, function(p)
               if p.bytes_done > 0 then
                  error(mistake)
               end
            end)
         end)
         assert.equal(mistake, raised)
         local result = test:fetch("object", file)
         assert.is_true(result.resumed > 0)
      end)

   it("may yield in a coroutine", function()
      local file, finished = test.target(), false
      local routine = coroutine.create(function()
         local result, err = watched(file, function(p)
            coroutine.yield(p.bytes_done)
         end)
         finished = true
         return result, err
      end)
      local yields = 0
      while true do
         local ok, value, err = coroutine.resume(routine)
         assert(ok, value)
         if finished then
            assert(value, tostring(err))
            break
         end
         assert.equal("number", type(value))
         yields = yields + 1
      end
      assert.is_true(yields >= 2)
      test:check("object", file)
   end)

   it("may start another download and wait for it", function()
      test.oss:put_random("inner", 300 * KIB)
      local inner, file
      watched_to_the_end(function()
         if not file then
            file = test.target()
            inner = test:fetch("inner", file)
         end
      end)
      assert.equal(300 * KIB, inner.bytes)
   end)

   it("may look at its own transfer, cancel it and close it", function()
      local client = assert(ossdl.new(test:client_options {
         max_rate = 512 * KIB }))
      local transfer, seen
      transfer = assert(client:start { object = "object",
         file = test.target(), progress_interval = 0.01,
         on_progress = function(p)
            seen = assert(transfer:progress())
            if p.bytes_done > 0 then
               transfer:cancel()
            end
         end })
      assert.is_true(transfer:wait(60))
      local _, err = transfer:result()
      assert.equal("cancelled", err.kind)
      assert.equal("table", type(seen))
      transfer:close()
      transfer = assert(client:start { object = "object",
         file = test.target(), progress_interval = 0.01,
         on_progress = function()
            transfer:close()
         end })
      local done
      done, err = transfer:wait(60)
      assert.is_nil(done)
      assert.equal("closed", err.kind)
      client:close()
   end)

   it("may close the client it runs for", function()
      local client = assert(ossdl.new(test:client_options {
         max_rate = 512 * KIB }))
      local result, err = client:download { object = "object",
         file = test.target(), progress_interval = 0.01,
         on_progress = function()
            client:close()
         end }
      assert.is_nil(result)
      assert.equal("closed", err.kind)
      assert.is_true(err.resumable)
   end)
end)
