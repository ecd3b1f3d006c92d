--- Installs into fresh trees with LuaRocks, and downloads from there.

local helper = require "spec.helper"
local oss = require "spec.support.oss"

local function run(command)
   local pipe = assert(io.popen(command .. " 2>&1; echo status $?"))
   local text = pipe:read("*a")
   pipe:close()
   local status = tonumber(text:match("status (%d+)%s*$"))
   return status == 0, text
end

local PROGRAM = [[
local ossdl = require "ossdl"
local options = {}
for _, word in ipairs(arg) do local name, value = word:match("^(.-)=(.*)$"); options[name] = value end
local result, err = ossdl.download(options)
print(result and result.verified and "verified " .. result.bytes or tostring(err))
]]

describe("an installed module", function()
   local server, folder, copy

   lazy_setup(function()
      server = oss.start {}
      server:put_random("installed", 3 * 1024 * 1024)
      folder = helper.folder()
      copy = folder .. "/copy"
      assert(run(("mkdir -p %s && cp -R src lua README.md LICENSE ossdl-scm-1.rockspec %s"):format(copy, copy)))
      local file = assert(io.open(folder .. "/program.lua", "w"))
      file:write(PROGRAM)
      file:close()
   end)

   lazy_teardown(function()
      server:stop()
   end)

   -- Only the tree and the interpreter's own folders are on the paths.
   local function download(interpreter, version, tree)
      local words = {}
      for name, value in pairs(server:options { object = "installed", file = folder .. "/target" }) do
         words[#words + 1] = ("'%s=%s'"):format(name, tostring(value))
      end
      local path = ("%s/share/lua/%s/?.lua;%s/share/lua/%s/?/init.lua;;"):format(tree, version, tree, version)
      local environment = ("env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 LUA_PATH='%s' LUA_CPATH='%s/lib/lua/%s/?.so;;'")
         :format(path, tree, version)
      local ok, text = run(("cd %s && %s %s program.lua %s"):format(
         folder, environment, interpreter, table.concat(words, " ")))
      assert.is_true(ok, text)
      assert.truthy(text:find("verified 3145728", 1, true), text)
   end

   -- LuaRocks wraps the script, so it needs no path but that of argparse.
   local function use_command(tree)
      local clean = "env -u LUA_PATH -u LUA_CPATH -u LUA_PATH_5_4 -u LUA_CPATH_5_4"
      local ok, text = run(("cd / && %s %s/bin/ossdl --version"):format(clean, tree))
      assert.is_true(ok, text)
      assert.truthy(text:find "^ossdl %d+%.%d+%.%d+\n", text)
   end

   for _, target in ipairs { { "lua5.4", "5.4" }, { "luajit", "5.1" } } do
      local interpreter, version = target[1], target[2]

      it("comes from `luarocks make` and downloads in " .. interpreter, function()
         local tree = ("%s/make-%s"):format(folder, version)
         local ok, text = run(("cd %s && luarocks --lua-version=%s --tree %s make"):format(copy, version, tree))
         assert.is_true(ok, text)
         download(interpreter, version, tree)
         use_command(tree)
      end)

      it("comes from the packed rock and downloads in " .. interpreter, function()
         local ok, text = run("spec/support/pack_rock")
         assert.is_true(ok, text)
         local tree = ("%s/rock-%s"):format(folder, version)
         ok, text = run(("luarocks --lua-version=%s --tree %s install build/ossdl-scm-1.src.rock")
            :format(version, tree))
         assert.is_true(ok, text)
         download(interpreter, version, tree)
      end)
   end

   it("can be built against libraries named by CURL_DIR and OPENSSL_DIR", function()
      local tree = folder .. "/dirs"
      local ok, text = run(("cd %s && luarocks --lua-version=5.4 --tree %s make CURL_DIR=/usr OPENSSL_DIR=/usr")
         :format(copy, tree))
      assert.is_true(ok, text)
      download("lua5.4", "5.4", tree)
   end)
end)
