--- What the loops share that wait by yielding: whether that is possible here.

local error_module = require "ossdl.error"

local yielding = {}

-- PUC Lua 5.1 cannot yield within pcall, where every wait happens.
local YIELDS_IN_PCALL = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil

-- Lua 5.2 has no such function: there, yielding itself will tell.
local isyieldable = rawget(coroutine, "isyieldable")

--- The error for a place where a loop cannot wait.
---@param name string of the loop
---@param reason string
---@return ossdl.Error
function yielding.unable(name, reason)
   return error_module.new {
      kind = "invalid", code = "YIELD",
      message = ("the loop '%s' cannot wait here: %s, or use loop = \"blocking\""):format(name, reason),
   }
end

--- Whether the caller can yield to the loop of this name.
---@param name string
---@return boolean? ok
---@return ossdl.Error? err
function yielding.ready(name)
   local thread, is_main = coroutine.running()
   local reason
   if not YIELDS_IN_PCALL then
      reason = "Lua 5.1 does not yield within pcall; use LuaJIT or a newer Lua"
   elseif not thread or is_main then
      reason = "this is no coroutine; call it in one"
   elseif isyieldable and not isyieldable() then
      reason = "a C function (string.gsub, table.sort, require, ...) stands between; call it outside of that"
   else
      return true
   end
   return nil, yielding.unable(name, reason)
end

return yielding
