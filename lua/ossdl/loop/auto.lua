--- Waiting in whatever event loop runs here and now. Only loops that the
-- program has loaded are considered; without one, the thread blocks.

local blocking = require "ossdl.loop.blocking"

local auto = { name = "auto", yields = true }

local CANDIDATES = {
   require "ossdl.loop.resty",
   require "ossdl.loop.cqueues",
   require "ossdl.loop.copas",
   require "ossdl.loop.luv",
   blocking,
}

--- The loop to use at this place.
---@return ossdl.Loop
function auto.pick()
   for _, loop in ipairs(CANDIDATES) do
      if loop.running() then
         return loop
      end
   end
   return blocking
end

function auto.running()
   return true
end

function auto.ready()
   local loop = auto.pick()
   if loop.ready then
      local ok, err = loop.ready()
      return ok, err
   end
   return true
end

function auto.wait(handle, deadline, quiet)
   local ok, err = auto.pick().wait(handle, deadline, quiet)
   return ok, err
end

--- Tells every loop, since nobody knows where the last wait took place.
function auto.forget(handle)
   for _, loop in ipairs(CANDIDATES) do
      if loop.forget then
         loop.forget(handle)
      end
   end
end

--- The loop of an option's value: a name, or a function (handle, deadline).
---@param value string|function
---@return ossdl.Loop
function auto.named(value)
   if value == "auto" then
      return auto
   elseif type(value) == "function" then
      return {
         name = "custom",
         yields = true,
         wait = function(handle, deadline)
            value(handle, deadline)
            return true
         end,
      }
   end
   return require("ossdl.loop." .. value)
end

return auto
