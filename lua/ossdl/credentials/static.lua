--- Credentials given by the program.

local argument = require "ossdl.credentials.argument"

local KNOWN = { access_key_id = "string", access_key_secret = "string", security_token = "string",
   expires_at = "number" }

---@param given ossdl.Credentials
---@return ossdl.Provider
return function(given)
   argument.check("static", given, KNOWN, 3)
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
