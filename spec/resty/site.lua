--- A real nginx with its Lua module that downloads: what the specs of this
-- folder talk to. The local OSS is another nginx.

local cjson = require "cjson"
local lfs = require "lfs"
local socket = require "socket"

local helper = require "spec.helper"
local process = require "spec.support.process"

local site = {}

local MODULES = "/usr/lib/nginx/modules"
local LIMIT = 60

local CONFIGURATION = [[
load_module @modules@/ndk_http_module.so;
load_module @modules@/ngx_http_lua_module.so;
daemon off;
worker_processes @workers@;
worker_shutdown_timeout 10s;
error_log @folder@/error.log notice;
pid @folder@/nginx.pid;
@user@
events { worker_connections 1024; }
http {
   access_log off;
   client_body_temp_path @folder@/body;
   proxy_temp_path @folder@/proxy;
   fastcgi_temp_path @folder@/fastcgi;
   uwsgi_temp_path @folder@/uwsgi;
   scgi_temp_path @folder@/scgi;
   lua_package_path "@root@/lua/?.lua;@root@/lua/?/init.lua;@root@/spec/resty/?.lua;@folder@/?.lua;;";
   lua_package_cpath "@core@/?.so;;";
   lua_check_client_abort on;
   init_by_lua_block { require("app").init() }
   init_worker_by_lua_block { require("app").init_worker() }
   server {
      listen 127.0.0.1:@port@ reuseport backlog=1024;
      location = /content { content_by_lua_block { require("app").answer() } }
      location = /access {
         access_by_lua_block { require("app").answer() }
      }
      location = /rewrite {
         rewrite_by_lua_block { require("app").answer() }
      }
      location = /timer { content_by_lua_block { require("app").timer() } }
      location = /spawn { content_by_lua_block { require("app").spawn() } }
      location = /filter {
         header_filter_by_lua_block { require("app").filter() }
         return 204;
      }
      location = /forked { content_by_lua_block { require("app").forked() } }
      location = /role { content_by_lua_block { require("app").role() } }
      location = /rate { content_by_lua_block { require("app").rate() } }
      location = /pid { content_by_lua_block { require("app").pid() } }
   }
}
]]

local Site = {}
Site.__index = Site

local Request = {}
Request.__index = Request

local function escape(text)
   return (tostring(text):gsub("[^%w._-]", function(byte)
      return ("%%%02X"):format(byte:byte())
   end))
end

--- Sends a request and does not wait for the answer.
function Site:begin(path, arguments)
   local words = {}
   for name, value in pairs(arguments or {}) do
      words[#words + 1] = name .. "=" .. escape(value)
   end
   local connection = assert(socket.connect("127.0.0.1", self.port))
   connection:settimeout(LIMIT)
   assert(connection:send(("GET %s?%s HTTP/1.0\r\n\r\n"):format(path,
      table.concat(words, "&"))))
   return setmetatable({ connection = connection }, Request)
end

--- The client goes away.
function Request:abort()
   self.connection:close()
end

--- The answer: its body read as JSON, or nil, and the whole text. Nil and a
-- message when nginx closed the connection without one.
function Request:finish()
   local text, err, partial = self.connection:receive "*a"
   self.connection:close()
   text = text or partial
   if not text or text == "" then
      return nil, err or "no answer"
   end
   local ok, value = pcall(cjson.decode, text:match "\r\n\r\n(.*)$")
   return ok and value or nil, text
end

function Site:get(path, arguments)
   return self:begin(path, arguments):finish()
end

--- The process id of a worker that serves now.
function Site:worker()
   local answer, text = self:get "/pid"
   return assert(answer, text).pid
end

--- How many threads and descriptors a process has.
function site.census(pid)
   return {
      threads = #helper.files(("/proc/%d/task"):format(pid)),
      descriptors = #helper.files(("/proc/%d/fd"):format(pid)),
   }
end

--- KiB of memory of a process.
function site.memory(pid)
   local status = process.read(("/proc/%d/status"):format(pid))
   return tonumber(status:match "VmRSS:%s*(%d+)")
end

--- Whether a process is there.
function site.alive(pid)
   return lfs.attributes(("/proc/%d"):format(pid), "mode") ~= nil
end

--- Sends a signal to the master process.
function Site:signal(name)
   self.child:kill(name)
end

--- nginx's error log.
function Site:errors()
   return process.read(self.folder .. "/error.log") or ""
end

local function is_up(self)
   local connection = socket.connect("127.0.0.1", self.port)
   if connection then
      connection:close()
   end
   return connection ~= nil
end

--- Starts nginx in the folder of this site, again if need be.
function Site:launch()
   self.child = process.start({ "env", "-u", "LUA_PATH", "-u", "LUA_CPATH",
      "-u", "LUA_INIT", "nginx", "-p", self.folder, "-c",
      self.folder .. "/nginx.conf", "-e", self.folder .. "/error.log" })
   assert(process.eventually(function()
      assert(not self.child:status(), "nginx does not start:\n"
         .. self.child:errors() .. self:errors())
      return is_up(self)
   end, LIMIT), "nginx does not answer")
end

function Site:stop()
   self.child:stop()
   process.remove_folder(self.folder)
end

local function user()
   return process.shell "id -u":match "^0%s*$" and "user root;" or ""
end

--- Starts a site that downloads from `server`, the local OSS.
function site.start(server, workers)
   local self = setmetatable({ folder = process.folder "site",
      port = process.free_port() }, Site)
   local words = {
      modules = MODULES, workers = tostring(workers or 1), user = user(),
      folder = self.folder, root = helper.root, port = tostring(self.port),
      core = os.getenv "OSSDL_MODULES" or helper.root .. "/build/luajit",
   }
   process.write(self.folder .. "/nginx.conf",
      (CONFIGURATION:gsub("@(%l+)@", words)))
   process.write(self.folder .. "/settings.lua",
      ("return require('cjson').decode(%q)\n"):format(cjson.encode {
         endpoint = server.endpoint, region = server.region,
         bucket = server.bucket, access_key_id = server.access_key_id,
         access_key_secret = server.access_key_secret, proxy = "",
      }))
   self:launch()
   return self
end

return site
