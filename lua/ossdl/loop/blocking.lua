--- Waiting without an event loop: this thread of the system sleeps.

local core = require "ossdl.core"

-- Seconds. The interpreter gets a turn that often, so that Ctrl-C works.
local TURN = 0.25

---@class ossdl.Loop
---@field name string
---@field running fun(): boolean true when the caller runs in this loop
---@field yields boolean other coroutines may run meanwhile
---@field load? fun(): table its library, loaded if need be; may raise
---@field ready? fun(): boolean?, ossdl.Error? whether waiting is possible
---@field wait ossdl.LoopWait
---@field forget? fun(handle: table) lets go of a handle that will be closed

-- One wait, in a loop of ours or in a function of the program's.
--
-- The handle is the binding's transfer: pollfd() and getfd() give the
-- descriptor that is readable when something changed, or nil and an error;
-- dirty() tells whether there is something to do already; wait(seconds)
-- blocks. The deadline is a time of ossdl.now(), nil for none. With `quiet`,
-- what dirty() tells is known and being seen to: it is no reason to return.
--
-- It returns true when something changed, when the deadline has come, or at
-- any time before: its caller looks, and calls again. It returns nil and an
-- error where waiting is not possible; that ends the caller's wait, too. The
-- descriptor may be closed as soon as it has returned: the loop must have
-- forgotten it by then, also when the wait ended in an error.
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
