--- Waiting in a coroutine that runs under luv: it yields, and a callback of
-- the loop resumes it.

local core = require "ossdl.core"

local loop = { name = "luv", yields = true }

-- The running coroutine, or nil in the main one.
local function current()
   local thread, is_main = coroutine.running()
   return not is_main and thread or nil
end

local function find()
   return package.loaded.luv or package.loaded.uv
end

--- True in a coroutine while the loop runs.
function loop.running()
   local uv = find()
   if type(uv) ~= "table" or not current() then
      return false
   elseif uv.loop_mode then
      return uv.loop_mode() ~= nil
   end
   return uv.loop_alive() == true
end

local function milliseconds(deadline)
   return math.max(0, math.ceil((deadline - core.now()) * 1000))
end

-- Runs the coroutine's next stretch; its errors are the callback's errors.
local function resume(thread)
   local ok, err = coroutine.resume(thread)
   if not ok then
      error(err, 0)
   end
end

local function yield_until(uv, poll, deadline)
   local thread = current()
   local timer = deadline and uv.new_timer()
   local waiting = true
   local function wake()
      if waiting then
         waiting = false
         poll:stop()
         poll:close()
         if timer then
            timer:stop()
            timer:close()
         end
         resume(thread)
      end
   end
   poll:start("r", wake)
   if timer then
      timer:start(milliseconds(deadline), 0, wake)
   end
   -- Somebody else may resume this coroutine: only a callback counts.
   repeat
      coroutine.yield()
   until not waiting
end

function loop.wait(handle, deadline, quiet)
   local uv = find() or require "luv"
   local fd, err = handle:pollfd()
   if not fd then
      return nil, err
   end
   if not quiet and handle:dirty() then
      return true
   end
   yield_until(uv, assert(uv.new_poll(fd)), deadline)
   return true
end

return loop
