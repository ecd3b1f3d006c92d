--- Settings in the environment: a variable that is empty counts as not set.

---@param getenv? fun(name: string): string? os.getenv, unless it is a test
---@return fun(name: string): string?
return function(getenv)
   getenv = getenv or os.getenv
   return function(name)
      local value = getenv(name)
      return value ~= "" and value or nil
   end
end
