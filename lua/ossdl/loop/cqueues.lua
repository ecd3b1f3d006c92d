--- Waiting in a cqueues controller.

local core = require "ossdl.core"

local loop = { name = "cqueues", yields = true }

--- True in a coroutine that a controller resumed itself.
function loop.running()
   local cqueues = package.loaded.cqueues
   if type(cqueues) ~= "table" then
      return false
   end
   local _, immediate = cqueues.running()
   return immediate == true
end

function loop.wait(handle, deadline, quiet)
   local cqueues = require "cqueues"
   local fd, err = handle:pollfd()
   if not fd then
      return nil, err
   end
   if not quiet and handle:dirty() then
      return true
   end
   if deadline then
      cqueues.poll(handle, math.max(0, deadline - core.now()))
   else
      cqueues.poll(handle)
   end
   -- A controller must forget a descriptor before it is closed, and nobody
   -- says when that will be.
   cqueues.cancel(fd)
   return true
end

return loop
