--- Credentials: providers, and how they are asked.
--
-- A provider is a function without arguments. It returns a table
-- { access_key_id, access_key_secret, security_token?, expires_at? }
-- (expires_at in Unix seconds), or nil and a message, or nil and an error of
-- ours, whose `retryable` is passed on. It is called on the caller's thread
-- only, and again when the credentials run out.

local failure = require "ossdl.credentials.failure"

---@class ossdl.Credentials
---@field access_key_id string
---@field access_key_secret string
---@field security_token? string
---@field expires_at? number Unix seconds

---@alias ossdl.Provider fun(): ossdl.Credentials?, any

local credentials = {
   static = require "ossdl.credentials.static",
   env = require "ossdl.credentials.env",
   profile = require "ossdl.credentials.profile",
   ecs_role = require "ossdl.credentials.ecs_role",
   chain = require "ossdl.credentials.chain",
}

local FIELDS = { "access_key_id", "access_key_secret", "security_token" }
local IS_FIELD = { access_key_id = true, access_key_secret = true,
   security_token = true, expires_at = true }

-- Lua's own word for it; it has no secret in it.
local function is_memory(problem)
   return type(problem) == "string" and problem:find("not enough memory", 1, true) ~= nil
end

local function text_field(given, name)
   local value = given[name]
   if value ~= nil and type(value) ~= "string" then
      return nil, ("%s is a %s, not a string"):format(name, type(value))
   elseif value and value:find("\0", 1, true) then
      return nil, name .. " has a NUL byte"
   end
   return value ~= "" and value or nil
end

-- A copy that the binding accepts, or nil and what is wrong. Never shows a
-- value.
local function checked(given)
   local copy = {}
   for _, name in ipairs(FIELDS) do
      local value, complaint = text_field(given, name)
      if complaint then
         return nil, complaint
      elseif not value and name ~= "security_token" then
         return nil, name .. " is missing"
      end
      copy[name] = value
   end
   local expires_at = given.expires_at
   if expires_at ~= nil then
      if type(expires_at) ~= "number" or not (expires_at >= 0
         and expires_at <= 2 ^ 53) then
         return nil, "expires_at is not a time in Unix seconds"
      end
      copy.expires_at = math.floor(expires_at)
   end
   return copy
end

--- What the core says of credentials that it does not accept, as an error of
-- their own kind; another error as it is.
---@param err ossdl.Error
---@return ossdl.Error
function credentials.refused(err)
   if IS_FIELD[err.code] then
      return failure.new("the credentials are not usable: " .. err.message)
   end
   return err
end

--- Checks a table of credentials.
---@param given any
---@return ossdl.Credentials? copy
---@return ossdl.Error? err
function credentials.check(given)
   if type(given) == "function" then
      return nil, failure.new("credentials are a table, not a function: what makes a provider has to be called, "
         .. "as in credentials = ossdl.credentials.env()")
   elseif type(given) ~= "table" then
      return nil, failure.new(("credentials are a table, not a %s"):format(
         type(given)))
   end
   local ok, copy, complaint = pcall(checked, given)
   if not ok and is_memory(copy) then
      error(copy, 0)
   elseif not ok then
      return nil, failure.new "the credentials cannot be read"
   elseif not copy then
      return nil, failure.new("the credentials are not usable: " .. complaint)
   end
   return copy
end

--- Calls a provider; whatever it does becomes credentials or an error.
---@param provider ossdl.Provider
---@return ossdl.Credentials?
---@return ossdl.Error? err
function credentials.ask(provider)
   local ok, given, why = pcall(provider)
   if not ok then
      return nil, failure.new("the credentials provider raised an error: " .. failure.text(given), given)
   elseif given == nil or given == false then
      if why == nil then
         why = "it gave no credentials and no reason"
      end
      return nil, failure.new("the credentials provider failed: " .. failure.text(why), why)
   end
   return credentials.check(given)
end

return credentials
