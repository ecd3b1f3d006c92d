--- lua5.4 examples/many.lua BUCKET FOLDER OBJECT...
--- Many objects at once on one client: connections and threads are shared.

if not arg[3] or (os.getenv("OSS_ENDPOINT") or "") .. (os.getenv("OSS_REGION") or "") == "" then
   io.stderr:write("usage: many.lua BUCKET FOLDER OBJECT..., "
      .. "with OSS_ENDPOINT or OSS_REGION, OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET in the environment\n")
   os.exit(2)
end

local ossdl = require "ossdl"

local folder = arg[2]
local client = ossdl.new { bucket = arg[1], threads = 4, max_threads = 16 }
local transfers = {}
for i = 3, #arg do
   local name = arg[i]:gsub("[/\\]", "_")
   transfers[i - 2] = assert(client:start { object = arg[i], file = folder .. "/" .. name })
end

local failed = 0
for i, transfer in ipairs(transfers) do
   transfer:wait()
   local result, err = transfer:result()
   print(arg[i + 2], result and result.bytes or tostring(err))
   if not result then failed = failed + 1 end
   transfer:close()
end
client:close()
os.exit(failed == 0 and 0 or 1)
