--- Waiting in nginx: there is no way to wait for a descriptor, so the light
-- thread naps, each time a little longer.

local core = require "ossdl.core"
local error_module = require "ossdl.error"
local nginx = require "ossdl.nginx"

local loop = { name = "resty", yields = true }

-- Seconds.
local NAP_MIN, NAP_MAX = 0.001, 0.05

-- Phases of a request, and of nginx, in which Lua may yield.
local YIELDABLE = {
   access = true,
   content = true,
   preread = true,
   rewrite = true,
   server_rewrite = true,
   ssl_cert = true,
   ssl_client_hello = true,
   ssl_session_fetch = true,
   timer = true,
}

--- True in nginx, whatever the phase: blocking a worker is never right.
function loop.running()
   return nginx() ~= nil
end

local function unable(message)
   return error_module.new {
      kind = "invalid", code = "PHASE", message = message,
   }
end

--- Whether this phase can wait.
function loop.ready()
   local nginx_table = nginx()
   if not nginx_table then
      return nil, unable "the loop 'resty' works in nginx only"
   end
   local phase = nginx_table.get_phase()
   if YIELDABLE[phase] then
      return true
   end
   return nil, unable(("the phase '%s' of nginx cannot wait; start the "
      .. "download in a timer: ngx.timer.at(0, function)"):format(phase))
end

-- A worker that is told to stop leaves the checkpoint and goes.
local function stop_if_exiting(nginx_table, handle)
   if nginx_table.worker and nginx_table.worker.exiting() then
      handle:cancel()
   end
end

function loop.wait(handle, deadline, quiet)
   local ok, err = loop.ready()
   if not ok then
      return nil, err
   end
   local nginx_table = nginx()
   local nap = NAP_MIN
   repeat
      if not quiet and handle:dirty() then
         return true
      end
      stop_if_exiting(nginx_table, handle)
      local left = deadline and deadline - core.now() or NAP_MAX
      nginx_table.sleep(math.max(NAP_MIN, math.min(nap, left)))
      nap = math.min(nap * 2, NAP_MAX)
   until deadline and core.now() >= deadline
   return true
end

return loop
