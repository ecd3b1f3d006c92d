--- A server that answers wrong, byte by byte, for specs about the wire.
--
-- `raw.start(script)` runs it in a process of its own. The script lists what
-- to do with the requests in the order of their arrival; what is not listed
-- gets `script.default`, which is a right answer unless it says otherwise.
-- No signature is checked. See README.md beside this file.

local cjson = require "cjson"

local process = require "spec.support.process"
local response = require "spec.support.raw_response"

local raw = {}

---@class spec.RawServer
---@field endpoint string
---@field port integer
---@field object table  size, etag, crc64, and bytes or path
local Server = {}
Server.__index = Server

local KNOWN = {}

for name in ([[match times send status headers raw_headers before body
   body_size extra chunked chunk_end header_line endless_headers error code
   ignore_range cut drip drip_bytes delay after]]):gmatch "%S+" do
   KNOWN[name] = true
end
KNOWN["then"] = true

local function check(behaviour)
   for name in pairs(behaviour) do
      if not KNOWN[name] then
         error(("unknown behaviour %q"):format(tostring(name)), 0)
      end
   end
   return behaviour
end

local function complete(folder, object)
   object = object or { bytes = "hello world" }
   local path = object.path
   if not path then
      path = folder .. "/object"
      process.write(path, object.bytes)
   end
   local size, crc64, md5 = process.sum(path)
   return { path = path, size = size, crc64 = object.crc64 or crc64,
      etag = object.etag or '"' .. (md5 or ("A"):rep(32)) .. '"' }
end

--- Starts a raw server; it goes with the process that started it.
---@param script table  behaviours 1, 2, ...; default; object = { bytes or path, etag, crc64 }
---@return spec.RawServer
function raw.start(script)
   local folder = process.folder "raw"
   local server = setmetatable({ folder = folder, region = "cn-hangzhou",
      bucket = "example-bucket" }, Server)
   server.object = complete(folder, script.object)
   local behaviours = {}
   for i, behaviour in ipairs(script) do
      behaviours[i] = check(behaviour)
   end
   process.write(folder .. "/script.json", cjson.encode {
      behaviours = behaviours, default = check(script.default or {}),
      object = server.object })
   server.child = process.start({ process.interpreter(),
      process.support .. "/raw_server_main.lua", folder }, {
      folder = folder, remove = folder,
      env = { LUA_PATH = process.root .. "/?.lua;;",
         LUA_PATH_5_4 = process.root .. "/?.lua;;" } })
   server.port = process.eventually(function()
      return tonumber(process.read(folder .. "/port")) or
         server.child:status() and -1
   end)
   if (server.port or -1) < 0 then
      local errors = server.child:errors()
      server:stop()
      error("the raw server does not start: " .. errors, 0)
   end
   server.endpoint = "http://127.0.0.1:" .. ("%d"):format(server.port)
   return server
end

--- Options for `ossdl.download`, merged with `extra`.
---@param extra table?
function Server:options(extra)
   local options = { endpoint = self.endpoint, region = self.region,
      bucket = self.bucket, access_key_id = "LTAIraw",
      access_key_secret = "notChecked" }
   for name, value in pairs(extra or {}) do
      options[name] = value
   end
   return options
end

--- The answer to a request, as it would be sent: to find places to cut at.
---@param behaviour table?  default: a right answer
---@param range string?  the Range header
---@return string bytes
---@return integer head # length of status line and headers
function Server:response(behaviour, range)
   return response.build(self.object, { method = "GET", range = range },
      behaviour or {})
end

--- What happened so far, in order: tables with `event` = "open", "request",
-- "sent" or "close", the `connection` (from 1), and more (README.md).
---@return table[]
function Server:events()
   local events = {}
   local text = process.read(self.folder .. "/log") or ""
   for line in text:gmatch "([^\n]*)\n" do
      events[#events + 1] = process.integers(cjson.decode(line))
   end
   return events
end

local function only(server, event)
   local found = {}
   for _, entry in ipairs(server:events()) do
      if entry.event == event then
         found[#found + 1] = entry
      end
   end
   return found
end

--- The requests: method, uri, range, headers, connection, behaviour.
function Server:requests()
   return only(self, "request")
end

--- How many connections were opened.
---@return integer
function Server:connections()
   return #only(self, "open")
end

--- Ends the server and removes its folder.
function Server:stop()
   if self.child then
      self.child:stop()
      self.child = nil
   end
end

return raw
