--- Waiting without an event loop: this thread of the system sleeps.

local core = require "ossdl.core"

-- Seconds. The interpreter gets a turn that often, so that Ctrl-C works.
local TURN = 0.25

---@class ossdl.Loop
---@field name string
---@field running fun(): boolean true when the caller runs in this loop
---@field yields boolean other coroutines may run meanwhile
---@field ready? fun(): boolean?, ossdl.Error? whether waiting is possible
---@field wait ossdl.LoopWait
---@field forget? fun(handle: table) lets go of a handle that will be closed

---@alias ossdl.LoopWait
---| fun(handle: table, deadline: number?, quiet: boolean?): boolean?, any

local blocking = { name = "blocking", yields = false }

function blocking.running()
   return true
end

--- Waits until something changed or the deadline (of core.now()) has come.
-- May return early. With `quiet`, what is already known is no reason to.
function blocking.wait(handle, deadline)
   local seconds = TURN
   if deadline then
      seconds = math.max(0, math.min(TURN, deadline - core.now()))
   end
   local ok, err = handle:wait(seconds)
   return ok, err
end

return blocking
