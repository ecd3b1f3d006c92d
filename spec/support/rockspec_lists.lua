--- Writes ossdl-scm-1.rockspec anew: its lists are the files that are there.

local function files_of(command)
   local files = {}
   local pipe = assert(io.popen(command .. " | LC_ALL=C sort"))
   for line in pipe:lines() do files[#files + 1] = line end
   pipe:close()
   return files
end

local function module_of(path)
   return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local sources, modules = {}, {}
for _, path in ipairs(files_of("ls src/core/*.c src/lua/*.c")) do
   sources[#sources + 1] = ('            "%s",'):format(path)
end
for _, path in ipairs(files_of("find lua -name '*.lua' ! -name '*.d.lua' ! -path lua/ossdl/cli.lua")) do
   modules[#modules + 1] = ('      ["%s"] = "%s",'):format(module_of(path), path)
end

local TEMPLATE = [==[
rockspec_format = "3.0"
package = "ossdl"
version = "scm-1"
source = { url = "file://." }
description = {
   summary = "Concurrent, resumable, verified downloads from Alibaba Cloud OSS",
   detailed = [[
Downloads objects as concurrent, signed, ranged requests, records progress in a
checkpoint, continues after any interruption from the bytes that are really on
disk, and gives the file its name only when every byte is accounted for.]],
   license = "MIT",
   labels = { "oss", "download", "openresty", "network" },
}
supported_platforms = { "linux" }
dependencies = { "lua >= 5.1, < 5.5" }
-- Only the libraries are looked for: where headers are in a folder named after
-- the architecture, LuaRocks does not find them, and the compiler does.
external_dependencies = {
   CURL = { library = "curl" },
   OPENSSL = { library = "crypto" },
   LZMA = { library = "lzma" },
}
build = {
   type = "builtin",
   modules = {
      ["ossdl.core"] = {
         sources = {
%s
         },
         incdirs = { "src/core", "$(CURL_INCDIR)", "$(OPENSSL_INCDIR)", "$(LZMA_INCDIR)" },
         libdirs = { "$(CURL_LIBDIR)", "$(OPENSSL_LIBDIR)", "$(LZMA_LIBDIR)" },
         libraries = { "curl", "crypto", "lzma", "pthread", "dl" },
      },
%s
   },
   install = { bin = { ossdl = "lua/ossdl/cli.lua" } },
}
]==]

local file = assert(io.open("ossdl-scm-1.rockspec", "w"))
file:write((TEMPLATE:format(table.concat(sources, "\n"), table.concat(modules, "\n"))))
file:close()
