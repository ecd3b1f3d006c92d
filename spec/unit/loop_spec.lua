local fake_core = require "spec.unit.fake_core"

-- Modules that a test puts in the place of event loops.
local LOOPS = { "cqueues", "copas", "luv", "uv" }

describe("waiting", function()
   local core, auto, saved, handle

   before_each(function()
      saved = { ngx = rawget(_G, "ngx") }
      for _, name in ipairs(LOOPS) do
         saved[name] = package.loaded[name]
         package.loaded[name] = nil
      end
      core = fake_core.install()
      auto = require "ossdl.loop.auto"
      handle = assert(core.client({}):start {})
      handle.steps = { {} }
      handle.fd = 42
   end)

   after_each(function()
      for _, name in ipairs(LOOPS) do
         package.loaded[name] = saved[name]
      end
      rawset(_G, "ngx", saved.ngx)
      fake_core.remove()
   end)

   local function in_coroutine(action)
      local results
      local thread = coroutine.wrap(function()
         results = { action() }
      end)
      thread()
      return results and results[1], thread
   end

   -- Calls it through a C function, which no coroutine of any Lua yields
   -- across.
   local function through_c(action)
      local results
      string.gsub("x", "x", function()
         results = { action() }
      end)
      return results[1], results[2]
   end

   local function assert_refused(ok, err, words)
      assert.is_nil(ok)
      assert.equal("invalid", err.kind)
      assert.truthy(err.message:find(words, 1, true), err.message)
      assert.truthy(err.message:find('loop = "blocking"', 1, true))
   end

   it("blocks where no event loop runs", function()
      assert.equal("blocking", auto.pick().name)
      assert.is_true(auto.ready())
      local before = core.clock
      assert.is_true(auto.wait(handle, before + 100))
      assert.equal(1, handle.waits)
      -- Not for long, so that the interpreter can see Ctrl-C.
      assert.truthy(core.clock - before < 1)
      assert.is_true(auto.wait(handle, core.clock - 5))
      assert.is_true(auto.wait(handle, nil))
   end)

   it("is done by the loop that is named", function()
      for _, name in ipairs(LOOPS) do
         package.loaded[name] = {}
      end
      assert.equal(auto, auto.named "auto")
      for _, name in ipairs { "blocking", "resty", "cqueues", "luv",
         "copas" } do
         assert.equal(name, auto.named(name).name)
      end
   end)

   it("needs the library of the loop that is named, and says so", function()
      local ossdl = require "ossdl"
      local path, cpath = package.path, package.cpath
      package.path, package.cpath = "", ""
      for _, call in ipairs { ossdl.new, ossdl.download } do
         for _, name in ipairs { "cqueues", "luv", "copas" } do
            local ok, message = pcall(function()
               local value = call { endpoint = "e", signature = "none",
                  bucket = "b", object = "o", file = "f", loop = name }
               return value
            end)
            assert.is_false(ok)
            assert.truthy(message:find "loop_spec%.lua:%d+: bad option 'loop'", message)
            assert.truthy(message:find("luarocks install " .. name, 1, true))
            assert.is_nil(message:find "\n")
         end
      end
      package.path, package.cpath = path, cpath
      -- There is only the one that every test has.
      assert.equal(1, #core.transfers)
      package.loaded.uv = {}
      assert.equal("luv", auto.named("luv").name)
   end)

   describe("by a function of the program's", function()
      it("gets all there is to know, and may return nothing", function()
         local got
         local loop = auto.named(function(...)
            got = { ... }
         end)
         assert.is_true(loop.wait(handle, 7, true))
         assert.same({ handle, 7, true }, got)
      end)

      it("ends with the reason for which it gave up", function()
         local mine = core.error("io", "no such descriptor")
         for reason, expected in pairs {
            gone = "the function of the option 'loop' gave up: gone",
            [mine] = "no such descriptor",
         } do
            for _, ok in ipairs { false, "nil" } do
               local loop = auto.named(function()
                  return ok ~= "nil" and ok or nil, reason
               end)
               local done, err = loop.wait(handle)
               assert.is_nil(done)
               assert.equal(expected, err.message)
            end
         end
      end)

      it("ends a download whose function gave up", function()
         core.steps = { {} }
         local result, err = require "ossdl".download { endpoint = "e",
            signature = "none", bucket = "b", object = "o", file = "f",
            loop = function()
               return nil, "gone"
            end }
         assert.is_nil(result)
         assert.equal("LOOP", err.code)
         assert.is_true(err.resumable)
         assert.is_true(core.transfers[2].cancelled)
         assert.equal(1, core.transfers[2].closes)
      end)

      it("can compute with the deadline", function()
         local ossdl = require "ossdl"
         core.clock = 1234
         assert.equal(1234, ossdl.now())
      end)
   end)

   it("asks only loops that are loaded", function()
      auto.pick()
      for _, name in ipairs(LOOPS) do
         assert.is_nil(package.loaded[name])
      end
   end)

   describe("in cqueues", function()
      local polled, immediate

      before_each(function()
         polled, immediate = {}, true
         package.loaded.cqueues = {
            running = function()
               return {}, immediate
            end,
            poll = function(...)
               polled[#polled + 1] = { select("#", ...), ... }
            end,
            cancel = function(fd)
               polled.cancelled = fd
            end,
         }
      end)

      it("happens in a controller's own coroutine", function()
         assert.equal("cqueues", auto.pick().name)
         immediate = false
         assert.equal("blocking", auto.pick().name)
      end)

      local function wait(...)
         local arguments = { ... }
         local ok, err
         in_coroutine(function()
            ok, err = auto.wait(handle, arguments[1], arguments[2])
         end)
         return ok, err
      end

      it("polls the transfer, and leaves no trace of it", function()
         assert.is_true(wait(core.clock + 2))
         assert.same(3 - 1, polled[1][1])
         assert.equal(handle, polled[1][2])
         assert.near(2, polled[1][3], 1e-6)
         assert.equal(42, polled.cancelled)
         assert.is_true(wait())
         assert.equal(1, polled[2][1])
      end)

      it("leaves no trace when the wait never ends, either", function()
         package.loaded.cqueues.poll = coroutine.yield
         in_coroutine(function()
            auto.wait(handle)
         end)
         assert.is_nil(polled.cancelled)
         auto.forget(handle)
         assert.equal(42, polled.cancelled)
         polled.cancelled = nil
         auto.forget(handle)
         assert.is_nil(polled.cancelled)
      end)

      it("does not happen when there is something to do", function()
         handle.steps = { { state = "done" } }
         assert.is_true(wait())
         assert.equal(0, #polled)
         assert.is_true(wait(core.clock + 1, true))
         assert.equal(1, #polled)
      end)

      it("passes on why there is no descriptor", function()
         local reason = core.error("io", "too many")
         handle.pollfd = function()
            return nil, reason
         end
         local ok, err = wait()
         assert.is_nil(ok)
         assert.equal(reason, err)
      end)
   end)

   describe("in luv", function()
      local uv, mode, objects

      local function object()
         local made = { closes = 0, stops = 0 }
         function made.start(self, ...)
            self.args = { ... }
            self.callback = self.args[#self.args]
         end
         function made:stop()
            self.stops = self.stops + 1
         end
         function made:close()
            self.closes = self.closes + 1
         end
         objects[#objects + 1] = made
         return made
      end

      before_each(function()
         mode, objects = "default", {}
         uv = {
            polls = {},
            loop_mode = function()
               return mode
            end,
            new_poll = function(fd)
               uv.poll = object()
               uv.poll.fd = fd
               table.insert(uv.polls, uv.poll)
               return uv.poll
            end,
            new_timer = function()
               uv.timer = object()
               return uv.timer
            end,
         }
         package.loaded.luv = uv
      end)

      it("happens in a coroutine while the loop runs", function()
         assert.equal("luv", in_coroutine(function()
            return auto.pick().name
         end))
         assert.equal("blocking", auto.pick().name)
         mode = nil
         assert.equal("blocking", in_coroutine(function()
            return auto.pick().name
         end))
         uv.loop_mode = nil
         uv.loop_alive = function()
            return true
         end
         assert.equal("luv", in_coroutine(function()
            return auto.pick().name
         end))
      end)

      it("shares one poll object among those who wait", function()
         local woken = {}
         for i = 1, 3 do
            in_coroutine(function()
               assert(auto.wait(handle, i < 3 and core.clock + i or nil))
               woken[#woken + 1] = i
            end)
         end
         assert.equal(1, #uv.polls)
         objects[3].callback()
         assert.same({ 2 }, woken)
         assert.equal(0, uv.poll.closes)
         uv.poll.callback()
         assert.same({ 2, 1, 3 }, woken)
         for _, made in ipairs(objects) do
            assert.equal(1, made.closes)
         end
      end)

      it("wakes the others, too, when one of them raises", function()
         local woken
         in_coroutine(function()
            auto.wait(handle)
            error("mine", 0)
         end)
         in_coroutine(function()
            woken = auto.wait(handle)
         end)
         assert.has_error(function()
            uv.poll.callback()
         end, "mine")
         assert.is_true(woken)
      end)

      it("is refused where nothing can yield, with nothing left", function()
         local named = auto.named "luv"
         for _, call in ipairs { named.ready, named.wait } do
            local ok, err = call(handle)
            assert_refused(ok, err, "call it in one")
            in_coroutine(function()
               ok, err = through_c(function()
                  return call(handle, core.clock + 1)
               end)
            end)
            assert_refused(ok, err, "string.gsub")
         end
         assert.equal(0, #objects)
      end)

      it("takes everything back when only yielding itself can tell", function()
         local isyieldable = coroutine.isyieldable -- luacheck: ignore
         rawset(coroutine, "isyieldable", nil)
         fake_core.remove()
         core = fake_core.install()
         local named = require "ossdl.loop.luv"
         rawset(coroutine, "isyieldable", isyieldable)
         local ok, err
         in_coroutine(function()
            ok, err = through_c(function()
               return named.wait(handle, core.clock + 1)
            end)
         end)
         assert_refused(ok, err, "yield across")
         assert.equal(2, #objects)
         for _, made in ipairs(objects) do
            assert.equal(1, made.closes)
         end
      end)

      it("passes on why libuv does not watch the descriptor", function()
         uv.new_poll = function()
            return nil, "EEXIST: file already exists"
         end
         local ok, err
         in_coroutine(function()
            ok, err = auto.wait(handle)
         end)
         assert_refused(ok, err, "EEXIST")
      end)

      it("is over for a handle that is forgotten", function()
         in_coroutine(function()
            auto.wait(handle, core.clock + 1)
         end)
         auto.forget(handle)
         auto.forget(handle)
         for _, made in ipairs(objects) do
            assert.equal(1, made.closes)
         end
      end)

      if coroutine.close then -- luacheck: ignore
         it("does not wake who was closed meanwhile", function()
            for _, object_of in ipairs { "poll", "timer" } do
               local thread = coroutine.create(function()
                  auto.wait(handle, core.clock + 1)
               end)
               assert(coroutine.resume(thread))
               coroutine.close(thread) -- luacheck: ignore
               uv[object_of].callback()
            end
            for _, made in ipairs(objects) do
               assert.equal(1, made.closes)
            end
         end)
      end

      it("yields until the descriptor is readable", function()
         local ok
         local result = in_coroutine(function()
            ok = auto.wait(handle, core.clock + 2)
            return ok
         end)
         assert.is_nil(result)
         assert.equal(42, uv.poll.fd)
         assert.equal("r", uv.poll.args[1])
         assert.equal(2000, uv.timer.args[1])
         uv.poll.callback()
         assert.is_true(ok)
         for _, made in ipairs(objects) do
            assert.equal(1, made.closes)
            assert.equal(1, made.stops)
         end
         -- A callback that was on its way already does nothing.
         uv.timer.callback()
         assert.equal(1, uv.timer.closes)
      end)

      it("yields until the time is over", function()
         local ok
         in_coroutine(function()
            ok = auto.wait(handle, core.clock + 2)
         end)
         uv.timer.callback()
         assert.is_true(ok)
         assert.equal(1, uv.poll.closes)
      end)

      it("needs no timer without a deadline", function()
         in_coroutine(function()
            auto.wait(handle)
         end)
         assert.equal(1, #objects)
      end)

      it("is not ended by somebody else's resume", function()
         local ok
         local _, thread = in_coroutine(function()
            ok = auto.wait(handle)
         end)
         thread()
         assert.is_nil(ok)
         uv.poll.callback()
         assert.is_true(ok)
      end)

      it("gives errors of the coroutine to the loop", function()
         in_coroutine(function()
            auto.wait(handle)
            error("later", 0)
         end)
         assert.has_error(function()
            uv.poll.callback()
         end, "later")
      end)
   end)

   describe("in copas", function()
      local copas

      before_each(function()
         copas = {
            running = true,
            receive = function(socket, size)
               copas.socket = socket
               assert.equal(1, size)
               assert.equal(42, socket:getfd())
               assert.is_false(socket:dirty())
               local data, err = socket:receive(size)
               assert.is_nil(data)
               assert.equal("timeout", err)
               assert.equal("", (socket:receive(size)))
               assert.equal(1, socket:settimeout(0))
               assert.equal(1, socket:close())
            end,
            settimeouts = function(socket, connect, send, read)
               copas.timeouts = { socket, connect or false, send or false,
                  read }
            end,
         }
         package.loaded.copas = copas
      end)

      it("happens in a thread while the loop runs", function()
         assert.equal("copas", in_coroutine(function()
            return auto.pick().name
         end))
         assert.equal("blocking", auto.pick().name)
         copas.running = nil
         assert.equal("blocking", in_coroutine(function()
            return auto.pick().name
         end))
      end)

      local function wait()
         local ok = in_coroutine(function()
            return auto.named("copas").wait(handle, core.clock + 3)
         end)
         return ok
      end

      it("shows copas something like a socket", function()
         assert.is_true(wait())
         assert.equal(copas.socket, copas.timeouts[1])
         assert.near(3, copas.timeouts[4], 1e-6)
         copas.settimeouts = nil
         assert.is_true(wait())
      end)

      it("is refused where nothing can yield", function()
         local named = auto.named "copas"
         for _, call in ipairs { named.ready, named.wait } do
            assert_refused(call(handle), select(2, call(handle)), "call it in one")
         end
      end)
   end)

   describe("in nginx", function()
      local ngx, naps

      before_each(function()
         naps = {}
         ngx = {
            phase = "content",
            exiting = false,
            get_phase = function()
               return ngx.phase
            end,
            worker = {
               exiting = function()
                  return ngx.exiting
               end,
            },
            sleep = function(seconds)
               naps[#naps + 1] = seconds
               core.clock = core.clock + seconds
               if #naps == ngx.naps then
                  handle.steps = { { state = "done" } }
               end
            end,
         }
         rawset(_G, "ngx", ngx)
      end)

      it("naps, and longer each time, until there is something", function()
         ngx.naps = 10
         assert.equal("resty", auto.pick().name)
         assert.is_true(auto.wait(handle))
         assert.equal(10, #naps)
         assert.equal(0.001, naps[1])
         assert.equal(0.002, naps[2])
         assert.equal(0.05, naps[10])
      end)

      it("naps until the deadline", function()
         local before = core.clock
         assert.is_true(auto.wait(handle, before + 0.02))
         assert.truthy(core.clock >= before + 0.02)
         assert.truthy(core.clock - before < 0.03)
         assert.equal(0, handle.waits)
      end)

      it("naps on when told to ignore what is known", function()
         handle.steps = { { state = "done" } }
         assert.is_true(auto.wait(handle, core.clock + 0.01, true))
         assert.truthy(#naps > 1)
         naps = {}
         assert.is_true(auto.wait(handle, core.clock + 0.01))
         assert.equal(0, #naps)
      end)

      it("cancels in a worker that is told to exit", function()
         ngx.exiting, ngx.naps = true, 3
         assert.is_true(auto.wait(handle))
         assert.is_true(handle.cancelled)
      end)

      it("is refused in a phase that cannot, and never blocks", function()
         for _, phase in ipairs { "init", "init_worker", "set", "balancer",
            "header_filter", "body_filter", "log", "exit_worker",
            "unheard_of" } do
            ngx.phase = phase
            for _, call in ipairs { auto.ready, auto.wait } do
               local ok, err = call(handle)
               assert.is_nil(ok)
               assert.equal("invalid", err.kind)
               assert.truthy(err.message:find("'" .. phase .. "'", 1, true))
               assert.truthy(err.message:find("ngx.timer.at(0", 1, true))
            end
         end
         assert.equal(0, #naps)
         assert.equal(0, handle.waits)
      end)

      it("is possible where Lua may yield", function()
         for _, phase in ipairs { "rewrite", "access", "content", "timer",
            "ssl_cert", "preread" } do
            ngx.phase = phase
            assert.is_true(auto.ready())
         end
      end)
   end)

   it("by yielding is refused in PUC Lua 5.1", function()
      local version, jit = _VERSION, rawget(_G, "jit")
      fake_core.remove()
      rawset(_G, "_VERSION", "Lua 5.1")
      rawset(_G, "jit", nil)
      core = fake_core.install()
      local yielding = require "ossdl.loop.yielding"
      rawset(_G, "_VERSION", version)
      rawset(_G, "jit", jit)
      local ok, err
      in_coroutine(function()
         ok, err = yielding.ready "cqueues"
      end)
      assert_refused(ok, err, "use LuaJIT or a newer Lua")
   end)

   it("like nginx is refused outside it", function()
      rawset(_G, "ngx", nil)
      local ok, err = auto.named("resty").wait(handle)
      assert.is_nil(ok)
      assert.truthy(err.message:find "in nginx only")
   end)
end)
