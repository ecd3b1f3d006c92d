--- Credentials from environment variables: those of the OSS tools first, then
-- those of all Alibaba Cloud tools.

local argument = require "ossdl.credentials.argument"
local environment = require "ossdl.environment"

local SETS = {
   {
      id = "OSS_ACCESS_KEY_ID",
      secret = "OSS_ACCESS_KEY_SECRET",
      tokens = { "OSS_SESSION_TOKEN", "OSS_SECURITY_TOKEN" },
   },
   {
      id = "ALIBABA_CLOUD_ACCESS_KEY_ID",
      secret = "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
      tokens = { "ALIBABA_CLOUD_SECURITY_TOKEN" },
   },
}

---@param getenv? fun(name: string): string? os.getenv, unless it is a test
---@return ossdl.Provider
return function(getenv)
   if getenv ~= nil and type(getenv) ~= "function" then
      argument.refuse("env", "nothing, or a function like os.getenv,", type(getenv), 3)
   end
   local value_of = environment(getenv)
   local function first_of(names)
      for _, name in ipairs(names) do
         local value = value_of(name)
         if value then
            return value
         end
      end
   end
   -- The third result tells a chain not to look further: half a setting is a
   -- mistake, and other credentials in its place would be a surprise.
   return function()
      for _, set in ipairs(SETS) do
         local id, secret = value_of(set.id), value_of(set.secret)
         if id and secret then
            return {
               access_key_id = id,
               access_key_secret = secret,
               security_token = first_of(set.tokens),
            }
         elseif id or secret then
            return nil, ("%s is set, but %s is not"):format(
               id and set.id or set.secret, id and set.secret or set.id), true
         end
      end
      return nil, "OSS_ACCESS_KEY_ID is not set"
   end
end
