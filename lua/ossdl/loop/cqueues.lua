--- Waiting in a cqueues controller.

local core = require "ossdl.core"
local yielding = require "ossdl.loop.yielding"

local loop = { name = "cqueues", yields = true }

-- The descriptors that controllers know, by handle.
local polled = setmetatable({}, { __mode = "k" })

--- True in a coroutine that a controller resumed itself.
function loop.running()
   local cqueues = package.loaded.cqueues
   if type(cqueues) ~= "table" then
      return false
   end
   local _, immediate = cqueues.running()
   return immediate == true
end

function loop.load()
   return require "cqueues"
end

--- Whether the caller can yield, if it has to: outside a controller, cqueues
-- makes one for the occasion, and blocks.
function loop.ready()
   if not loop.load().running() then
      return true
   end
   local ok, err = yielding.ready(loop.name)
   return ok, err
end

function loop.wait(handle, deadline, quiet)
   local ok, err = loop.ready()
   if not ok then
      return nil, err
   end
   local cqueues = loop.load()
   local fd, no_fd = handle:pollfd()
   if not fd then
      return nil, no_fd
   end
   if not quiet and handle:dirty() then
      return true
   end
   polled[handle] = fd
   if deadline then
      cqueues.poll(handle, math.max(0, deadline - core.now()))
   else
      cqueues.poll(handle)
   end
   -- A controller must forget a descriptor before it is closed, and nobody
   -- says when that will be.
   loop.forget(handle)
   return true
end

--- The handle is about to be closed, or a wait is over: no controller waits
-- for it any more, not even for the sake of a coroutine that was closed.
function loop.forget(handle)
   local fd = polled[handle]
   if fd then
      polled[handle] = nil
      loop.load().cancel(fd)
   end
end

return loop
