--- Every example runs, as it stands, against the local OSS.

local helper = require "spec.helper"
local oss = require "spec.support.oss"

describe("the example", function()
   local server, folder

   lazy_setup(function()
      server = oss.start {}
      folder = helper.folder()
      server:put_random("one/a.bin", 3 * 1024 * 1024, 1)
      server:put_random("two/b.bin", 2 * 1024 * 1024 + 7, 2)
   end)

   lazy_teardown(function()
      server:stop()
   end)

   local function run(name, more, environment)
      local command = ("OSS_ENDPOINT=%s OSS_REGION=%s OSS_ACCESS_KEY_ID=%s OSS_ACCESS_KEY_SECRET=%s %s timeout 120 %s "
         .. "examples/%s.lua %s 2>&1; echo status $?"):format(
         server.endpoint, server.region, server.access_key_id, server.access_key_secret, environment or "",
         os.getenv("OSSDL_LUA"), name, more)
      local pipe = assert(io.popen(command))
      local text = pipe:read("*a")
      pipe:close()
      assert.truthy(text:find("status 0%s*$"), text)
      return text
   end

   local function same(key, file)
      local status = os.execute(("cmp -s '%s' '%s'"):format(server:path(key), file))
      assert.is_true(status == true or status == 0, file .. " differs from " .. key)
   end

   it("download.lua downloads one object and says what it did", function()
      local text = run("download", ("%s one/a.bin %s/one"):format(server.bucket, folder))
      assert.truthy(text:find("3145728 bytes", 1, true), text)
      assert.truthy(text:find("verified", 1, true), text)
      same("one/a.bin", folder .. "/one")
   end)

   -- luv's loop would wait for ever for objects that nobody named.
   for _, name in ipairs { "copas", "cqueues", "credentials", "download", "luv", "many" } do
      it(name .. ".lua says in one line how it is called, and ends", function()
         local usage = "^usage: " .. name .. "%.lua BUCKET [^\n]*OSS_ENDPOINT or OSS_REGION[^\n]*\nstatus 2%s*$"
         for _, case in ipairs { "OSS_REGION=x %s", "OSS_REGION=x %s a b", "OSS_ENDPOINT= %s a b c" } do
            local command = ("env -u OSS_ENDPOINT -u OSS_REGION " .. case):format(
               ("timeout 120 %s examples/%s.lua"):format(os.getenv("OSSDL_LUA"), name))
            local pipe = assert(io.popen(command .. " 2>&1 >/dev/null; echo status $?"))
            local text = pipe:read("*a")
            pipe:close()
            assert.truthy(text:find(usage), command .. ": " .. text)
         end
      end)
   end

   it("of the README finds the local OSS as it is", function()
      local file = assert(io.open("README.md"))
      local readme = file:read("*a")
      file:close()
      for _, words in ipairs {
         "OSS_REGION=" .. server.region, "OSS_ACCESS_KEY_ID=" .. server.access_key_id,
         "OSS_ACCESS_KEY_SECRET=" .. server.access_key_secret, "download.lua " .. server.bucket .. " example.bin",
      } do
         assert.truthy(readme:find(words, 1, true), words)
      end
   end)

   it("credentials.lua asks a command", function()
      local json = ([[{"AccessKeyId":"%s","AccessKeySecret":"%s","SecurityToken":null,"ExpiresAt":null}]]):format(
         server.access_key_id, server.access_key_secret)
      local file = assert(io.open(folder .. "/json", "w"))
      file:write(json)
      file:close()
      run("credentials", ("%s one/a.bin %s/two"):format(server.bucket, folder),
         ("CREDENTIALS_COMMAND='cat %s/json'"):format(folder))
      same("one/a.bin", folder .. "/two")
   end)

   -- Debian has Copas for Lua 5.1 only, which LuaJIT uses.
   local names = { "many", "cqueues", "luv" }
   if os.getenv("OSSDL_LUA") == "luajit" then names[#names + 1] = "copas" end
   for _, name in ipairs(names) do
      it(name .. ".lua downloads several objects at once", function()
         os.execute(("rm -f %s/*.bin"):format(folder))
         run(name, ("%s %s one/a.bin two/b.bin"):format(server.bucket, folder))
         same("one/a.bin", folder .. "/one_a.bin")
         same("two/b.bin", folder .. "/two_b.bin")
      end)
   end
end)
