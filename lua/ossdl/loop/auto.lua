--- Waiting in whatever event loop runs here and now. Only loops that the
-- program has loaded are considered; without one, the thread blocks.

local blocking = require "ossdl.loop.blocking"
local error_module = require "ossdl.error"

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

-- What a function of the program's gave as the reason, as an error of ours.
local function given_up(reason)
   if error_module.is(reason) then
      return reason
   end
   return error_module.new {
      kind = "invalid", code = "LOOP", resumable = true,
      message = "the function of the option 'loop' gave up: " .. error_module.line(reason),
   }
end

-- A function may return nothing; only a reason tells that it gave up.
local function custom(wait)
   return {
      name = "custom",
      yields = true,
      wait = function(handle, deadline, quiet)
         local ok, reason = wait(handle, deadline, quiet)
         if not ok and reason ~= nil then
            return nil, given_up(reason)
         end
         return true
      end,
   }
end

-- Why its library cannot be loaded, in one line: require() lists every place
-- where it has looked.
local function missing(loop)
   if not loop.load then
      return nil
   end
   local loaded, why = pcall(loop.load)
   if loaded then
      return nil
   end
   return tostring(why):match "module '[^'\n]*' not found" or error_module.line(why)
end

-- Seen from named(), the function that called ossdl.new() or ossdl.download().
local CALLER = 5

--- The loop of an option's value: a name, or a function as ossdl.LoopWait
-- tells. Raises, for the caller of the facade, when its library is missing:
-- the first wait would be too late to tell.
---@param value string|function
---@return ossdl.Loop
function auto.named(value)
   if value == "auto" then
      return auto
   elseif type(value) == "function" then
      return custom(value)
   end
   local loop = require("ossdl.loop." .. value)
   local reason = missing(loop)
   if reason then
      error(("bad option 'loop' (%q needs a library that cannot be loaded: %s; luarocks install %s)")
         :format(value, reason, value), CALLER)
   end
   return loop
end

return auto
