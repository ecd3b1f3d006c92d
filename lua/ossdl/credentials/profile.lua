--- Credentials from the configuration file of the `aliyun` command,
-- ~/.aliyun/config.json: profiles of mode AK, StsToken and EcsRamRole.
--
-- Reading the file blocks for a moment, also in an event loop.

local argument = require "ossdl.credentials.argument"
local ecs_role = require "ossdl.credentials.ecs_role"
local environment = require "ossdl.environment"
local failure = require "ossdl.credentials.failure"
local json = require "ossdl.json"

local FILE_MAX = 1024 * 1024

-- Some editors begin a file of UTF-8 with it.
local BYTE_ORDER_MARK = "\239\187\191"

local NAMES = {
   "ALIBABACLOUD_PROFILE", "ALIBABA_CLOUD_PROFILE", "ALICLOUD_PROFILE",
}

local KNOWN = { name = "string", file = "string" }

local modes = {}

function modes.AK(profile)
   return {
      access_key_id = profile.access_key_id,
      access_key_secret = profile.access_key_secret,
   }
end

function modes.StsToken(profile)
   if type(profile.sts_token) ~= "string" or profile.sts_token == "" then
      return nil, "it has no sts_token"
   end
   local expires_at = profile.sts_expiration
   return {
      access_key_id = profile.access_key_id,
      access_key_secret = profile.access_key_secret,
      security_token = profile.sts_token,
      expires_at = type(expires_at) == "number" and expires_at > 0
         and expires_at or nil,
   }
end

function modes.EcsRamRole(profile, getenv)
   local role = profile.ram_role_name
   local given, why = ecs_role({
      role = type(role) == "string" and role ~= "" and role or nil,
   }, getenv)()
   return given, why
end

local function read(path)
   local file = io.open(path, "rb")
   if not file then
      return nil, path .. " cannot be opened"
   end
   local text = file:read(FILE_MAX + 1)
   file:close()
   if not text then
      return nil, path .. " is empty or cannot be read"
   elseif #text > FILE_MAX then
      return nil, path .. " is too large"
   elseif text:sub(1, #BYTE_ORDER_MARK) == BYTE_ORDER_MARK then
      return text:sub(#BYTE_ORDER_MARK + 1)
   end
   return text
end

local function decode(text, path)
   local document, missing = json.decode(text, "reading " .. path)
   if missing then
      return nil, missing
   elseif not document or type(document.profiles) ~= "table" then
      return nil, path .. " is not a configuration of the aliyun command"
   end
   return document
end

local function find(document, name)
   for _, profile in ipairs(document.profiles) do
      if type(profile) == "table" and profile.name == name then
         return profile
      end
   end
end

local function pick(document, wanted, path, getenv)
   local name = wanted or document.current
   if type(name) ~= "string" then
      return nil, path .. " names no current profile"
   end
   local profile = find(document, name)
   if not profile then
      return nil, ("%s has no profile '%s'"):format(path, name)
   end
   local read_mode = modes[profile.mode]
   if not read_mode then
      local mode = type(profile.mode) == "string" and ("mode '%s'"):format(profile.mode) or "no mode"
      return nil, ("profile '%s' in %s has %s; only AK, StsToken and EcsRamRole can be used"):format(name, path, mode)
   end
   local given, why = read_mode(profile, getenv)
   if not given then
      return nil, failure.new(("profile '%s' in %s is not usable: %s"):format(name, path, failure.text(why)), why)
   elseif type(given.access_key_id) ~= "string" or given.access_key_id == ""
      or type(given.access_key_secret) ~= "string"
      or given.access_key_secret == "" then
      return nil, ("profile '%s' in %s has no access key"):format(name, path)
   end
   return given
end

local function load(path, name, getenv)
   if not path then
      return nil, "HOME is not set"
   end
   local text, unreadable = read(path)
   if not text then
      return nil, unreadable
   end
   local document, useless = decode(text, path)
   if not document then
      return nil, useless
   end
   local given, why = pick(document, name, path, getenv)
   return given, why
end

---@param choice? { name?: string, file?: string }
---@param getenv? fun(name: string): string? os.getenv, unless it is a test
---@return ossdl.Provider
return function(choice, getenv)
   choice = choice == nil and {} or choice
   argument.check("profile", choice, KNOWN, 3)
   local setting = environment(getenv)

   local function name_in_environment()
      for _, variable in ipairs(NAMES) do
         local name = setting(variable)
         if name then
            return name
         end
      end
   end

   local function path()
      local home = setting "HOME"
      return choice.file or setting "ALIBABA_CLOUD_CONFIG_FILE"
         or home and home .. "/.aliyun/config.json"
   end

   -- The third result tells a chain not to look further: who names a profile in
   -- the environment would be surprised by other credentials in its place.
   return function()
      if setting "ALIBABA_CLOUD_CLI_PROFILE_DISABLED" == "true" then
         return nil, "profiles are off (ALIBABA_CLOUD_CLI_PROFILE_DISABLED)"
      end
      local named = not choice.name and name_in_environment() or nil
      local given, why = load(path(), choice.name or named, getenv)
      return given, why, named ~= nil
   end
end
