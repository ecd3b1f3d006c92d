-- The behaviours of waiting, with cqueues, and what becomes of a wait whose
-- coroutine is closed.

require "spec.loop.behaviours".of "cqueues"

local found, cqueues = pcall(require, "cqueues")
if not found or not coroutine.close then -- luacheck: ignore
   return
end

local ossdl = require "ossdl"

local helper = require "spec.helper"
local oss = require "spec.support.oss"

describe("a wait in cqueues", function()
   local server

   lazy_setup(function()
      server = oss.start()
      server:put_random("one", 1024 * 1024, 1)
   end)

   lazy_teardown(function()
      server:stop()
   end)

   helper.guard()

   it("does not keep its controller waiting for a closed coroutine", function()
      server:fault { match = { key = "one" }, delay = 0.3 }
      local client = assert(ossdl.new(server:options { proxy = "" }))
      local file = helper.folder() .. "/target"
      local controller = cqueues.new()
      local waiting, transfer
      controller:wrap(function()
         waiting = coroutine.running()
         transfer = assert(client:start { object = "one", file = file })
         transfer:wait()
      end)
      controller:wrap(function()
         repeat
            cqueues.sleep(0.01)
         until transfer
         coroutine.close(waiting) -- luacheck: ignore
         transfer:close()
      end)
      -- The coroutine was the controller's own, which complains about it.
      local ok, err = controller:loop(30)
      assert.is_false(ok)
      assert.truthy(tostring(err):find("dead coroutine", 1, true), tostring(err))
      assert(controller:loop(30))
      assert.is_true(controller:empty())
      client:close()
   end)
end)
