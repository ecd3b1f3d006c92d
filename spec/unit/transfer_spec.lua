local fake_core = require "spec.unit.fake_core"

describe("a transfer", function()
   local core, ossdl, client

   before_each(function()
      core = fake_core.install()
      ossdl = require "ossdl"
      client = assert(ossdl.new { endpoint = "e", signature = "none",
         loop = "blocking", bucket = "b", object = "o", file = "f" })
   end)

   after_each(fake_core.remove)

   local function start(steps, extra)
      core.steps = steps
      local transfer = assert(client:start(extra or {}))
      return transfer, core.transfers[#core.transfers]
   end

   it("is waited for until it is done", function()
      local transfer = start { {}, {}, { state = "done", bytes_done = 5 } }
      local done, progress = transfer:wait()
      assert.is_true(done)
      assert.equal("done", progress.state)
      assert.same({ bytes = 5, crc64 = "1", file = "f" }, transfer:result())
      assert.is_true((transfer:wait(0)))
   end)

   it("is waited for as long as the caller says", function()
      local transfer = start { {} }
      local before = core.clock
      local done, progress = transfer:wait(1.5)
      assert.is_false(done)
      assert.equal("running", progress.state)
      assert.near(1.5, core.clock - before, 0.01)
      assert.is_false((transfer:wait(0)))
      assert.is_false((transfer:wait(-1)))
   end)

   it("wants a number of seconds", function()
      local transfer = start { {} }
      for _, wrong in ipairs { "1", {}, true, 0 / 0 } do
         local ok, message = pcall(function()
            transfer:wait(wrong)
         end)
         assert.is_false(ok)
         assert.truthy(message:find "transfer_spec%.lua:%d+: seconds expected")
      end
   end)

   it("has no result before it is done", function()
      local transfer = start { {} }
      local result, err = transfer:result()
      assert.is_nil(result)
      assert.equal("invalid", err.kind)
   end)

   it("that was closed says so in every method", function()
      local transfer, handle = start { {} }
      transfer:close()
      transfer:close()
      assert.equal(1, handle.closes)
      for _, method in ipairs { "poll", "wait", "cancel", "result", "pollfd",
         "getfd", "progress" } do
         local value, err = transfer[method](transfer)
         assert.is_nil(value)
         assert.equal("closed", err.kind)
      end
      assert.is_true(transfer:dirty())
      assert.equal("ossdl.transfer: closed", tostring(transfer))
   end)

   it("speaks to event loops", function()
      local transfer, handle = start { {}, { state = "done" } }
      handle.fd = 42
      assert.equal(42, transfer:pollfd())
      assert.equal(42, transfer:getfd())
      assert.equal("r", transfer:events())
      assert.is_nil(transfer:timeout())
      assert.is_false(transfer:dirty())
      handle:advance()
      assert.is_true(transfer:dirty())
   end)

   it("closed while somebody waits is closed when that one leaves", function()
      local transfer, handle
      client._loop = { name = "test", yields = true, wait = function()
         coroutine.yield()
         return true
      end }
      transfer, handle = start { {} }
      local value, err
      local thread = coroutine.create(function()
         value, err = transfer:wait()
      end)
      assert(coroutine.resume(thread))
      transfer:close()
      assert.equal(0, handle.closes)
      assert.is_true(handle.cancelled)
      assert(coroutine.resume(thread))
      assert.equal(1, handle.closes)
      assert.is_nil(value)
      assert.equal("closed", err.kind)
   end)

   describe("of which a coroutine that waits is no more", function()
      local forgotten

      before_each(function()
         forgotten = nil
         client._loop = {
            name = "test", yields = true,
            wait = function()
               coroutine.yield()
               return true
            end,
            forget = function(handle)
               assert.equal(0, handle.closes)
               forgotten = handle
            end,
         }
      end)

      -- A coroutine that waits for it.
      local function waiting_for(transfer)
         local thread = coroutine.create(function()
            transfer:wait()
         end)
         assert(coroutine.resume(thread))
         return thread
      end

      it("is released by close() once that one is collected", function()
         local transfer, handle = start { {} }
         waiting_for(transfer)
         collectgarbage()
         collectgarbage()
         transfer:close()
         assert.equal(1, handle.closes)
         assert.equal(handle, forgotten)
      end)

      if coroutine.close then -- luacheck: ignore
         local close = coroutine.close -- luacheck: ignore

         it("is released by close()", function()
            local transfer, handle = start { {} }
            local thread = waiting_for(transfer)
            close(thread)
            transfer:close()
            assert.equal(1, handle.closes)
            assert.equal(handle, forgotten)
         end)

         it("is released when the last one of the others leaves", function()
            local transfer, handle = start { {} }
            local dead, alive = waiting_for(transfer), waiting_for(transfer)
            close(dead)
            transfer:close()
            assert.equal(0, handle.closes)
            assert(coroutine.resume(alive))
            assert.equal(1, handle.closes)
         end)

         it("is released by a second close(), if need be", function()
            local transfer, handle = start { {} }
            local thread = waiting_for(transfer)
            transfer:close()
            assert.equal(0, handle.closes)
            close(thread)
            transfer:close()
            transfer:close()
            assert.equal(1, handle.closes)
         end)
      end
   end)

   it("passes on why waiting is not possible", function()
      local reason = core.error("invalid", "not here")
      client._loop = { name = "test", wait = function()
         return nil, reason
      end }
      local transfer, handle = start { {} }
      local done, err = transfer:wait()
      assert.is_nil(done)
      assert.equal(reason, err)
      local result
      result, err = client:download {}
      assert.is_nil(result)
      assert.equal(reason, err)
      assert.is_nil(handle.cancelled)
      assert.is_true(core.transfers[2].cancelled)
      assert.equal(1, core.transfers[2].closes)
   end)

   it("is not started where waiting is not possible", function()
      local reason = core.error("invalid", "not here")
      client._loop = { name = "test", ready = function()
         return nil, reason
      end }
      local result, err = client:download {}
      assert.is_nil(result)
      assert.equal(reason, err)
      assert.equal(0, #core.transfers)
   end)

   it("is ended when the loop raises", function()
      client._loop = { name = "test", wait = function()
         error("loop broke", 0)
      end }
      core.steps = { {} }
      assert.has_error(function()
         client:download {}
      end, "loop broke")
      assert.is_true(core.transfers[1].cancelled)
      assert.equal(1, core.transfers[1].closes)
   end)

   describe("reports progress", function()
      local function growing(count, total)
         local steps = { {} }
         for i = 1, count do
            steps[#steps + 1] = { bytes_done = i * total / count,
               bytes_total = total }
         end
         steps[#steps + 1] = { bytes_done = total, bytes_total = total,
            state = "done" }
         return steps
      end

      it("at every interval and once at the end", function()
         core.steps = growing(20, 1000)
         local seen = {}
         assert(client:download { progress_interval = 0.5,
            on_progress = function(progress)
               seen[#seen + 1] = { core.clock, progress.bytes_done,
                  progress.state }
            end })
         assert.truthy(#seen > 3)
         for i = 2, #seen - 1 do
            assert.truthy(seen[i][1] - seen[i - 1][1] >= 0.5 - 1e-6)
            assert.truthy(seen[i][2] >= seen[i - 1][2])
         end
         assert.equal("done", seen[#seen][3])
         assert.equal(1000, seen[#seen][2])
         assert.equal("running", seen[#seen - 1][3])
      end)

      it("only when the size is known", function()
         core.steps = { {}, {}, {}, {}, { state = "failed" } }
         local calls = 0
         client:download { progress_interval = 0.01,
            on_progress = function()
               calls = calls + 1
            end }
         assert.equal(0, calls)
      end)

      it("once at the end, however often it is polled", function()
         local calls = 0
         local transfer = start({ { bytes_total = 1, bytes_done = 1,
            state = "done" } }, { on_progress = function()
            calls = calls + 1
         end })
         for _ = 1, 3 do
            transfer:poll()
            transfer:wait()
         end
         assert.equal(1, calls)
      end)

      it("and is cancelled by false, and by nothing else", function()
         for _, verdict in ipairs { 0, "", true, {} } do
            core.steps = growing(3, 9)
            assert(client:download { progress_interval = 0.01,
               on_progress = function()
                  return verdict
               end })
         end
         core.steps = growing(3, 9)
         local result, err = client:download { progress_interval = 0.01,
            on_progress = function()
               return false
            end }
         assert.is_nil(result)
         assert.equal("cancelled", err.kind)
      end)

      it("and raises from poll and wait what the function raised", function()
         local transfer, handle = start(growing(3, 9), {
            progress_interval = 0.01, on_progress = function()
               error("mine", 0)
            end })
         assert.has_error(function()
            transfer:wait()
         end, "mine")
         assert.is_true(handle.cancelled)
         -- What it reports last is that it was cancelled.
         assert.has_error(function()
            transfer:wait()
         end, "mine")
         assert.is_true((transfer:wait()))
         local result, err = transfer:result()
         assert.is_nil(result)
         assert.equal("cancelled", err.kind)
      end)

      it("to a function that may poll, cancel, close and download", function()
         local transfer
         local depth, deepest = 0, 0
         transfer = start(growing(5, 10), { progress_interval = 0.01,
            on_progress = function()
               depth = depth + 1
               deepest = math.max(deepest, depth)
               transfer:poll()
               core.steps = { { state = "done", bytes_total = 0 } }
               assert(client:download { file = "g" })
               depth = depth - 1
            end })
         assert.is_true((transfer:wait()))
         assert.equal(1, deepest)

         transfer = start(growing(5, 10), { progress_interval = 0.01,
            on_progress = function()
               transfer:close()
            end })
         local done, err = transfer:wait()
         assert.is_nil(done)
         assert.equal("closed", err.kind)
      end)

      it("to a function that may yield", function()
         core.steps = growing(4, 8)
         local yields = 0
         local thread = coroutine.wrap(function()
            return client:download { progress_interval = 0.01,
               on_progress = function(progress)
                  coroutine.yield(progress.state)
               end }
         end)
         local value = thread()
         while type(value) == "string" do
            yields = yields + 1
            value = thread()
         end
         assert.equal(8, value.bytes)
         assert.truthy(yields > 1)
      end)

      it("with a rate, and the time that is left", function()
         local transfer, handle = start { {} }
         local function after(seconds, bytes, resumed)
            core.clock = core.clock + seconds
            handle.steps = { { bytes_done = bytes, bytes_total = 100000,
               bytes_resumed = resumed or 0 } }
            handle.at = 1
            return transfer:progress()
         end
         local progress = after(0.01, 0)
         assert.equal(0, progress.rate)
         assert.is_nil(progress.eta)
         progress = after(0.99, 1000)
         assert.near(1000, progress.rate, 1)
         assert.near(99, progress.eta, 1)
         for second = 2, 20 do
            progress = after(1, 1000 + (second - 1) * 3000)
         end
         assert.near(3000, progress.rate, 30)
         -- What was on disk already is not speed.
         local before = progress.rate
         progress = after(1, 58000 + 3000 + 30000, 30000)
         assert.near(before, progress.rate, 30)
      end)

      it("with the average, once it is done", function()
         local transfer, handle = start { {} }
         core.clock = core.clock + 4
         handle.steps = { { state = "done", bytes_done = 1000,
            bytes_total = 1000, bytes_resumed = 200 } }
         local progress = transfer:progress()
         assert.equal(200, progress.rate)
         assert.equal(0, progress.eta)
      end)

      it("without acknowledging or calling anything, when asked", function()
         local calls = 0
         local transfer = start({ { bytes_total = 1, bytes_done = 1,
            state = "done" } }, { on_progress = function()
            calls = calls + 1
         end })
         assert.equal("done", transfer:progress().state)
         assert.equal(0, calls)
      end)
   end)
end)
