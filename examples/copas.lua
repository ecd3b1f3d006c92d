--- luajit examples/copas.lua BUCKET FOLDER OBJECT...
--- One thread of Copas per object; the loop counts its turns, which shows that
--- nothing blocks. Debian 12 has Copas (lua-copas) for Lua 5.1, 5.2 and LuaJIT
--- only; in Lua 5.4 it runs with LUA_PATH="$LUA_PATH;;/usr/share/lua/5.2/?.lua".

if not arg[3] or (os.getenv("OSS_ENDPOINT") or "") .. (os.getenv("OSS_REGION") or "") == "" then
   io.stderr:write("usage: copas.lua BUCKET FOLDER OBJECT..., "
      .. "with OSS_ENDPOINT or OSS_REGION, OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET in the environment\n")
   os.exit(2)
end

local copas = require "copas"
local ossdl = require "ossdl"

local client = ossdl.new { bucket = arg[1], threads = 4, loop = "copas" }
local running, failed, ticks = 0, 0, 0

for i = 3, #arg do
   running = running + 1
   copas.addthread(function()
      local name = arg[i]:gsub("[/\\]", "_")
      local result, err = client:download { object = arg[i], file = arg[2] .. "/" .. name }
      print(arg[i], result and result.bytes or tostring(err))
      if not result then failed = failed + 1 end
      running = running - 1
   end)
end

-- Copas before 2 has no copas.loop() that ends by itself.
while running > 0 do
   copas.step(0.01)
   ticks = ticks + 1
end
client:close()
print(("the loop turned %d times meanwhile"):format(ticks))
os.exit(failed == 0 and 0 or 1)
