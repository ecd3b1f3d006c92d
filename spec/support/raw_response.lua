--- The bytes of a right answer, and of one that is wrong on purpose.

local response = {}

local LAST_MODIFIED = "Tue, 05 Mar 2024 07:08:09 GMT"
local FILLER = ("0123456789abcdef"):rep(4096)

--- First and last byte that a Range header asks for; nil: the whole object.
---@param range string?
---@param size integer
---@return integer? first
---@return integer? last
function response.range(range, size)
   local first, last = (range or ""):match "^bytes=(%d*)%-(%d*)$"
   first, last = tonumber(first), tonumber(last)
   if not first and last then
      first, last = math.max(size - last, 0), size - 1
   end
   if not first or first >= size then
      return nil
   end
   return first, math.min(last or size - 1, size - 1)
end

--- Bytes first to last of an object that is in memory or in a file.
local function slice(object, first, last)
   if object.bytes then
      return object.bytes:sub(first + 1, last + 1)
   end
   local file = assert(io.open(object.path, "rb"))
   file:seek("set", first)
   local bytes = file:read(last - first + 1) or ""
   file:close()
   return bytes
end

local function filled(size)
   return FILLER:rep(math.ceil(size / #FILLER)):sub(1, size)
end

local function error_body(behaviour)
   local text = '<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n  <Code>'
      .. (behaviour.code or "InternalError") .. "</Code>\n  <Message>"
      .. "%s</Message>\n  <RequestId>5C3D9175B6FC201293AD0001</RequestId>\n"
      .. "  <HostId>127.0.0.1</HostId>\n</Error>\n"
   local more = math.max((behaviour.body_size or 0) - #text + 2, 0)
   local before, after = text:match "^(.-)%%s(.*)$"
   return before .. filled(more) .. after
end

local function chunks(body, behaviour)
   local size = type(behaviour.chunked) == "number" and behaviour.chunked
      or 8192
   local parts = {}
   for at = 1, #body, size do
      local part = body:sub(at, at + size - 1)
      parts[#parts + 1] = ("%x\r\n%s\r\n"):format(#part, part)
   end
   if behaviour.chunk_end ~= false then
      parts[#parts + 1] = "0\r\n\r\n"
   end
   return table.concat(parts)
end

local function set(headers, name, value)
   for i = #headers, 1, -1 do
      if headers[i][1]:lower() == name:lower() then
         table.remove(headers, i)
      end
   end
   if value then
      headers[#headers + 1] = { name, value }
   end
end

local function object_headers(object)
   return {
      { "Server", "AliyunOSS" },
      { "Date", os.date "!%a, %d %b %Y %H:%M:%S GMT" },
      { "Content-Type", "application/octet-stream" },
      { "Connection", "keep-alive" },
      { "x-oss-request-id", "5C3D9175B6FC201293AD0001" },
      { "Accept-Ranges", "bytes" },
      { "ETag", object.etag },
      { "Last-Modified", LAST_MODIFIED },
      { "x-oss-object-type", "Normal" },
      { "x-oss-hash-crc64ecma", object.crc64 },
   }
end

--- The plain parts of an answer: status line, headers, body.
local function parts(object, request, behaviour)
   if behaviour.error then
      local body = error_body(behaviour)
      return ("HTTP/1.1 %d Error"):format(behaviour.error), {
         { "Server", "AliyunOSS" }, { "Content-Type", "application/xml" },
         { "x-oss-request-id", "5C3D9175B6FC201293AD0001" },
         { "Connection", "keep-alive" } }, body
   end
   local headers = object_headers(object)
   local first, last = response.range(request.range, object.size)
   if behaviour.ignore_range then
      first = nil
   end
   if not first then
      return "HTTP/1.1 200 OK", headers, slice(object, 0, object.size - 1)
   end
   set(headers, "Content-Range", ("bytes %d-%d/%d"):format(first, last,
      object.size))
   return "HTTP/1.1 206 Partial Content", headers, slice(object, first, last)
end

local function custom_body(body, behaviour)
   if behaviour.body then
      return behaviour.body
   elseif behaviour.body_size and not behaviour.error then
      return filled(behaviour.body_size)
   end
   return body
end

--- The bytes of the answer to a request.
--
-- object: { size, bytes or path, etag, crc64 }; request: { range, method };
-- behaviour: see README.md.
---@return string bytes
---@return integer head # length up to and with the empty line
function response.build(object, request, behaviour)
   if behaviour.send then
      return behaviour.send, #behaviour.send
   end
   local line, headers, body = parts(object, request, behaviour)
   body = custom_body(body, behaviour)
   if behaviour.chunked then
      set(headers, "Transfer-Encoding", "chunked")
      body = chunks(body, behaviour)
   else
      set(headers, "Content-Length", ("%d"):format(#body))
   end
   for name, value in pairs(behaviour.headers or {}) do
      set(headers, name, value)
   end
   local lines = { (behaviour.before or "") .. (behaviour.status or line) }
   for _, header in ipairs(headers) do
      lines[#lines + 1] = header[1] .. ": " .. header[2]
   end
   for _, raw in ipairs(behaviour.raw_headers or {}) do
      lines[#lines + 1] = raw
   end
   if behaviour.header_line then
      lines[#lines + 1] = "x-long: " .. filled(behaviour.header_line - 10)
   end
   local head = table.concat(lines, "\r\n") .. "\r\n\r\n"
   if request.method == "HEAD" then
      body = ""
   end
   return head .. body .. filled(behaviour.extra or 0), #head
end

return response
