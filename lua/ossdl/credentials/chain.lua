--- The first of several providers that has credentials.

local error_module = require "ossdl.error"
local ecs_role = require "ossdl.credentials.ecs_role"
local env = require "ossdl.credentials.env"
local environment = require "ossdl.environment"
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

---@param links? { name: string, provider: ossdl.Provider }[]
---@param getenv? fun(name: string): string? os.getenv, unless it is a test
---@return ossdl.Provider
return function(links, getenv)
   links = links or default_links(getenv)
   return function()
      local tried = {}
      for _, link in ipairs(links) do
         local given, why, stop = link.provider()
         if given then
            return given
         end
         tried[#tried + 1] = ("%s: %s"):format(link.name,
            error_module.line(error_module.is(why) and why.message
               or why or "no reason given"))
         if stop then
            break
         end
      end
      return nil, "no credentials found (" .. table.concat(tried, "; ") .. ")"
   end
end
