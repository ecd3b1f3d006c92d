--- Temporary credentials of the RAM role that an ECS instance has, from its
-- metadata service. They end after some hours, and are asked for again.
-- Source of the protocol: Alibaba Cloud's credentials-go, provider ecs_ram_role.

local argument = require "ossdl.credentials.argument"
local environment = require "ossdl.environment"
local failure = require "ossdl.credentials.failure"
local json = require "ossdl.json"
local metadata = require "ossdl.credentials.metadata"

local ADDRESS = "100.100.100.200:80"
local TOKEN_PATH = "/latest/api/token"
local ROLES_PATH = "/latest/meta-data/ram/security-credentials/"
-- The token proves that it is we who ask, and no proxy that was fooled.
local TOKEN_SECONDS = 300
local TOKEN_MAX = 4096

local KNOWN = { role = "string", address = "string" }

-- Days from 1970-01-01 to a day of the Gregorian calendar; os.time() would take
-- the time zone into account. Years begin in March here, so that the leap day
-- is a year's last.
local function days(year, month, day)
   if month <= 2 then
      year, month = year - 1, month + 12
   end
   return 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
      + math.floor((153 * month - 457) / 5) + day - 719469
end

-- "2024-03-05T13:08:09Z" in Unix seconds, or nil.
local function unix_time(text)
   local year, month, day, hour, minute, second =
      text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)Z$"
   if not year then
      return nil
   end
   return ((days(tonumber(year), tonumber(month), tonumber(day)) * 24 + hour) * 60 + minute) * 60 + second
end

local function decode(text)
   local reply, missing = json.decode(text, "reading the answer")
   if missing then
      return nil, missing
   elseif not reply then
      return nil, "the answer is no JSON object"
   elseif reply.Code ~= "Success" then
      return nil, "the answer's code is not Success"
   end
   return reply
end

local function credentials_in(text)
   local reply, why = decode(text)
   if not reply then
      return nil, why
   end
   local expires_at = type(reply.Expiration) == "string" and unix_time(reply.Expiration)
   if not expires_at then
      return nil, "the answer does not tell when the credentials end"
   end
   for _, name in ipairs { "AccessKeyId", "AccessKeySecret", "SecurityToken" } do
      if type(reply[name]) ~= "string" or reply[name] == "" then
         return nil, "the answer has no " .. name
      end
   end
   return {
      access_key_id = reply.AccessKeyId, access_key_secret = reply.AccessKeySecret,
      security_token = reply.SecurityToken, expires_at = expires_at,
   }
end

-- A reason with what it is about.
local function because(about, reason)
   return failure.new(about .. ": " .. failure.text(reason), reason)
end

-- The header that shows the token; none when the service, an older one, gives
-- none and that is allowed.
local function token_header(address, required)
   local token, why = metadata.request(address, "PUT", TOKEN_PATH,
      { ["X-aliyun-ecs-metadata-token-ttl-seconds"] = TOKEN_SECONDS })
   if token and #token <= TOKEN_MAX and token:find "^[%w%p]+$" then
      return { ["X-aliyun-ecs-metadata-token"] = token }
   elseif required then
      return nil, because("no token", why or "the answer is none")
   end
   return {}
end

local function role_of(address, headers)
   local names, why = metadata.request(address, "GET", ROLES_PATH, headers)
   local role = names and names:match "^[%w%.%-_]+"
   if not role then
      return nil, because("the instance's role", why or "it has none")
   end
   return role
end

--- Without a role's name, the service is asked for it.
---@param choice? { role?: string, address?: string } address: host:port, for tests
---@param getenv? fun(name: string): string? os.getenv, unless it is a test
---@return ossdl.Provider
return function(choice, getenv)
   choice = choice == nil and {} or choice
   argument.check("ecs_role", choice, KNOWN, 3)
   local address = choice.address or ADDRESS
   local setting = environment(getenv)

   local function ask()
      local role = choice.role or setting "ALIBABA_CLOUD_ECS_METADATA"
      if role and not role:find "^[%w%.%-_]+$" then
         return nil, "the role's name is not one"
      end
      local headers, why = token_header(address, setting "ALIBABA_CLOUD_IMDSV1_DISABLED" == "true")
      if not headers then
         return nil, why
      end
      if not role then
         role, why = role_of(address, headers)
      end
      if not role then
         return nil, why
      end
      local text
      text, why = metadata.request(address, "GET", ROLES_PATH .. role, headers)
      if not text then
         return nil, because("role " .. role, why)
      end
      return credentials_in(text)
   end

   return function()
      if setting "ALIBABA_CLOUD_ECS_METADATA_DISABLED" == "true" then
         return nil, "instance roles are off (ALIBABA_CLOUD_ECS_METADATA_DISABLED)"
      end
      local given, why = ask()
      return given, why and because("metadata service " .. address, why)
   end
end
