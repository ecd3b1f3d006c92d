--- The program that is measured: `luaX fetch.lua option=value ...` downloads one
--- object, or with `list=FILE` (lines of key TAB file) many on one client.

local ossdl = require "ossdl"

local options, list = {}, nil
for _, argument in ipairs(arg) do
   local name, value = argument:match("^([%w_]+)=(.*)$")
   if value == "true" or value == "false" then value = value == "true" end
   if name == "list" then
      list = value
   else
      options[name] = tonumber(value) or value
   end
end

local function check(result, err)
   if not result then
      io.stderr:write(tostring(err), "\n")
      os.exit(1)
   end
   return result
end

if not list then
   local result = check(ossdl.download(options))
   print(("%d bytes, %d requests, verified %s, resumed %d"):format(
      result.bytes, result.requests, tostring(result.verified), result.resumed))
   return
end

-- Enough are under way that no thread waits for this loop.
local client = ossdl.new(options)
local running, first = {}, 1
local function finish_oldest()
   local transfer = running[first]
   running[first] = nil
   first = first + 1
   transfer:wait()
   check(transfer:result())
   transfer:close()
end
local last = 0
for line in io.lines(list) do
   local key, file = line:match("^(.-)\t(.*)$")
   if last - first + 1 >= options.threads * 8 then finish_oldest() end
   last = last + 1
   running[last] = check(client:start { object = key, file = file, threads = 1 })
end
while first <= last do finish_oldest() end
client:close()
