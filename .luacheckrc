-- Lua 5.1 syntax and library that every later version has as well.
std = "min"
max_line_length = 120
exclude_files = { "build/", "lua_modules/", ".luarocks/" }

-- The facade for OpenResty lives inside nginx.
files["lua/resty/"].read_globals = { "ngx" }

-- Definition files declare parameters that no body uses.
files["lua/**/*.d.lua"].ignore = { "111", "112", "113", "211", "212", "241" }

files["spec/"].std = "min+busted"
files["spec/"].read_globals = { "jit" }

-- What runs inside the local OSS, or inside a page's server, has nginx's globals.
files["spec/support/"].read_globals = { "ngx", "jit", "ndk" }
files["spec/resty/"].read_globals = { "ngx", "ndk" }
files["examples/"].read_globals = { "ngx" }

files["*.rockspec"].std = "rockspec"
files[".busted"].std = "min"
