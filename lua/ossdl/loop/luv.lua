--- Waiting in a coroutine that runs under luv: it yields, and a callback of
-- the loop resumes it.

local core = require "ossdl.core"
local yielding = require "ossdl.loop.yielding"

local loop = { name = "luv", yields = true }

-- One who waits.
---@class ossdl.loop.luv.Waiter
---@field thread thread
---@field watch ossdl.loop.luv.Watch
---@field waiting boolean
---@field timer? table

-- All who wait for one handle. They share a poll object, since libuv wants
-- only one for a descriptor.
---@class ossdl.loop.luv.Watch
---@field handle table
---@field poll table
---@field waiters ossdl.loop.luv.Waiter[] never empty

-- By handle. Not weak: while libuv watches a descriptor, no collector may
-- close it.
---@type table<table, ossdl.loop.luv.Watch>
local watches = {}

local function find()
   return package.loaded.luv or package.loaded.uv
end

--- True in a coroutine while the loop runs.
function loop.running()
   local uv = find()
   local thread, is_main = coroutine.running()
   if type(uv) ~= "table" or not thread or is_main then
      return false
   elseif uv.loop_mode then
      return uv.loop_mode() ~= nil
   end
   return uv.loop_alive() == true
end

function loop.load()
   return find() or require "luv"
end

--- Whether the caller can yield.
function loop.ready()
   local ok, err = yielding.ready(loop.name)
   return ok, err
end

local function milliseconds(deadline)
   return math.max(0, math.ceil((deadline - core.now()) * 1000))
end

local function close(object)
   object:stop()
   object:close()
end

local function finish(waiter)
   waiter.waiting = false
   if waiter.timer then
      close(waiter.timer)
      waiter.timer = nil
   end
end

-- Takes all that belongs to a handle out of libuv.
local function dismantle(watch)
   watches[watch.handle] = nil
   close(watch.poll)
   for _, waiter in ipairs(watch.waiters) do
      finish(waiter)
   end
end

-- One of them waits no longer; the last one takes the poll object along.
local function leave(waiter)
   local waiters = waiter.watch.waiters
   if #waiters == 1 then
      dismantle(waiter.watch)
      return
   end
   finish(waiter)
   for i, other in ipairs(waiters) do
      if other == waiter then
         table.remove(waiters, i)
         return
      end
   end
end

-- Runs the next stretch of each; their errors are the callback's errors. A
-- coroutine that somebody has closed meanwhile has none.
local function resume(waiters)
   local failed, failure = false, nil
   for _, waiter in ipairs(waiters) do
      if coroutine.status(waiter.thread) == "suspended" then
         local ok, err = coroutine.resume(waiter.thread)
         if not ok and not failed then
            failed, failure = true, err
         end
      end
   end
   if failed then
      error(failure, 0)
   end
end

local function watch_for(uv, handle, fd)
   local poll, why = uv.new_poll(fd)
   if not poll then
      return nil, yielding.unable(loop.name, tostring(why))
   end
   local watch = { handle = handle, poll = poll, waiters = {} }
   poll:start("r", function()
      if watches[handle] == watch then
         dismantle(watch)
         resume(watch.waiters)
      end
   end)
   watches[handle] = watch
   return watch
end

-- Joins those who wait for the handle already, if there are any.
local function enter(uv, handle, fd)
   local watch, err = watches[handle], nil
   if not watch then
      watch, err = watch_for(uv, handle, fd)
   end
   if not watch then
      return nil, err
   end
   local waiter = { thread = coroutine.running(), watch = watch, waiting = true }
   table.insert(watch.waiters, waiter)
   return waiter
end

local function set_timer(uv, waiter, deadline)
   waiter.timer = uv.new_timer()
   waiter.timer:start(milliseconds(deadline), 0, function()
      if waiter.waiting then
         leave(waiter)
         resume { waiter }
      end
   end)
end

local function yield_until_woken(waiter)
   -- Somebody else may resume this coroutine: only a callback counts.
   repeat
      local ok, why = pcall(coroutine.yield)
      if not ok then
         leave(waiter)
         return nil, yielding.unable(loop.name, tostring(why))
      end
   until not waiter.waiting
   return true
end

function loop.wait(handle, deadline, quiet)
   local ok, err = loop.ready()
   if not ok then
      return nil, err
   end
   local fd, no_fd = handle:pollfd()
   if not fd then
      return nil, no_fd
   end
   if not quiet and handle:dirty() then
      return true
   end
   local uv = loop.load()
   local waiter, refused = enter(uv, handle, fd)
   if not waiter then
      return nil, refused
   end
   if deadline then
      set_timer(uv, waiter, deadline)
   end
   ok, err = yield_until_woken(waiter)
   return ok, err
end

--- The handle is about to be closed: those who waited for it are no more.
function loop.forget(handle)
   local watch = watches[handle]
   if watch then
      dismantle(watch)
   end
end

return loop
