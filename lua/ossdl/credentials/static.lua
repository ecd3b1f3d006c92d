--- Credentials given by the program.

---@param given ossdl.Credentials
---@return ossdl.Provider
return function(given)
   if type(given) ~= "table" then
      error(("table of credentials expected, got %s"):format(type(given)), 2)
   end
   local copy = {
      access_key_id = given.access_key_id,
      access_key_secret = given.access_key_secret,
      security_token = given.security_token,
      expires_at = given.expires_at,
   }
   return function()
      return copy
   end
end
