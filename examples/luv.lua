--- lua5.4 examples/luv.lua BUCKET FOLDER OBJECT...
--- One coroutine per object in libuv's loop, and a timer beside them that
--- shows that nothing blocks.

if not arg[3] or (os.getenv("OSS_ENDPOINT") or "") .. (os.getenv("OSS_REGION") or "") == "" then
   io.stderr:write("usage: luv.lua BUCKET FOLDER OBJECT..., "
      .. "with OSS_ENDPOINT or OSS_REGION, OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET in the environment\n")
   os.exit(2)
end

local uv = require "luv"
local ossdl = require "ossdl"

local client = ossdl.new { bucket = arg[1], threads = 4, loop = "luv" }
local running, failed, ticks = 0, 0, 0
local timer = uv.new_timer()

local function one(object)
   local name = object:gsub("[/\\]", "_")
   local result, err = client:download { object = object, file = arg[2] .. "/" .. name }
   print(object, result and result.bytes or tostring(err))
   if not result then failed = failed + 1 end
   running = running - 1
   if running == 0 then timer:close() end
end

timer:start(10, 10, function() ticks = ticks + 1 end)
for i = 3, #arg do
   running = running + 1
   coroutine.wrap(one)(arg[i])
end

uv.run()
client:close()
print(("the loop turned %d times meanwhile"):format(ticks))
os.exit(failed == 0 and 0 or 1)
