--- The first of several providers that has credentials.

local argument = require "ossdl.credentials.argument"
local ecs_role = require "ossdl.credentials.ecs_role"
local env = require "ossdl.credentials.env"
local environment = require "ossdl.environment"
local failure = require "ossdl.credentials.failure"
local profile = require "ossdl.credentials.profile"

-- Without arguments: the environment, then the aliyun command's profile, then
-- the role of the ECS instance; that only where a setting names it, since on
-- any other machine it costs a second to find no metadata service.
local function default_links(getenv)
   local links = {
      { name = "environment", provider = env(getenv) },
      { name = "profile", provider = profile(nil, getenv) },
   }
   if environment(getenv) "ALIBABA_CLOUD_ECS_METADATA" then
      links[3] = { name = "instance role", provider = ecs_role(nil, getenv) }
   end
   return links
end

local EXPECTED = "list of functions, or of tables with 'name' and 'provider',"

-- The link that an entry of the list stands for, or nil.
local function link_of(entry, number)
   if type(entry) == "function" then
      return { name = "provider " .. number, provider = entry }
   elseif type(entry) == "table" and type(entry.name) == "string" and type(entry.provider) == "function" then
      return { name = entry.name, provider = entry.provider }
   end
end

-- A copy of the list in which every entry is a link. Raises.
local function checked(given, level)
   if type(given) ~= "table" or next(given) == nil then
      local what = type(given) == "table" and "an empty list" or type(given)
      argument.refuse("chain", EXPECTED, what, level + 1)
   end
   local links = {}
   for _ in pairs(given) do
      local number = #links + 1
      local link = link_of(given[number], number)
      if not link then
         argument.refuse("chain", EXPECTED, ("a %s as entry %d"):format(type(given[number]), number), level + 1)
      end
      links[number] = link
   end
   return links
end

---@param links? (ossdl.Provider|{ name: string, provider: ossdl.Provider })[]
---@param getenv? fun(name: string): string? os.getenv, unless it is a test
---@return ossdl.Provider
return function(links, getenv)
   if links == nil then
      links = default_links(getenv)
   else
      links = checked(links, 3)
   end
   return function()
      local tried, passing = {}, nil
      for _, link in ipairs(links) do
         local given, why, stop = link.provider()
         if given then
            return given
         end
         tried[#tried + 1] = ("%s: %s"):format(link.name, failure.text(why or "no reason given"))
         if failure.passes(why) then
            passing = why
         end
         if stop then
            break
         end
      end
      return nil, failure.new("no credentials found (" .. table.concat(tried, "; ") .. ")", passing)
   end
end
