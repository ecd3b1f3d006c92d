--- One request to the metadata service of the machine, or to its like: plain
-- HTTP, no proxy, no redirect, a small answer, and a short time for it. Inside
-- nginx by its own sockets, which wait without blocking; elsewhere by
-- LuaSocket, which blocks for as long as the service next door needs.

local error_module = require "ossdl.error"
local nginx = require "ossdl.nginx"

local SECONDS = 1
local ANSWER_MAX = 64 * 1024

local metadata = {}

-- What goes wrong today and may go well tomorrow.
local function passing(reason)
   return error_module.new { kind = "network", message = reason, retryable = true }
end

-- A connection; the two kinds of sockets differ in the unit of time only.
local function connect(host, port)
   local tcp
   local nginx_table = nginx()
   if nginx_table then
      tcp = nginx_table.socket.tcp()
      tcp:settimeout(SECONDS * 1000)
   else
      local found, socket = pcall(require, "socket")
      if not found then
         return nil, "LuaSocket is missing: apt-get install lua-socket"
      end
      tcp = socket.tcp()
      tcp:settimeout(SECONDS, "t")
   end
   local ok, err = tcp:connect(host, port)
   if not ok then
      tcp:close()
      return nil, passing(err)
   end
   return tcp
end

-- The body of a complete answer with status 200. HTTP/1.0 was asked for, so it
-- is not in chunks; a server may leave the connection open nevertheless.
local function body_of(answer, ended)
   local status = answer:match "^HTTP/1%.%d (%d%d%d)"
   local head, body = answer:match "^(.-\r\n)\r\n(.*)$"
   if not status or not head then
      return nil, "it does not speak HTTP, or stopped in the midst of it"
   elseif status ~= "200" then
      local reason = "HTTP status " .. status
      return nil, status:find "^5" and passing(reason) or reason
   end
   local length = tonumber(head:lower():match "\r\ncontent%-length:%s*(%d+)%s*\r\n")
   if length and #body < length or not length and not ended then
      return nil, passing "its answer is not complete"
   end
   return length and body:sub(1, length) or body
end

--- Asks for a path.
---@param address string host:port
---@param method "GET"|"PUT"
---@param path string without control characters
---@param headers? table<string, string>
---@return string? body of an answer with status 200
---@return (string|ossdl.Error)? why an error of ours when it may go well later
function metadata.request(address, method, path, headers)
   local host, port = address:match "^([^:]+):(%d+)$"
   local tcp, err = connect(host, tonumber(port))
   if not tcp then
      return nil, err
   end
   local lines = { ("%s %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n"):format(method, path, address) }
   if method == "PUT" then
      lines[#lines + 1] = "Content-Length: 0\r\n"
   end
   for name, value in pairs(headers or {}) do
      lines[#lines + 1] = ("%s: %s\r\n"):format(name, value)
   end
   local sent, answer, partial
   sent, err = tcp:send(table.concat(lines) .. "\r\n")
   if sent then
      answer, err, partial = tcp:receive(ANSWER_MAX)
   end
   tcp:close()
   if answer then
      return nil, "its answer is too long"
   elseif not partial or partial == "" then
      return nil, passing(err)
   end
   local body, why = body_of(partial, err == "closed")
   return body, why
end

return metadata
