--- Lua's memory runs out at every allocation: of the modules' loading, of a
--- client's and a transfer's life. alloc_host.c runs the programs below.

local helper = require "spec.helper"
local oss = require "spec.support.oss"
local scene = require "spec.torture.scene"

local SIZE = 3000
local SANITIZERS = { address = "-fsanitize=address,undefined", thread = "-fsanitize=thread" }
-- Of a program's allocations; 0 is all.
local QUICK_SAMPLES, SLOW_SAMPLES = 25, 8

-- What they have in common: `options` for a client, `wanted` for a transfer.
-- LuaJIT interprets: where memory ends in its compiled code, or in compiling,
-- it may report another error than that, or forget a finalizer.
local PROLOGUE = [[
local arm = ...
if jit then jit.off() end
local options = { endpoint = %q, region = %q, proxy = "", max_threads = 2 }
local key_id, key_secret = %q, %q
options.credentials = function()
   return { access_key_id = key_id, access_key_secret = key_secret }
end
local wanted = { bucket = %q, object = "object", file = %q, durable = false, threads = 2,
   progress_interval = 0.01, headers = { ["x-oss-meta-a"] = "b" }, on_progress = function(p) return p ~= nil end }
]]

local LOADING = [[
arm(true)
local ossdl = require "ossdl"
local result, err = ossdl.new(options)
if not result then return tostring(err) end
result, err = result:download(wanted)
return result and "ok" or tostring(err)
]]

local STEP_BY_STEP = [[
local ossdl = require "ossdl"
arm()
local client, err = ossdl.new(options)
if not client then return tostring(err) end
local transfer
transfer, err = client:start(wanted)
if not transfer then return tostring(err) end
assert(transfer:pollfd())
local done, snapshot
repeat
   done, snapshot = transfer:wait(0.5)
   if done == nil then return tostring(snapshot) end
   assert(transfer:progress() and tostring(transfer) and tostring(client))
until done
local result
result, err = transfer:result()
transfer:close()
client:close()
return result and "ok" or tostring(err)
]]

local ONE_CALL = [[
local ossdl = require "ossdl"
for name, value in pairs(wanted) do options[name] = value end
arm()
local result, err = ossdl.download(options)
return result and "ok" or tostring(err)
]]

-- As the requests of an nginx worker do.
local SHARED = [[
local client = require "ossdl.client"
local environment = { flights = require "ossdl.flights" }
local now = require("ossdl.core").now
for name, value in pairs(wanted) do options[name] = value end
-- A shared handle is polled only; this is the shortest wait there is.
options.loop = function()
   local till = now() + 0.001
   while now() < till do end
end
arm()
local result, err = client.download(options, 1, environment)
return result and "ok" or tostring(err)
]]

describe("a program that runs out of memory", function()
   local server, host

   -- Beside the module under test, instrumented like it.
   local function compile()
      local flavour = rawget(_G, "jit") and "luajit" or "lua5.4"
      local source = helper.root .. "/spec/torture/alloc_host.c"
      local folder = os.getenv "OSSDL_MODULES" or helper.root .. "/build/" .. flavour
      host = folder .. "/alloc_host"
      local output, status = helper.shell(("${CC:-cc} -std=c11 -O1 -g -Wall -Wextra -Werror %s "
         .. "$(pkg-config --cflags %s) %s -o %s.new $(pkg-config --libs %s) && mv %s.new %s"):format(
         SANITIZERS[os.getenv "OSSDL_SANITIZER"] or "", flavour, helper.quote(source),
         helper.quote(host), flavour, helper.quote(host), helper.quote(host)))
      assert(status == 0, output)
   end

   lazy_setup(function()
      compile()
      server = oss.start {}
      server:put_random("object", SIZE)
   end)

   lazy_teardown(function()
      if server then server:stop() end
   end)

   scene.guard()

   local function survives(program)
      local folder = helper.folder()
      local target = folder .. "/target"
      local samples = scene.full and 0 or os.getenv "OSSDL_QUICK" and SLOW_SAMPLES or QUICK_SAMPLES
      helper.write(folder .. "/program.lua", PROLOGUE:format(server.endpoint, server.region,
         server.access_key_id, server.access_key_secret, server.bucket, target) .. program)
      local output, status = helper.shell(("timeout -s KILL 3600 %s %s %s %s %d"):format(helper.quote(host),
         helper.quote(folder .. "/program.lua"), helper.quote(server:path "object"), helper.quote(target), samples))
      assert(status == 0, ("status %d: %s"):format(status, output))
      local struck = tonumber(output:match "(%d+) struck")
      assert(struck and struck > 0, output)
   end

   -- LuaJIT's loader leaves the file open, and does not try it again.
   if not rawget(_G, "jit") then
      it("while it loads the modules can do it afterwards", function()
         survives(LOADING)
      end)
   end

   it("anywhere in the life of a client and a transfer can do it afterwards", function()
      survives(STEP_BY_STEP)
   end)

   it("anywhere in one call can do it afterwards", function()
      survives(ONE_CALL)
   end)

   it("anywhere in a call that shares its transfer can do it afterwards", function()
      survives(SHARED)
   end)
end)
