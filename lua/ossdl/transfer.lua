--- A transfer, as the program sees it: waiting, progress, result. Everything
-- here runs on the caller's coroutine, callbacks included.

local core = require "ossdl.core"
local error_module = require "ossdl.error"

---@alias ossdl.State
---| "queued"
---| "opening"
---| "verifying"
---| "running"
---| "committing"
---| "done"
---| "failed"
---| "cancelled"

---@class ossdl.Progress
---@field state ossdl.State
---@field bytes_done integer on disk or in hand; never falls
---@field bytes_total? integer nil until an answer has told it
---@field bytes_resumed integer taken over from an earlier run
---@field rate number bytes per second, smoothed; the average once done
---@field eta? number seconds to go, if that can be told
---@field connections integer requests on their way now
---@field requests integer
---@field retries integer
---@field elapsed number seconds
---@field needs_credentials boolean it waits for them
---@field last_error? ossdl.Error the last one that was tried again

---@class ossdl.Result
---@field file string the path of the finished file
---@field bytes integer
---@field etag? string
---@field version_id? string
---@field crc64 string decimal, of the bytes received
---@field verified boolean the service gave a CRC-64, and it is this one
---@field resumed integer bytes taken over from an earlier run
---@field restarted? string why older progress was discarded
---@field requests integer
---@field retries integer
---@field elapsed number seconds

---@class ossdl.Transfer
---@field file string where the finished file appears
local Transfer = {}
Transfer.__index = Transfer
Transfer.__name = "ossdl.transfer"

local transfer = {}

-- Seconds over which the rate is smoothed, and between two measurements.
local RATE_SPAN, RATE_STEP = 3, 0.2
-- Seconds between two looks while another coroutine fetches credentials.
local CREDENTIALS_STEP = 0.05
-- Seconds that a cancelled transfer gets to wind down before it is let go.
local SETTLE_LIMIT, SETTLE_STEP = 10, 0.05

local function closed()
   return error_module.new {
      kind = "closed", message = "the transfer was closed; start a new one",
   }
end

--- Wraps a handle of the binding, or one that acts like it.
---@param fields table client, handle, loop, file, on_progress and its interval
---@return ossdl.Transfer
function transfer.new(fields)
   return setmetatable({
      file = fields.file,
      _client = fields.client,
      _handle = fields.handle,
      _loop = fields.loop,
      _on_progress = fields.on_progress,
      _interval = fields.progress_interval,
      _due = core.now() + fields.progress_interval,
      -- How many waits each coroutine is in. Weak, since one that is
      -- abandoned in the midst of a wait never comes back from it.
      _waiters = setmetatable({}, { __mode = "k" }),
      _rate = { at = core.now(), bytes = 0 },
   }, Transfer)
end

-- The smoothed rate, from what came since the last measurement.
local function measure(rate, fetched)
   local now = core.now()
   local span = now - rate.at
   if span >= RATE_STEP then
      local speed = math.max(0, fetched - rate.bytes) / span
      local weight = rate.value and 1 - math.exp(-span / RATE_SPAN) or 1
      rate.value = (rate.value or 0) * (1 - weight) + speed * weight
      rate.at, rate.bytes = now, fetched
   end
   return rate.value or 0
end

local FINAL = { done = true, failed = true, cancelled = true }

-- Adds what is computed here to a snapshot of the core.
function Transfer:_complete(snapshot)
   local fetched = snapshot.bytes_done - snapshot.bytes_resumed
   if FINAL[snapshot.state] then
      snapshot.rate = snapshot.elapsed > 0
         and math.max(0, fetched) / snapshot.elapsed or 0
   else
      snapshot.rate = measure(self._rate, fetched)
      if snapshot.bytes_total and snapshot.rate > 0 then
         snapshot.eta = (snapshot.bytes_total - snapshot.bytes_done)
            / snapshot.rate
      end
   end
   if snapshot.state == "done" then
      snapshot.eta = 0
   end
   return snapshot
end

-- The user's function: once per interval, once more at the end, and only when
-- the size is known, so that it can divide by it.
function Transfer:_report(done, snapshot)
   local now = core.now()
   if not self._on_progress or self._reporting or self._reported
      or not snapshot.bytes_total or not (done or now >= self._due) then
      return
   end
   self._due = now + self._interval
   self._reported = done
   self._reporting = true
   local ok, verdict = pcall(self._on_progress, snapshot)
   self._reporting = false
   if not ok then
      self._handle:cancel()
      error(verdict, 0)
   elseif verdict == false then
      self._handle:cancel()
   end
end

--- Looks, without waiting: answers a request for credentials and calls
-- on_progress when it is due.
---@return boolean? done nil when the transfer was closed
---@return ossdl.Progress|ossdl.Error
function Transfer:poll()
   if self._closed then
      return nil, closed()
   end
   local done, snapshot = self._handle:poll()
   if done == nil then
      return nil, snapshot
   end
   self:_complete(snapshot)
   if snapshot.needs_credentials and not done then
      self._client:_refresh()
   end
   self:_report(done, snapshot)
   if self._closed then
      return nil, closed()
   end
   return done, snapshot
end

--- How far it is, without doing anything else.
---@return ossdl.Progress?
---@return ossdl.Error? err
function Transfer:progress()
   if self._closed then
      return nil, closed()
   end
   local snapshot, err = self._handle:snapshot()
   if not snapshot then
      return nil, err
   end
   return self:_complete(snapshot)
end

-- The time to look again at the latest, and whether to ignore until then that
-- credentials are needed: somebody else is getting them.
function Transfer:_next_look(deadline, snapshot)
   local quiet = snapshot.needs_credentials
   local look = deadline
   if self._on_progress and not self._reporting then
      local due = snapshot.bytes_total and self._due
         or core.now() + self._interval
      look = math.min(look or math.huge, due)
   end
   if quiet then
      look = math.min(look or math.huge, core.now() + CREDENTIALS_STEP)
   end
   return look, quiet
end

-- Lua 5.1 has no name for its main coroutine.
local MAIN = "main"

-- Whether somebody waits. Whose coroutine was closed will not come back.
function Transfer:_is_awaited()
   for thread in pairs(self._waiters) do
      if thread == MAIN or coroutine.status(thread) ~= "dead" then
         return true
      end
   end
   return false
end

function Transfer:_count_waits(thread, difference)
   local count = (self._waiters[thread] or 0) + difference
   self._waiters[thread] = count > 0 and count or nil
end

-- One wait in the loop. A close meanwhile is carried out here, since a
-- descriptor may not go away under a loop that watches it.
function Transfer:_pause(look, quiet)
   local thread = coroutine.running() or MAIN
   self:_count_waits(thread, 1)
   local called, ok, err = pcall(self._loop.wait, self._handle, look, quiet)
   self:_count_waits(thread, -1)
   if self._closed and not self:_is_awaited() then
      self:_release()
   end
   if not called then
      error(ok, 0)
   end
   return ok, err
end

local function check_seconds(seconds)
   if seconds ~= nil and (type(seconds) ~= "number" or seconds ~= seconds) then
      error(("seconds expected, got %s"):format(
         seconds ~= seconds and "NaN" or type(seconds)), 3)
   end
end

--- Waits until the transfer is done or the seconds (nil: no limit) are over.
-- Answers credentials requests and calls on_progress meanwhile.
---@param seconds? number
---@return boolean? done nil when waiting is not possible
---@return ossdl.Progress|ossdl.Error
function Transfer:wait(seconds)
   check_seconds(seconds)
   local deadline = seconds and core.now() + seconds
   while true do
      local done, snapshot = self:poll()
      if done or done == nil then
         return done, snapshot
      elseif deadline and core.now() >= deadline then
         return false, snapshot
      end
      local ok, err = self:_pause(self:_next_look(deadline, snapshot))
      if not ok then
         return nil, err
      end
   end
end

--- Asks for the end. Comes back at once; the state becomes "cancelled" soon.
---@return boolean? ok
---@return ossdl.Error? err
function Transfer:cancel()
   if self._closed then
      return nil, closed()
   end
   local ok, err = self._handle:cancel()
   return ok, err
end

--- What came of it, once it is done.
---@return ossdl.Result?
---@return ossdl.Error? err
function Transfer:result()
   if self._closed then
      return nil, closed()
   end
   local result, err = self._handle:result()
   if result then
      result.file = self.file
   end
   return result, err
end

--- A descriptor that becomes readable when there is a reason to call poll().
-- For event loops; never read it or close it.
---@return integer?
---@return ossdl.Error? err
function Transfer:pollfd()
   if self._closed then
      return nil, closed()
   end
   local fd, err = self._handle:pollfd()
   return fd, err
end

--- As pollfd(), for select() of LuaSocket.
Transfer.getfd = Transfer.pollfd

--- For cqueues: the descriptor is polled for reading.
---@return string
function Transfer.events()
   return "r"
end

--- For cqueues: no time limit of its own.
function Transfer.timeout()
   return nil
end

--- True when poll() has something to do at once.
---@return boolean
function Transfer:dirty()
   return self._closed or self._handle:dirty()
end

-- What else to close then, unless others still share the handle.
function Transfer:_when_closed(dispose)
   if dispose and self._handle.adopt then
      dispose = self._handle:adopt(dispose)
   end
   self._dispose = dispose
end

function Transfer:_release()
   local dispose = self._dispose
   self._dispose = nil
   self._released = true
   if self._loop.forget then
      self._loop.forget(self._handle)
   end
   self._handle:close()
   if dispose then
      dispose()
   end
end

--- Lets go of the transfer. One that still runs is cancelled and can be
-- continued by a later call.
function Transfer:close()
   if self._released then
      return
   end
   self._closed = true
   if self:_is_awaited() then
      self._handle:cancel()
   else
      self:_release()
   end
end

-- Cancels and waits until nothing of it is left that could disturb the next
-- call for the same file.
function Transfer:_settle()
   self._handle:cancel()
   local deadline = core.now() + SETTLE_LIMIT
   while core.now() < deadline do
      local done, snapshot = self._handle:poll()
      if done ~= false then
         return
      end
      local called, ok = pcall(self._loop.wait, self._handle,
         core.now() + SETTLE_STEP, snapshot.needs_credentials)
      if not called or not ok then
         return
      end
   end
end

-- Waits for the end, closes, and gives the result. An error of on_progress
-- goes on to the caller.
function Transfer:_finish()
   local called, done, err = pcall(self.wait, self)
   if not called or not done then
      if not self._closed then
         self:_settle()
         self:close()
      end
      if not called then
         error(done, 0)
      end
      return nil, err
   end
   local result, failure = self:result()
   self:close()
   return result, failure
end

-- For `local transfer <close> = ...`
Transfer.__close = Transfer.close

function Transfer:__tostring()
   return self._closed and "ossdl.transfer: closed" or tostring(self._handle)
end

return transfer
