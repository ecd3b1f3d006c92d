-- The real one, whose handles a ticket stands for.
require "ossdl.core"

local fake_core = require "spec.unit.fake_core"

-- The metatable of the binding's handles.
local function binding_class()
   return debug.getregistry()["ossdl.transfer"]
end

describe("single flight", function()
   local core, flights, starts, owner

   before_each(function()
      core = fake_core.install()
      flights = require "ossdl.flights"
      starts, owner = 0, {}
      core.steps = { { bytes_done = 3 } }
   end)

   after_each(function()
      fake_core.remove()
   end)

   local function begin()
      starts = starts + 1
      return core.client({}):start {}
   end

   local function join(path, identity)
      return assert(flights.join(path or "/f", identity or "x", owner, begin))
   end

   it("lets those who want the same share a transfer", function()
      local first, second = join(), join()
      assert.equal(1, starts)
      assert.equal(owner, second.client)
      core.transfers[1].steps = { { state = "done", bytes_done = 5 } }
      assert.is_true((first:poll()))
      assert.is_true((second:poll()))
      assert.equal(5, first:result().bytes)
      assert.equal(5, second:result().bytes)
      first:close()
      assert.equal(0, core.transfers[1].closes)
      assert.equal(5, second:result().bytes)
      second:close()
      assert.equal(1, core.transfers[1].closes)
   end)

   it("gives out what has every method of the binding's handles", function()
      local ticket, class = join(), binding_class()
      for name in pairs(class.__index) do
         assert.equal("function", type(ticket[name]), name .. "() is missing")
      end
      for name, value in pairs(class) do
         if type(value) == "function" then
            assert.equal("function", type(getmetatable(ticket)[name]), name .. " is missing")
         end
      end
      ticket:close()
   end)

   it("passes on what event loops want of a handle", function()
      local ticket, other = join(), join()
      core.transfers[1].fd = 42
      assert.equal(42, ticket:pollfd())
      assert.equal(42, ticket:getfd())
      assert.equal("r", ticket:events())
      assert.is_nil(ticket:timeout())
      assert.is_true(ticket:wait(1))
      assert.equal(1, core.transfers[1].waits)
      ticket:cancel()
      for _, method in ipairs { "pollfd", "getfd" } do
         local fd, err = ticket[method](ticket)
         assert.is_nil(fd)
         assert.equal("cancelled", err.kind)
      end
      assert.is_true(ticket:wait(1))
      assert.equal(1, core.transfers[1].waits)
      other:close()
   end)

   it("knows a path in another writing", function()
      local a = join "/a/b"
      for _, path in ipairs { "/a//b", "/a/./b", "//a/././b" } do
         join(path):close()
      end
      assert.equal(1, starts)
      local b = join "/a/c"
      assert.equal(2, starts)
      a:close()
      b:close()
   end)

   it("is only for the same object", function()
      local first, second = join("/f", "x"), join("/f", "y")
      assert.equal(2, starts)
      first:close()
      assert.is_nil(core.transfers[2].closed)
      -- The newer one can be joined still.
      join("/f", "y"):close()
      assert.equal(2, starts)
      second:close()
   end)

   it("does not join what is over", function()
      local first = join()
      core.transfers[1].steps = { { state = "done" } }
      local second = join()
      assert.equal(2, starts)
      first:close()
      join():close()
      assert.equal(2, starts)
      second:close()
      join():close()
      assert.equal(3, starts)
   end)

   it("joins one that waits for credentials", function()
      local first = join()
      core.transfers[1].client.asking = true
      join():close()
      assert.equal(1, starts)
      first:close()
   end)

   it("passes on why nothing was started", function()
      core.start_error = core.error("busy", "held")
      local ticket, err = flights.join("/f", "x", owner, begin)
      assert.is_nil(ticket)
      assert.equal("busy", err.kind)
      core.start_error = nil
      join():close()
      assert.equal(2, starts)
   end)

   it("goes on for the others when one cancels", function()
      local first, second = join(), join()
      assert.is_true(first:cancel())
      assert.is_true(first:cancel())
      assert.is_nil(core.transfers[1].cancelled)
      local done, snapshot = first:poll()
      assert.is_true(done)
      assert.equal("cancelled", snapshot.state)
      assert.equal(3, snapshot.bytes_done)
      assert.equal("cancelled", first:snapshot().state)
      assert.is_true(first:dirty())
      local result, err = first:result()
      assert.is_nil(result)
      assert.equal("cancelled", err.kind)
      assert.is_true(err.resumable)
      assert.is_false((second:poll()))
      first:close()
      assert.is_nil(core.transfers[1].closed)
      second:cancel()
      assert.is_true(core.transfers[1].cancelled)
      assert.equal("cancelled", select(2, second:poll()).state)
      second:close()
      assert.equal(1, core.transfers[1].closes)
   end)

   it("keeps the result for one who cancels too late", function()
      local first, second = join(), join()
      core.transfers[1].steps = { { state = "done", bytes_done = 5 } }
      first:cancel()
      assert.equal(5, first:result().bytes)
      first:close()
      second:close()
   end)

   it("gives a ticket back once, however it is closed", function()
      local first, second = join(), join()
      first:close()
      first:close()
      first:cancel()
      assert.is_nil(core.transfers[1].closed)
      second:close()
      assert.equal(1, core.transfers[1].closes)
   end)

   it("gives back the ticket of somebody who is no more", function()
      local kept = join()
      join()
      collectgarbage()
      collectgarbage()
      assert.is_nil(core.transfers[1].closed)
      kept:close()
      assert.equal(1, core.transfers[1].closes)
   end)

   it("leaves the client open until the last one is gone", function()
      local disposed = 0
      local function dispose()
         disposed = disposed + 1
      end
      local first, second = join(), join()
      assert.is_nil(first:adopt(dispose))
      assert.equal(dispose, second:adopt(dispose))
      first:close()
      assert.equal(0, disposed)
      second:close()
      assert.equal(1, disposed)
   end)

   describe("in nginx", function()
      local ngx, resty, saved

      before_each(function()
         saved = rawget(_G, "ngx")
         ngx = {
            ctx = {},
            phase = "content",
            get_phase = function()
               return ngx.phase
            end,
            on_abort = function(handler)
               ngx.aborts = (ngx.aborts or 0) + 1
               ngx.abort = handler
               return 1
            end,
            sleep = coroutine.yield,
            worker = {
               exiting = function()
                  return false
               end,
            },
         }
         rawset(_G, "ngx", ngx)
         resty = require "resty.ossdl"
      end)

      after_each(function()
         rawset(_G, "ngx", saved)
      end)

      local function options(extra)
         local all = { endpoint = "e", signature = "none", bucket = "b",
            object = "o", file = "/f" }
         for name, value in pairs(extra or {}) do
            all[name] = value
         end
         return all
      end

      -- A light thread; its outcome is in the table it returns.
      local function light_thread(action)
         local outcome = {}
         outcome.resume = coroutine.wrap(function()
            outcome.result, outcome.err = action()
            outcome.over = true
         end)
         outcome.resume()
         return outcome
      end

      local function download(extra)
         return light_thread(function()
            return resty.download(options(extra))
         end)
      end

      local function finish(state)
         core.transfers[1].steps = { { state = state, bytes_done = 5 } }
      end

      it("two requests with clients of their own share one", function()
         local first, second = download(), download()
         assert.equal(1, #core.transfers)
         finish "done"
         first.resume()
         assert.equal(5, first.result.bytes)
         assert.equal("/f", first.result.file)
         -- Its client carries the other request's download, too.
         assert.is_nil(core.clients[1].closed)
         second.resume()
         assert.equal(5, second.result.bytes)
         assert.is_true(core.clients[1].closed)
         assert.is_true(core.clients[2].closed)
      end)

      it("whoever wants to block or to watch the descriptor, can", function()
         ngx.phase = "init_worker"
         core.steps = { {}, { state = "done", bytes_done = 5 } }
         assert.equal(5, resty.download(options { loop = "blocking" }).bytes)
         core.steps = { {} }
         local client = assert(resty.new(options()))
         local transfer = assert(client:start {})
         core.transfers[2].fd = 42
         assert.equal(42, transfer:pollfd())
         assert.equal(42, transfer:getfd())
         transfer:close()
         client:close()
      end)

      it("each has its own on_progress", function()
         core.steps = { { bytes_total = 9 } }
         local calls = { 0, 0 }
         local threads = {}
         for i = 1, 2 do
            threads[i] = download { progress_interval = 0.01,
               on_progress = function()
                  calls[i] = calls[i] + 1
               end }
         end
         core.clock = core.clock + 1
         threads[1].resume()
         threads[2].resume()
         assert.same({ 1, 1 }, calls)
         core.transfers[1].steps = { { state = "done", bytes_total = 9 } }
         threads[1].resume()
         threads[2].resume()
         assert.same({ 2, 2 }, calls)
         assert.is_true(threads[2].over)
      end)

      it("a request whose client goes away cancels its own", function()
         local first = download()
         local abort = ngx.abort
         ngx.ctx = {}
         local second = download()
         assert.equal(2, ngx.aborts)
         abort()
         first.resume()
         assert.equal("cancelled", first.err.kind)
         assert.is_nil(core.transfers[1].cancelled)
         assert.is_nil(second.over)
         ngx.abort()
         assert.is_true(core.transfers[1].cancelled)
         second.resume()
         assert.equal("cancelled", second.err.kind)
         assert.is_true(core.clients[1].closed)
      end)

      it("a request sets one abort handler for all its own", function()
         local first = download { file = "/a" }
         local second = download { file = "/b" }
         assert.equal(1, ngx.aborts)
         ngx.abort()
         first.resume()
         second.resume()
         assert.equal("cancelled", first.err.kind)
         assert.equal("cancelled", second.err.kind)
      end)

      it("a request that cannot be watched is served all the same", function()
         ngx.on_abort = function()
            error "no request found"
         end
         local first = download()
         finish "done"
         first.resume()
         assert.equal(5, first.result.bytes)
         ngx.phase = "timer"
         ngx.ctx = nil
         core.steps = { { state = "done", bytes_done = 6 } }
         assert.equal(6, download().result.bytes)
      end)

      it("credentials come from who started, even if it left", function()
         local asked = {}
         local function provider(name)
            return function()
               asked[#asked + 1] = name
               return { access_key_id = name, access_key_secret = "s" }
            end
         end
         local first = download { signature = "v4",
            credentials = provider "one" }
         local abort = ngx.abort
         ngx.ctx = {}
         local second = download { signature = "v4",
            credentials = provider "two" }
         abort()
         first.resume()
         assert.equal("cancelled", first.err.kind)
         core.transfers[1].client.asking = true
         second.resume()
         assert.same({ "one", "two", "one" }, asked)
         assert.is_false(core.transfers[1].client.asking)
         finish "done"
         for _ = 1, 20 do
            if not second.over then
               core.clock = core.clock + 0.05
               second.resume()
            end
         end
         assert.equal(5, second.result.bytes)
      end)

      it("functions are called with a dot or a colon", function()
         core.steps = { { state = "done", bytes_done = 6 } }
         for _, client in ipairs { assert(resty.new(options())),
            assert(resty:new(options())) } do
            assert.equal(6, client:download({}).bytes)
         end
         assert.equal(6, resty:download(options()).bytes)
         assert.equal("https://signed", resty:presign { endpoint = "e",
            bucket = "b", object = "o", signature = "none" })
         assert.equal("signed", resty.sign { bucket = "b",
            signature = "none" }.Authorization)
         assert.equal("9.9.9", resty._VERSION)
      end)

      it("wrong options raise where the function was called", function()
         for _, call in ipairs {
            function() resty.new { buket = 1 } end,
            function() resty:new { buket = 1 } end,
            function() resty.download { buket = 1 } end,
            function() resty.presign { buket = 1 } end,
         } do
            local ok, message = pcall(call)
            assert.is_false(ok)
            assert.truthy(message:find "flights_spec%.lua:%d+: ", message)
         end
      end)

      it("a phase that cannot wait starts nothing", function()
         ngx.phase = "log"
         local result, err = resty.download(options())
         assert.is_nil(result)
         assert.equal("PHASE", err.code)
         assert.equal(0, #core.transfers)
         assert.is_true(core.clients[1].closed)
      end)
   end)
end)
