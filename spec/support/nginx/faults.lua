-- luacheck: std ngx_lua, globals ngx
--- Which fault, if any, a request meets.

local store = require "store"

local faults = {}

local function matches(fault, request)
   local match = fault.match
   return (match.key == nil or match.key == request.key)
      and (match.range_start == nil
         or match.range_start == request.range_start)
      and (match.connection == nil or match.connection == request.connection)
      and (match.method == nil or match.method == request.method)
end

--- Whether the fault acts on this, the n-th request that it matches.
local function due(fault, n)
   local match = fault.match
   local nth = match.nth or 1
   if n < nth then
      return false
   end
   if match.every and (n - nth) % match.every ~= 0 then
      return false
   end
   local times = match.times
   if times == nil then
      times = 1
   end
   return times == false or store.fired(fault.id) < times
end

--- The first fault that is due; every fault that matches has counted it.
---@param request { key: string, range_start: integer?, connection: integer, method: string }
---@return table?
function faults.choose(request)
   local chosen
   for _, fault in ipairs(store.faults()) do
      if matches(fault, request) then
         local n = store.count("matched:" .. fault.id)
         if not chosen and due(fault, n) then
            chosen = fault
            store.count("fired:" .. fault.id)
         end
      end
   end
   return chosen
end

return faults
