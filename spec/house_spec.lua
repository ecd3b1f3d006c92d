--- The rules of the house that a script can check.

local function files_of(command)
   local files = {}
   local pipe = assert(io.popen(command .. " | LC_ALL=C sort"))
   for line in pipe:lines() do files[#files + 1] = line end
   pipe:close()
   return files
end

local function read(path)
   local file = assert(io.open(path))
   local text = file:read("*a")
   file:close()
   return text
end

-- Layers of the core; a file includes only its own or a lower one.
local LAYERS = {
   [0] = "base slice ascii status alloc buf secret lock",
   [1] = "pairs codec digest timefmt credentials sign sign_v1 sign_v4 canonical endpoint names region reply "
      .. "errtext errxml errjson crc64 crc64_fold ranges extents plan backoff pace plateau net classify "
      .. "journal_format identity httpdate",
   [2] = "file http http_headers http_clock http_codes http_proxy http_sockets sink journal notify watch",
   [3] = "queue process client worker job transfer schedule balance settle opening fetch verify commit",
}

-- Who may include a library's headers.
local HOMES = {
   ["curl/"] = "^src/core/http", ["openssl/"] = "^src/core/digest%.c$", ["lzma%.h"] = "^src/core/crc64%.c$",
   ["lua%.h"] = "^src/lua/", ["lauxlib%.h"] = "^src/lua/",
}

-- Function, and the files that may call it (a pattern), or false for none.
local BANNED = {
   malloc = "^src/core/alloc%.c$", calloc = "^src/core/alloc%.c$", realloc = "^src/core/alloc%.c$",
   free = "^src/core/alloc%.c$",
   strcpy = false, strcat = false, sprintf = false, strtok = false, atoi = false, atol = false, strtol = false,
   strtoul = false, strtod = false, printf = false, fprintf = false, puts = false, exit = false, abort = false,
   sleep = false, usleep = false, nanosleep = false, getenv = false, rand = false, random = false, srand = false,
   localtime = false, gmtime = false, signal = false, alloca = false, pthread_cancel = false, longjmp = false,
}

local layer_of = {}
for layer = 0, 3 do
   for name in LAYERS[layer]:gmatch("%S+") do layer_of[name] = layer end
end
layer_of.ossdl = 3 -- the public header is written in terms of the layers below

local sources = files_of("ls src/core/*.[ch] src/lua/*.[ch]")
local core = files_of("ls src/core/*.[ch]")

--- The text without comments and strings, with its line breaks.
local function code_of(text)
   text = text:gsub("/%*.-%*/", function(comment) return (comment:gsub("[^\n]", " ")) end)
   return (text:gsub('"[^"\n]*"', '""'))
end

describe("the house", function()
   it("has a layer for each file of the core, and includes go down", function()
      for _, path in ipairs(core) do
         local name = path:match("([^/]+)%.[ch]$")
         assert.is_not_nil(layer_of[name], path .. " has no layer in spec/house_spec.lua")
         for included in read(path):gmatch('#include "([^"]+)%.h"') do
            local other = layer_of[included]
            assert.is_not_nil(other, path .. " includes " .. included)
            assert.is_true(other <= layer_of[name] or included == "ossdl" and layer_of[name] == 3,
               ("%s (layer %d) includes %s.h (layer %d)"):format(path, layer_of[name], included, other))
         end
      end
   end)

   it("has one home for each outside library", function()
      for _, path in ipairs(sources) do
         for included in read(path):gmatch("#include <([^>]+)>") do
            for pattern, home in pairs(HOMES) do
               if included:find("^" .. pattern) then
                  assert.truthy(path:find(home), path .. " includes <" .. included .. ">")
               end
            end
         end
      end
   end)

   it("calls no banned function", function()
      for _, path in ipairs(core) do
         for name in code_of(read(path)):gmatch("([%a_][%w_]*)%s*%(") do
            local home = BANNED[name]
            if home ~= nil then
               assert.truthy(home and path:find(home), path .. " calls " .. name .. "()")
            end
         end
      end
   end)

   it("keeps files to one noun: 700 lines", function()
      for _, path in ipairs(sources) do
         local _, count = read(path):gsub("\n", "")
         assert.is_true(count <= 700, ("%s has %d lines"):format(path, count))
      end
   end)

   it("keeps functions on a screen: 60 lines", function()
      for _, path in ipairs(files_of("ls src/core/*.c src/lua/*.c")) do
         local started, number = nil, 0
         for line in read(path):gmatch("([^\n]*)\n") do
            number = number + 1
            if line == "{" then
               started = number
            elseif line == "}" and started then
               assert.is_true(number - started <= 60,
                  ("%s:%d is a function of %d lines"):format(path, started, number - started))
               started = nil
            end
         end
      end
   end)

   it("opens each header with its purpose, threads, memory and errors", function()
      for _, path in ipairs(files_of("ls src/core/*.h")) do
         local name = path:match("[^/]+$")
         local opening = read(path):match("^/%*\n(.-)%*/") or ""
         assert.truthy(opening:find(" * " .. name .. " - ", 1, true), path .. " does not open with its name")
         if name ~= "base.h" then
            for _, word in ipairs { "Threads:", "Memory:", "Errors:" } do
               assert.truthy(opening:find(word, 1, true), path .. " says nothing of " .. word)
            end
         end
      end
   end)

   it("has nothing unfinished in it", function()
      for _, path in ipairs(files_of("git ls-files 2>/dev/null || find . -type f -not -path './build/*'")) do
         if path:find("%.[ch]$") or path:find("%.lua$") or path:find("%.md$") then
            local file = io.open(path)
            local text = file and file:read("*a") or ""
            if file then file:close() end
            for _, word in ipairs { "TO" .. "DO", "FIX" .. "ME", "XX" .. "X:" } do
               assert.is_nil(text:find(word, 1, true), path .. " says " .. word)
            end
         end
      end
   end)

   it("has only the agreed entries at its top", function()
      local allowed = {}
      local names = "ossdl-scm-1.rockspec src lua spec examples Makefile README.md LICENSE CHANGELOG.md build"
      for name in names:gmatch("%S+") do
         allowed[name] = true
      end
      -- What git ignores is not ours: LuaRocks, for one, builds in the checkout.
      local ours = "(git ls-files -co --exclude-standard 2>/dev/null || ls) | grep -v '^[.]' | cut -d/ -f1 | sort -u"
      for _, name in ipairs(files_of(ours)) do
         assert.is_true(allowed[name] or false, name .. " does not belong at the top")
      end
   end)

   it("lists every file in the rockspec", function()
      local rockspec = read("ossdl-scm-1.rockspec")
      for _, path in ipairs(files_of("ls src/core/*.c src/lua/*.c; find lua -name '*.lua' ! -name '*.d.lua'")) do
         assert.truthy(rockspec:find('"' .. path .. '"', 1, true), path .. " is missing: run make rockspec")
      end
      for path in rockspec:gmatch('"(s?[rl]?[cu]?[a]?/?[%w_/]+%.[cl]u?a?)"') do
         local file = io.open(path)
         assert.is_not_nil(file, path .. " is in the rockspec and not there: run make rockspec")
         file:close()
      end
   end)

   it("exports one symbol", function()
      local modules = os.getenv("OSSDL_MODULES")
      local symbols = files_of(("nm -D --defined-only %s/ossdl/core.so | awk '$2 !~ /[AW]/ {print $3}'")
         :format(modules))
      assert.are.same({ "luaopen_ossdl_core" }, symbols)
   end)
end)
