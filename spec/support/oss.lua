--- The local OSS, for specs, the demo and benchmarks.
--
-- `oss.start()` gives a server of its own: nginx on free ports, a temporary
-- folder, one bucket, one access key. It goes with the process that started
-- it. See README.md beside this file for faults and examples.

local cjson = require "cjson"
local http = require "socket.http"
local ltn12 = require "ltn12"

local process = require "spec.support.process"

local oss = {}

local BUCKET = "example-bucket"
local PUBLIC_BUCKET = "public-bucket"
local REGION = "cn-hangzhou"
local KEY_ID = "LTAIlocalOSSexample01"
local KEY_SECRET = "localOSSsecretNotReal0123456789"
local TOKEN = "CAISlocal/STS+token==with&reserved%chars"
local START_LIMIT = 30
local START_ATTEMPTS = 5

---@class spec.Server
---@field endpoint string        "http://127.0.0.1:PORT"
---@field https_endpoint string? "https://localhost:PORT"
---@field ca_file string?        the authority of its certificate
---@field port integer
---@field https_port integer?
---@field region string
---@field bucket string
---@field public_bucket string   readable without a signature
---@field access_key_id string
---@field access_key_secret string
---@field security_token string  a valid one; requests may do without
---@field folder string          everything it writes
local Server = {}
Server.__index = Server

local MODULES = { "/usr/lib/nginx/modules", "/usr/lib64/nginx/modules",
   "/usr/share/nginx/modules" }

local function modules_folder()
   for _, folder in ipairs(MODULES) do
      local file = io.open(folder .. "/ngx_http_lua_module.so")
      if file then
         file:close()
         return folder
      end
   end
   error("nginx's Lua module is missing: install libnginx-mod-http-lua", 0)
end

local function is_root()
   local output = process.shell "id -u"
   return output:match "^%d+" == "0"
end

local function without_https(text)
   return (text:gsub("[^\n]*@https_port@[^\n]*\n", "")
      :gsub("[^\n]*ssl_[^\n]*\n", ""))
end

local function configuration(server, options)
   local text = assert(process.read(process.support .. "/nginx/nginx.conf"))
   if not options.https then
      text = without_https(text)
   end
   local words = {
      modules = modules_folder(), workers = tostring(options.workers or 1),
      folder = server.folder, support = process.support,
      port = tostring(server.port), https_port = tostring(server.https_port),
      control_port = tostring(server.control_port),
      user = is_root() and "user root;" or "",
   }
   return (text:gsub("@([%l_]+)@", words))
end

--- One talk with the control port; raises when the server cannot answer.
function Server:ask(command, given)
   local body = cjson.encode(given or {})
   local parts = {}
   local ok, status = http.request {
      url = ("http://127.0.0.1:%d/%s"):format(self.control_port, command),
      method = "POST",
      headers = { ["Content-Length"] = #body, ["Connection"] = "close" },
      source = ltn12.source.string(body),
      sink = ltn12.sink.table(parts),
      create = function()
         local connection = require "socket".tcp()
         connection:settimeout(60)
         return connection
      end,
   }
   if not ok or status ~= 200 then
      error(("the local OSS does not answer /%s: %s\n%s"):format(command,
         tostring(status), self:errors()), 0)
   end
   return process.integers(cjson.decode(table.concat(parts)))
end

--- nginx's error log, and what it wrote to standard error.
---@return string
function Server:errors()
   return (process.read(self.folder .. "/error.log") or "")
      .. (process.read(self.folder .. "/stderr") or "")
end

local function prepare(server, options)
   process.shell("mkdir -p " .. process.quote(server.folder .. "/data"))
   if options.https then
      local output, status = process.shell(table.concat({ process.interpreter(),
         process.quote(process.support .. "/certificate.lua"),
         process.quote(server.folder) }, " "))
      if status ~= 0 then
         error("cannot make a certificate:\n" .. output, 0)
      end
      server.ca_file = server.folder .. "/ca.crt"
   end
end

--- One attempt to start; false when nginx ended, mostly for want of a port.
local function launch(server, options)
   server.folder = process.folder "oss"
   prepare(server, options)
   server.port = options.port or process.free_port()
   server.control_port = process.free_port()
   server.https_port = options.https and process.free_port() or nil
   process.write(server.folder .. "/nginx.conf",
      configuration(server, options))
   -- nginx's own Lua finds its modules at their usual places
   server.child = process.start({ "env", "-u", "LUA_PATH", "-u", "LUA_CPATH",
      "-u", "LUA_INIT", "nginx", "-p", server.folder,
      "-c", server.folder .. "/nginx.conf",
      "-e", server.folder .. "/error.log" },
      { folder = server.folder, remove = server.folder })
   return process.eventually(function()
      return server.child:status() and "ended"
         or pcall(server.ask, server, "ping") and "running"
   end, START_LIMIT) == "running"
end

local function announce(server)
   server.endpoint = "http://127.0.0.1:" .. server.port
   if server.https_port then
      server.https_endpoint = "https://localhost:" .. server.https_port
   end
   server:set {
      region = server.region,
      keys = { [server.access_key_id] = server.access_key_secret },
      tokens = { [server.security_token] = "valid" },
      buckets = { [server.bucket] = true, [server.public_bucket] = true },
      public = { [server.public_bucket] = true },
   }
end

--- Starts a local OSS; returns when it answers.
--
-- options.workers  nginx processes, default 1
-- options.https    also listen with TLS, default false
-- options.port     default: any that is free
-- Raises with nginx's error log when it does not start.
---@param options table?
---@return spec.Server
function oss.start(options)
   options = options or {}
   local server = setmetatable({
      region = options.region or REGION, bucket = options.bucket or BUCKET,
      public_bucket = PUBLIC_BUCKET, access_key_id = KEY_ID,
      access_key_secret = KEY_SECRET, security_token = TOKEN,
      files = 0,
   }, Server)
   local failure
   for _ = 1, options.port and 1 or START_ATTEMPTS do
      local ok, running = pcall(launch, server, options)
      if ok and running then
         failure = nil
         break
      end
      failure = ok and "nginx does not start:\n" .. server:errors() or running
      server:stop()
      if not ok then
         break
      end
   end
   if failure then
      error(failure, 0)
   end
   announce(server)
   return server
end

--- Ends nginx and removes its folder.
function Server:stop()
   if self.child then
      self.child:stop()
      self.child = nil
   end
   if self.folder then
      process.remove_folder(self.folder) -- unless it went with the child
      self.folder = nil
   end
end

--- A table of options for `ossdl.download`, merged with `extra`.
---@param extra table?
---@return table
function Server:options(extra)
   local options = {
      endpoint = self.endpoint, region = self.region, bucket = self.bucket,
      access_key_id = self.access_key_id,
      access_key_secret = self.access_key_secret,
   }
   for name, value in pairs(extra or {}) do
      options[name] = value
   end
   return options
end

-- Objects ---------------------------------------------------------------------

local function new_file(server)
   server.files = server.files + 1
   local name = ("%d"):format(server.files)
   return name, server.folder .. "/data/" .. name
end

local function from_hex(text)
   return (text:gsub("%x%x", function(digits)
      return string.char(tonumber(digits, 16))
   end))
end

local PART = 8 * 1024 * 1024

--- An ETag as OSS gives: the MD5, or one that looks like a multipart upload's.
local function default_etag(size, crc64, md5)
   if md5 then
      return '"' .. md5 .. '"', "Normal",
         (require "mime".b64(from_hex(md5)))
   end
   return ('"%s%s-%d"'):format(("A"):rep(32 - #crc64), crc64,
      math.ceil(size / PART)), "Multipart", nil
end

local function describe(file, size, crc64, md5, options)
   local etag, kind, content_md5 = default_etag(size, crc64, md5)
   local object = {
      file = file, size = size, etag = options.etag or etag,
      type = options.type or kind, content_md5 = content_md5,
      modified = options.modified or os.time(), headers = options.headers,
      version_id = options.version_id, storage_class = options.storage_class,
      restore = options.restore, content_type = options.content_type,
      crc64 = options.crc64,
   }
   if object.crc64 == nil then
      object.crc64 = crc64
   end
   if object.headers and not next(object.headers) then
      object.headers = nil
   end
   return object
end

local function keep(server, key, object, options)
   local bucket = options.bucket or server.bucket
   local answer = server:ask("keep", { bucket = bucket, key = key,
      object = object })
   local previous = answer.previous
   if previous and previous ~= object.file and not object.version_id then
      os.remove(server.folder .. "/data/" .. previous)
   end
   return { etag = object.etag, crc64 = object.crc64, size = object.size,
      version_id = object.version_id, modified = object.modified,
      path = server.folder .. "/data/" .. object.file }
end

--- Stores an object.
--
-- options: bucket, etag, crc64 (decimal text, or false for no header), type,
-- headers, version_id, modified (Unix seconds), content_type, storage_class,
-- restore. What is not given is as OSS would have it.
---@param key string
---@param bytes string
---@param options table?
---@return table # etag, crc64, size, path, ...
function Server:put(key, bytes, options)
   options = options or {}
   local file, path = new_file(self)
   process.write(path, bytes)
   local size, crc64, md5 = process.sum(path)
   return keep(self, key, describe(file, size, crc64, md5, options), options)
end

--- Stores an object of reproducible noise; a gibibyte takes seconds.
---@param key string
---@param size integer
---@param seed integer?  default 1
---@param options table?  as for put
---@return table
function Server:put_random(key, size, seed, options)
   options = options or {}
   local file, path = new_file(self)
   local real, crc64, md5 = process.seed(path, size, seed or 1)
   return keep(self, key, describe(file, real, crc64, md5, options), options)
end

--- Removes an object; with { delete_marker = "version id" } it leaves one.
---@param key string
---@param options table?
function Server:remove(key, options)
   options = options or {}
   local bucket = options.bucket or self.bucket
   if options.delete_marker then
      self:ask("keep", { bucket = bucket, key = key, object = {
         delete_marker = true, version_id = options.delete_marker } })
      return
   end
   local answer = self:ask("forget", { bucket = bucket, key = key })
   if answer.previous then
      os.remove(self.folder .. "/data/" .. answer.previous)
   end
end

--- The stored file of an object, to compare with.
---@param key string
---@param options table?  bucket, version_id
---@return string
function Server:path(key, options)
   options = options or {}
   local answer = self:ask("object", { bucket = options.bucket or self.bucket,
      key = key, version = options.version_id })
   assert(answer.object, "no object " .. key)
   return self.folder .. "/data/" .. answer.object.file
end

-- Behaviour -------------------------------------------------------------------

local ACTIONS = {}

for name in ([[status truncate reset stall delay rate flip etag crc64
   remove_header headers content_range short long ignore_range redirect gzip
   expired_token skew changed drop]]):gmatch "%S+" do
   ACTIONS[name] = true
end

local KNOWN = { match = true, body = true, code = true, message = true }
local MATCHES = { key = true, range_start = true, nth = true, times = true,
   every = true, connection = true, method = true }

local function check_names(given, known, more, what)
   for name in pairs(given) do
      if not known[name] and not (more and more[name]) then
         error(("unknown %s %q"):format(what, tostring(name)), 3)
      end
   end
end

--- Adds a fault; the first fault that is due is the one a request meets.
--
-- match  key, range_start, connection, method: what it applies to;
--        nth: the first matching request that it acts on, default 1;
--        every: then only each n-th; times: how often, default 1,
--        false for ever.
-- The actions are listed in README.md.
---@param fault table
---@return integer id # for `fired`
function Server:fault(fault)
   check_names(fault, KNOWN, ACTIONS, "fault")
   check_names(fault.match or {}, MATCHES, nil, "match")
   local acts = false
   for name in pairs(fault) do
      acts = acts or ACTIONS[name]
   end
   assert(acts, "a fault without an action")
   local given = {}
   for name, value in pairs(fault) do
      given[name] = value
   end
   given.match = fault.match or {}
   if fault.headers and not next(fault.headers) then
      given.headers = nil
   end
   return self:ask("fault", given).id
end

--- How often a fault has acted.
---@param id integer
---@return integer
function Server:fired(id)
   return self:ask("fired", { id = id }).count
end

--- Removes all faults.
function Server:clear()
   self:ask "clear"
end

--- Changes settings: region, keys, tokens, buckets, public, cnames, clock
-- (seconds the server's clock is off), unsigned (true: check no signature),
-- require_token, allow_path_style.
---@param changes table
function Server:set(changes)
   self:ask("set", changes)
end

--- Whether requests without a security token are refused.
---@param wanted boolean
function Server:require_token(wanted)
   self:set { require_token = wanted }
end

--- Lets the valid security token expire, and issues a new one.
---@return string token # also in `security_token` from now on
function Server:rotate_token()
   local old = self.security_token
   self.tokens = self.tokens or {}
   self.tokens[old] = "expired"
   self.rotations = (self.rotations or 0) + 1
   self.security_token = TOKEN .. self.rotations
   self.tokens[self.security_token] = "valid"
   self:set { tokens = self.tokens }
   return self.security_token
end

-- The log ---------------------------------------------------------------------

--- The requests since the log was last reset, in the order of arrival.
--
-- Each: method, uri, bucket, key, style, range, headers (lower-case names),
-- connection (counted from 1), time; and once it is `finished`: status,
-- bytes_sent (of the body), seconds.
---@param key string?  only those for this object
---@return table[]
function Server:requests(key)
   local found = {}
   for _, entry in ipairs(self:ask "requests".requests or {}) do
      if type(entry) == "table" and (key == nil or entry.key == key) then
         found[#found + 1] = entry
      end
   end
   return found
end

--- Waits until no request is in progress; false when the time was up.
---@param seconds number?  default 30
---@return boolean
function Server:settle(seconds)
   return process.eventually(function()
      for _, entry in ipairs(self:requests()) do
         if not entry.finished then
            return false
         end
      end
      return true
   end, seconds) or false
end

--- The sum of the bodies' bytes in the log.
---@param key string?
---@return integer
function Server:bytes_sent(key)
   local sum = 0
   for _, entry in ipairs(self:requests(key)) do
      sum = sum + (entry.bytes_sent or 0)
   end
   return sum
end

--- Empties the log.
function Server:reset_log()
   self:ask "reset_log"
end

return oss
