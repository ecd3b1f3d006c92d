-- The behaviours of waiting, with luv, and what becomes of its handles when a
-- wait does not end the usual way.

local behaviours = require "spec.loop.behaviours"

behaviours.of "luv"

local found, uv = pcall(require, "luv")
if not found then
   return
end

local ossdl = require "ossdl"

local helper = require "spec.helper"
local oss = require "spec.support.oss"

local MIB = 1024 * 1024

describe("a wait in luv", function()
   local server

   lazy_setup(function()
      server = oss.start()
      server:put_random("one", MIB, 1)
   end)

   lazy_teardown(function()
      server:stop()
   end)

   -- What the loop itself keeps open was opened by the behaviours.
   helper.guard()

   local function new_client(loop)
      return assert(ossdl.new(server:options { proxy = "", loop = loop }))
   end

   local function target()
      return helper.folder() .. "/target"
   end

   local function count_handles()
      local count = 0
      uv.walk(function(handle)
         if not handle:is_closing() then
            count = count + 1
         end
      end)
      return count
   end

   it("is refused in the main coroutine, and the loop runs on", function()
      local before = count_handles()
      local client = new_client "luv"
      local calls = {
         function(options)
            return client:download(options)
         end,
         function(options)
            local transfer = assert(client:start(options))
            local done, err = transfer:wait(1)
            transfer:close()
            return done, err
         end,
      }
      for _, call in ipairs(calls) do
         local value, err = call { object = "one", file = target() }
         assert.is_nil(value)
         assert.are.equal("YIELD", err.code)
         assert.truthy(err.message:find("coroutine", 1, true))
      end
      client:close()
      assert.are.equal(before, count_handles())
      uv.run()
   end)

   if coroutine.close then -- luacheck: ignore
      -- Runs the loop with a coroutine that waits for a transfer of the slow
      -- object and is closed while it does.
      local function close_waiting(loop, seconds, after)
         server:fault { match = { key = "one" }, delay = 0.3 }
         local client, file = new_client(loop), target()
         local transfer
         local waiting = coroutine.create(function()
            transfer = assert(client:start { object = "one", file = file })
            transfer:wait(seconds)
            error "it came back to a coroutine that was closed"
         end)
         local before = count_handles()
         local timer = uv.new_timer()
         timer:start(0, 0, function()
            timer:close()
            assert(coroutine.resume(waiting))
            assert.is_true(count_handles() > before)
            coroutine.close(waiting) -- luacheck: ignore
            after(transfer)
         end)
         uv.run()
         assert.are.equal(before, count_handles())
         client:close()
         server:clear()
      end

      for _, loop in ipairs { "auto", "luv" } do
         for name, seconds in pairs { ["with"] = 0.1, ["without"] = false } do
            it(("%s a limit of time may be closed with its coroutine (%s)"):format(name, loop), function()
               close_waiting(loop, seconds or nil, function() end)
            end)
         end

         it("leaves nothing behind when its transfer is closed, too (" .. loop .. ")", function()
            close_waiting(loop, 60, function(transfer)
               transfer:close()
            end)
         end)
      end
   end
end)
