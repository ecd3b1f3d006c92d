--- lua5.4 examples/cqueues.lua BUCKET FOLDER OBJECT...
--- One coroutine per object in a cqueues controller, and a ticker beside them
--- that shows that nothing blocks.

if not arg[3] or (os.getenv("OSS_ENDPOINT") or "") .. (os.getenv("OSS_REGION") or "") == "" then
   io.stderr:write("usage: cqueues.lua BUCKET FOLDER OBJECT..., "
      .. "with OSS_ENDPOINT or OSS_REGION, OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET in the environment\n")
   os.exit(2)
end

local cqueues = require "cqueues"
local ossdl = require "ossdl"

local client = ossdl.new { bucket = arg[1], threads = 4, loop = "cqueues" }
local loop, running, failed = cqueues.new(), 0, 0

for i = 3, #arg do
   running = running + 1
   loop:wrap(function()
      local name = arg[i]:gsub("[/\\]", "_")
      local result, err = client:download { object = arg[i], file = arg[2] .. "/" .. name }
      print(arg[i], result and result.bytes or tostring(err))
      if not result then failed = failed + 1 end
      running = running - 1
   end)
end

local ticks = 0
loop:wrap(function()
   while running > 0 do
      cqueues.sleep(0.01)
      ticks = ticks + 1
   end
end)

assert(loop:loop())
client:close()
print(("the loop turned %d times meanwhile"):format(ticks))
os.exit(failed == 0 and 0 or 1)
