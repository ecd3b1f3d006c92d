--- Single flight: those who want the same object in the same file at the same
-- time share one transfer. The last one that goes away ends it.
--
-- Each of them holds a ticket, which acts like a handle of the binding. All
-- of them live in one Lua state, and nothing here yields.

local error_module = require "ossdl.error"
local options = require "ossdl.options"

local flights = {}

---@class ossdl.Flight
---@field handle ossdl.core.Transfer
---@field client ossdl.Client the one whose credentials are used
---@field identity string
---@field tickets integer those who still wait
---@field disposals function[] what to do when nobody does

-- Those under way, by path.
---@type table<string, ossdl.Flight>
local under_way = {}

-- Every method of a handle is here, so that a ticket can do all it can.
---@class ossdl.Ticket: ossdl.core.Transfer
---@field client ossdl.Client
---@field flight ossdl.Flight|false false once it was given back
---@field is_first boolean
---@field last? ossdl.core.Snapshot of the moment at which it was cancelled
local Ticket = {}
Ticket.__index = Ticket

local function cancelled()
   return error_module.new {
      kind = "cancelled", resumable = true,
      message = "the download was cancelled",
   }
end

local function land(flight)
   if under_way[flight.path] == flight then
      under_way[flight.path] = nil
   end
   flight.handle:close()
   for _, dispose in ipairs(flight.disposals) do
      dispose()
   end
end

-- Gives the ticket back, once.
local function leave(ticket)
   local flight = ticket.flight
   if flight then
      ticket.flight = nil
      flight.tickets = flight.tickets - 1
      if flight.tickets == 0 then
         land(flight)
      end
   end
end

-- A request that nginx ends in the middle of a wait runs no more code of its
-- own; the collector gives its ticket back. Lua 5.1 has no __gc on tables.
Ticket.__gc = leave

local function watch(ticket)
   local newproxy = rawget(_G, "newproxy")
   if newproxy then
      local sentinel = newproxy(true)
      getmetatable(sentinel).__gc = function()
         leave(ticket)
      end
      ticket.sentinel = sentinel
   end
   return ticket
end

-- Counted only once nothing can fail any more.
local function board(flight, is_first)
   local ticket = watch(setmetatable({
      client = flight.client, flight = false, is_first = is_first,
   }, Ticket))
   flight.tickets = flight.tickets + 1
   ticket.flight = flight
   return ticket
end

local FINAL = { done = true, failed = true, cancelled = true }

local function is_over(flight)
   local snapshot = flight.handle:snapshot()
   return not snapshot or FINAL[snapshot.state] or false
end

--- Joins the transfer that is under way for this path and identity, or begins
-- one.
---@param path string
---@param identity string what is downloaded, from where
---@param owner ossdl.Client of a transfer that is begun
---@param begin fun(): ossdl.core.Transfer?, ossdl.Error?
---@return ossdl.Ticket? ticket
---@return ossdl.Error? err
function flights.join(path, identity, owner, begin)
   local key = options.tidy_path(path)
   local flight = under_way[key]
   if flight and flight.identity == identity and not is_over(flight) then
      return board(flight, false)
   end
   local handle, err = begin()
   if not handle then
      return nil, err
   end
   flight = {
      handle = handle, client = owner, identity = identity, path = key,
      tickets = 0, disposals = {},
   }
   local ticket = board(flight, true)
   under_way[key] = flight
   return ticket
end

--- Who begins a flight may not take its client away from those who joined:
-- takes charge of `dispose` where needed, else returns it.
---@param dispose function
---@return function? dispose
function Ticket:adopt(dispose)
   if self.is_first and self.flight then
      table.insert(self.flight.disposals, dispose)
      return nil
   end
   return dispose
end

function Ticket:poll()
   local flight = self.flight
   if not flight then
      return true, self.last
   end
   local done, snapshot = flight.handle:poll()
   return done, snapshot
end

function Ticket:snapshot()
   local flight = self.flight
   if not flight then
      return self.last
   end
   local snapshot, err = flight.handle:snapshot()
   return snapshot, err
end

-- What only those have who have not cancelled.
local function while_aboard(method)
   return function(self)
      local flight = self.flight
      if not flight then
         return nil, cancelled()
      end
      local value, err = flight.handle[method](flight.handle)
      return value, err
   end
end

Ticket.result = while_aboard "result"

--- Blocks; for who has cancelled, there is nothing to wait for.
function Ticket:wait(seconds)
   local flight = self.flight
   if not flight then
      return true
   end
   local ok, err = flight.handle:wait(seconds)
   return ok, err
end

--- All holders have the same descriptor, and the first one that polls takes
-- the wake-up from the others: whoever watches it needs a deadline as well.
Ticket.pollfd = while_aboard "pollfd"
Ticket.getfd = Ticket.pollfd

function Ticket.events()
   return "r"
end

function Ticket.timeout()
   return nil
end

function Ticket:dirty()
   return not self.flight or self.flight.handle:dirty()
end

--- For this holder it is over; the others go on.
function Ticket:cancel()
   local flight = self.flight
   if not flight or is_over(flight) then
      return true
   elseif flight.tickets == 1 then
      -- It ends soon: who comes now begins one of its own.
      if under_way[flight.path] == flight then
         under_way[flight.path] = nil
      end
      local ok, err = flight.handle:cancel()
      return ok, err
   end
   self.last = flight.handle:snapshot()
   self.last.state = "cancelled"
   self.last.needs_credentials = false
   leave(self)
   return true
end

Ticket.close = leave

-- For `local ticket <close> = ...`
Ticket.__close = leave

function Ticket:__tostring()
   return self.flight and tostring(self.flight.handle)
      or "ossdl.transfer: cancelled"
end

return flights
