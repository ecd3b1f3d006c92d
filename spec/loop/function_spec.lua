-- Waiting with a function of the program's: here with select() of LuaSocket.

local ossdl = require "ossdl"
local socket = require "socket"

local helper = require "spec.helper"
local oss = require "spec.support.oss"

local MIB = 1024 * 1024

local function select_wait(handle, deadline, quiet)
   if not quiet and handle:dirty() then
      return true
   end
   local fd, err = handle:getfd()
   if not fd then
      return nil, err
   end
   local seconds = deadline and math.max(0, deadline - ossdl.now())
   socket.select({ { getfd = function() return fd end } }, nil, seconds)
   return true
end

describe("waiting with a function", function()
   local server

   lazy_setup(function()
      server = oss.start()
      server:put_random("one", 3 * MIB, 1)
   end)

   lazy_teardown(function()
      server:stop()
   end)

   local function download(file, loop, extra)
      local options = server:options { object = "one", file = file, proxy = "",
         loop = loop }
      for name, value in pairs(extra or {}) do
         options[name] = value
      end
      local result, err = ossdl.download(options)
      return result, err
   end

   helper.guard { warm_up = function()
      assert(download(helper.folder() .. "/warm-up", select_wait))
      helper.cleanup()
   end }

   it("downloads, and tells progress at its times", function()
      local file, calls = helper.folder() .. "/target", 0
      local result, err = download(file, select_wait, {
         progress_interval = 0.01,
         on_progress = function()
            calls = calls + 1
         end,
      })
      assert(result, tostring(err))
      assert.is_true(calls > 0)
      assert.is_true(helper.same_file(server:path "one", file))
   end)

   it("ends when the function gives up, and goes on later", function()
      local file = helper.folder() .. "/target"
      local result, err = download(file, function()
         return nil, "gone"
      end)
      assert.is_nil(result)
      assert.are.equal("LOOP", err.code)
      assert.truthy(err.message:find("gone", 1, true))
      assert.is_true(err.resumable)
      assert(download(file, select_wait, { busy = "wait" }))
      assert.is_true(helper.same_file(server:path "one", file))
   end)
end)
