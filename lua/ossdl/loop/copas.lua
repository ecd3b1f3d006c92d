--- Waiting in a copas thread. Copas waits for sockets; a small object that
-- looks like one stands for the transfer.

local core = require "ossdl.core"
local yielding = require "ossdl.loop.yielding"

local loop = { name = "copas", yields = true }

--- True within copas.loop(). Versions before 2 do not tell: choose this loop
-- by name there.
function loop.running()
   local copas = package.loaded.copas
   if type(copas) ~= "table" or copas.running ~= true then
      return false
   end
   local thread, is_main = coroutine.running()
   return thread ~= nil and not is_main
end

function loop.load()
   return require "copas"
end

--- Whether the caller can yield.
function loop.ready()
   local ok, err = yielding.ready(loop.name)
   return ok, err
end

local Socket = {}
Socket.__index = Socket

function Socket:getfd()
   return (self.handle:getfd())
end

function Socket:dirty()
   return self.handle:dirty()
end

-- The first call asks copas to wait; the second comes after it did.
function Socket:receive()
   if self.asked then
      return ""
   end
   self.asked = true
   return nil, "timeout", ""
end

function Socket.settimeout()
   return 1
end

-- Copas closes the socket of a thread that ends. The transfer is not its.
function Socket.close()
   return 1
end

function loop.wait(handle, deadline, quiet)
   local ok, err = loop.ready()
   if not ok then
      return nil, err
   end
   local copas = loop.load()
   local fd, no_fd = handle:getfd()
   if not fd then
      return nil, no_fd
   end
   if not quiet and handle:dirty() then
      return true
   end
   local socket = setmetatable({ handle = handle }, Socket)
   if deadline and copas.settimeouts then
      local seconds = math.max(0.001, deadline - core.now())
      copas.settimeouts(socket, nil, nil, seconds)
   end
   -- Without timeouts (old versions), the transfer's own ticks wake it up.
   copas.receive(socket, 1)
   return true
end

return loop
