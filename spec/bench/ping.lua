--- lua5.4 spec/bench/ping.lua: how long a trivial request of an nginx worker
--- takes while the same worker downloads: the 99th percentile under wrk, idle,
--- with four downloads of 1 GiB by resty.ossdl, with the same four downloads in
--- processes of their own (so what is above idle there is the machine's share,
--- not the worker's), with resty.ossdl held to 100 MiB/s, and with the same
--- objects read by cosockets and written by io.write. Call it after
--- `eval "$(make -s env)"`; TMPDIR=/dev/shm leaves the disk out of it.

package.path = "./?.lua;" .. package.path

local oss = require "spec.support.oss"

local GIB = 1024 * 1024 * 1024
local PORT = 21000 + os.time() % 8000

local CONF = [[
daemon off; worker_processes 1; pid FOLDER/nginx.pid; error_log FOLDER/error.log warn; user root;
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
events { worker_connections 512; }
http {
   access_log off;
   client_body_temp_path FOLDER/t1; proxy_temp_path FOLDER/t2; fastcgi_temp_path FOLDER/t3;
   uwsgi_temp_path FOLDER/t4; scgi_temp_path FOLDER/t5;
   lua_package_path "ROOT/lua/?.lua;ROOT/lua/?/init.lua;;";
   lua_package_cpath "ROOT/build/luajit/?.so;;";
   lua_shared_dict state 1m;
   init_worker_by_lua_block {
      client = require("resty.ossdl").new {
         endpoint = "ENDPOINT", region = "REGION", access_key_id = "ID", access_key_secret = "SECRET",
         bucket = "BUCKET", durable = false, proxy = "", max_threads = 32,
      }
      function count(job)
         ngx.shared.state:incr("running", 1, 0)
         local ok, err = pcall(job)
         if not ok then ngx.log(ngx.ERR, err) end
         ngx.shared.state:incr("running", -1)
      end
   }
   server {
      listen 127.0.0.1:PORT;
      location = /ping { content_by_lua_block { ngx.print("pong") } }
      location = /running { content_by_lua_block { ngx.print(ngx.shared.state:get("running") or 0) } }
      location = /ossdl { content_by_lua_block {
         client:set_max_rate(tonumber(ngx.var.arg_rate) or 0)
         for i = 1, 4 do
            ngx.timer.at(0, function()
               count(function() assert(client:download { object = "object", file = "FOLDER/file" .. i }) end)
            end)
         end
      } }
      location = /cosocket { content_by_lua_block {
         for i = 1, 4 do
            ngx.timer.at(0, function()
               count(function()
                  local socket = ngx.socket.tcp()
                  assert(socket:connect("127.0.0.1", OSSPORT))
                  socket:send("GET /PUBLIC/object HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
                  repeat local line = socket:receive() until line == "" or not line
                  local file = io.open("FOLDER/file" .. i, "wb")
                  while true do
                     local bytes, _, rest = socket:receive(65536)
                     file:write(bytes or rest)
                     if not bytes then break end
                  end
                  file:close()
               end)
            end)
         end
      } }
   }
}
]]

local function sh(command)
   local pipe = assert(io.popen(command))
   local text = pipe:read("a")
   pipe:close()
   return text
end

local function get(path)
   return sh(("curl -s http://127.0.0.1:%d%s"):format(PORT, path))
end

local function in_worker() return (tonumber(get("/running")) or 0) > 0 end

--- Over two seconds, as text: in milliseconds, or that there was no answer at all.
local function percentile()
   local text = sh(("wrk -t1 -c2 -d2s --latency http://127.0.0.1:%d/ping"):format(PORT))
   if text:find("\n  0 requests", 1, true) then return "not one answer in two seconds" end
   local value, unit = text:match("99%%%s+([%d.]+)(%a+)")
   return ("%.2f"):format(tonumber(value) * ({ us = 0.001, ms = 1, s = 1000 })[unit])
end

local server = oss.start {}
server:put_random("object", GIB, 1)
server:put_random("object", GIB, 1, { bucket = server.public_bucket })
local folder = sh("d=$(mktemp -d) && chmod 755 $d && printf $d")
local words = {
   FOLDER = folder, ROOT = sh("printf $PWD"), ENDPOINT = server.endpoint, REGION = server.region,
   ID = server.access_key_id, SECRET = server.access_key_secret, BUCKET = server.bucket,
   PUBLIC = server.public_bucket, OSSPORT = tostring(server.port), PORT = tostring(PORT),
}
local file = assert(io.open(folder .. "/nginx.conf", "w"))
file:write((CONF:gsub("%u%u+", words)))
file:close()
os.execute(("nginx -c %s/nginx.conf -e %s/error.log >/dev/null 2>&1 & sleep 1"):format(folder, folder))

local function during(start, is_running)
   start()
   local value = percentile()
   local busy = is_running()
   while is_running() do os.execute("sleep 0.2") end
   return value .. (busy and "" or " (the downloads ended before the measurement)")
end

local function in_this_worker(path)
   return during(function() get(path) end, in_worker)
end

local FETCH = "lua5.4 spec/bench/fetch.lua endpoint=%s region=%s access_key_id=%s access_key_secret=%s bucket=%s " ..
   "object=object durable=false proxy= threads=8 file=%s/file$i >/dev/null & "

local function in_other_processes()
   local one = FETCH:format(server.endpoint, server.region, server.access_key_id, server.access_key_secret,
      server.bucket, folder)
   local busy = folder .. "/busy"
   return during(function()
      os.execute(("touch %s; (for i in 1 2 3 4; do %s done; wait; rm %s) &"):format(busy, one, busy))
   end, function()
      local mark = io.open(busy)
      return mark and mark:close() or false
   end)
end

local rows = {
   { "idle", percentile },
   { "four downloads", function() return in_this_worker("/ossdl") end },
   { "the same in other processes", in_other_processes },
   { "four downloads at 100 MiB/s", function() return in_this_worker("/ossdl?rate=104857600") end },
   { "cosockets and io.write", function() return in_this_worker("/cosocket") end },
}
print "| while the worker has | 99th percentile of /ping, ms |\n|---|---|"
for round = 1, tonumber(os.getenv("ROUNDS")) or 3 do
   for _, row in ipairs(rows) do print(("| %d: %s | %s |"):format(round, row[1], row[2]())) end
end
os.execute(("kill $(cat %s/nginx.pid); sleep 1; rm -rf %s"):format(folder, folder))
server:stop()
