--- nginx, where this is Lua inside it.

-- luacheck: read globals ngx

--- Its table; nil elsewhere, also where unknown globals raise.
---@return table?
return function()
   local ok, value = pcall(function()
      return ngx
   end)
   return ok and type(value) == "table" and value.get_phase and value or nil
end
