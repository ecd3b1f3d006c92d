--- A metadata service as ECS has it, and ones that fail, in a process of its
-- own. The behaviours are those of metadata_service_main.lua.

local helper = require "spec.helper"
local process = require "spec.support.process"

local metadata_service = {}

--- Returns when it answers. `helper.guard` stops it.
---@param behaviour string
---@return spec.Child service its output has a line for each request
---@return string address host:port
function metadata_service.start(behaviour)
   local port = process.free_port()
   local service = helper.spawn { file = helper.root .. "/spec/support/metadata_service_main.lua",
      args = { tostring(port), behaviour } }
   assert(helper.eventually(function()
      return service:output():find "ready"
   end, 30), service:errors())
   return service, "127.0.0.1:" .. port
end

return metadata_service
