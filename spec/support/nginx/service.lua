-- luacheck: std ngx_lua, globals ngx
--- The local OSS: what happens to one request, phase by phase.
--
-- begin    names bucket and key, checks the signature, decides the answer.
--          An object is then served by nginx's own static handler; only a
--          fault that touches the body sends it through Lua.
-- body     sends an object with something wrong about its body
-- headers  gives every answer the headers of OSS
-- refused  turns nginx's own refusals into OSS's XML
-- log      completes the request's line in the log

local faults = require "faults"
local range = require "range"
local signature = require "signature"
local store = require "store"

local service = {}

local BLOCK = 64 * 1024
local STALL_LIMIT = 60
local KEY_LIMIT = 1023
local TRAFFIC_LIMIT_MIN, TRAFFIC_LIMIT_MAX = 819200, 838860800

-- ngx.ctx does not survive ngx.exec, so requests are kept here, by id.
local requests = {}

local function current()
   return requests[ngx.var.oss_request]
end

-- Errors ----------------------------------------------------------------------

local CODES = {
   [400] = "BadRequest", [401] = "Unauthorized", [403] = "AccessDenied",
   [404] = "NoSuchKey", [405] = "MethodNotAllowed", [408] = "RequestTimeout",
   [409] = "OperationConflict", [412] = "PreconditionFailed",
   [414] = "RequestURITooLong", [416] = "InvalidRange",
   [429] = "QpsLimitExceeded", [431] = "RequestHeaderTooLarge",
   [500] = "InternalError", [501] = "NotImplemented", [502] = "BadGateway",
   [503] = "ServiceUnavailable", [504] = "GatewayTimeout",
}

local MESSAGES = {
   AccessDenied = "You have no right to access this object.",
   InternalError = "We encountered an internal error. Please try again.",
   InvalidRange = "The requested range cannot be satisfied.",
   NoSuchBucket = "The specified bucket does not exist.",
   NoSuchKey = "The specified key does not exist.",
   NoSuchVersion = "The specified version does not exist.",
   PreconditionFailed =
      "At least one of the pre-conditions you specified did not hold.",
   SecurityTokenExpired = "The security token you provided has expired.",
   ServiceUnavailable = "Please reduce your request rate.",
}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
   ['"'] = "&quot;", ["'"] = "&apos;" }

local function escape(text)
   return (tostring(text):gsub("[&<>\"']", ENTITIES)
      :gsub("[%z\1-\8\11\12\14-\31]", "?"))
end

local function error_xml(ctx, refusal)
   local lines = {
      '<?xml version="1.0" encoding="UTF-8"?>', "<Error>",
      "  <Code>" .. escape(refusal.code) .. "</Code>",
      "  <Message>" .. escape(refusal.message) .. "</Message>",
      "  <RequestId>" .. ctx.id .. "</RequestId>",
      "  <HostId>" .. escape(ctx.host) .. "</HostId>",
   }
   for _, field in ipairs(refusal.fields or {}) do
      lines[#lines + 1] = ("  <%s>%s</%s>"):format(field[1],
         escape(field[2]), field[1])
   end
   lines[#lines + 1] = "  <EC>" .. refusal.ec .. "</EC>"
   lines[#lines + 1] = "  <RecommendDoc>https://api.aliyun.com/troubleshoot?q="
      .. refusal.ec .. "</RecommendDoc>"
   lines[#lines + 1] = "</Error>\n"
   return table.concat(lines, "\n")
end

--- Ends the request with a body that is not an object's.
local function answer(ctx, status, content_type, body)
   ngx.status = status
   ngx.header["Content-Type"] = content_type
   ngx.header["Content-Length"] = #body
   ctx.answered = true
   if ctx.method == "HEAD" then
      ngx.send_headers()
   else
      ngx.print(body)
   end
   return ngx.exit(ngx.HTTP_OK)
end

--- Ends the request with an error as OSS words it.
local function refuse(ctx, refusal)
   local status = refusal.status
   refusal.code = refusal.code or CODES[status] or "BadErrorResponse"
   refusal.message = refusal.message or MESSAGES[refusal.code]
      or "The request was refused."
   refusal.ec = refusal.ec or ("%04d-00000001"):format(status % 100)
   local xml = error_xml(ctx, refusal)
   ngx.header["x-oss-ec"] = refusal.ec
   if ctx.method == "HEAD" then
      ngx.header["x-oss-err"] = ngx.encode_base64(xml)
      ngx.status = status
      ctx.answered = true
      ngx.send_headers()
      return ngx.exit(ngx.HTTP_OK)
   end
   return answer(ctx, status, "application/xml", xml)
end

-- Names -----------------------------------------------------------------------

local function decode(text)
   return (text:gsub("%+", " "):gsub("%%(%x%x)", function(digits)
      return string.char(tonumber(digits, 16))
   end))
end

--- The path and the query as they came, whatever form the request line has.
local function target()
   local uri = ngx.var.request_uri
   uri = uri:gsub("^%a[%w+.-]*://[^/?]*", "")
   local path, args = uri:match "^([^?]*)%??(.*)$"
   return path == "" and "/" or path, args
end

local function parse_query(args)
   local query = {}
   for part in args:gmatch "[^&]+" do
      local name, value = part:match "^([^=]*)=(.*)$"
      query[#query + 1] = { decode(name or part), value and decode(value) }
   end
   return query
end

local function query_value(ctx, name)
   for _, pair in ipairs(ctx.query) do
      if pair[1] == name then
         return pair[2] or ""
      end
   end
end

local function plain_headers()
   local plain = {}
   for name, value in pairs(ngx.req.get_headers(0)) do
      if type(value) == "table" then
         value = table.concat(value, ",")
      end
      plain[name:lower()] = value == true and "" or value
   end
   return plain
end

local function is_address(host)
   return host:match "^%d+%.%d+%.%d+%.%d+$" or host == "localhost"
      or host:sub(1, 1) == "["
end

--- Bucket and key of a request; the style is where the bucket was found.
local function locate(host, path, settings)
   local function in_path(style)
      local bucket, key = path:match "^/([^/]*)/?(.*)$"
      return decode(bucket), decode(key), style
   end
   if is_address(host) then
      return in_path "path"
   end
   local key = decode(path:sub(2))
   if settings.cnames and settings.cnames[host] then
      return settings.cnames[host], key, "cname"
   end
   local label, rest = host:match "^([^.]+)%.(.+)$"
   if label and settings.buckets[label] then
      return label, key, "host", rest
   elseif rest == "aliyuncs.com" then
      return in_path "forbidden"
   elseif rest and (rest == "localhost" or rest:match "aliyuncs%.com$") then
      return label, key, "host", rest
   end
   return in_path "path"
end

local request_number = 0

--- 24 upper-case hexadecimal digits, as OSS numbers requests.
local function new_id()
   request_number = request_number + 1
   return ("%08X%08X%08X"):format(ngx.time(), ngx.worker.pid(),
      request_number % 0x100000000)
end

local function new_context()
   local settings = store.settings()
   local path, args = target()
   local host = (ngx.var.http_host or ngx.var.host or ""):lower()
      :gsub(":%d+$", "")
   local bucket, key, style, domain = locate(host, path, settings)
   local headers = plain_headers()
   return {
      id = new_id(), settings = settings, host = host, bucket = bucket,
      key = key, style = style, domain = domain, headers = headers,
      method = ngx.req.get_method(), query = parse_query(args),
      range_start = tonumber((headers.range or ""):match "^bytes=(%d+)%-"),
      connection = store.connection(ngx.var.connection),
   }
end

-- Checks ----------------------------------------------------------------------

local function wrong_place(ctx)
   local settings = ctx.settings
   if ctx.style == "forbidden" and not settings.allow_path_style then
      return { status = 403, code = "SecondLevelDomainForbidden",
         message = "The bucket you are attempting to access must be addressed "
            .. "using OSS third level domain." }
   end
   if not settings.buckets[ctx.bucket] then
      return { status = 404, code = "NoSuchBucket",
         fields = { { "BucketName", ctx.bucket } } }
   end
   local region = (ctx.domain or ""):match "^oss%-(.-)%.aliyuncs%.com$"
   region = region and region:gsub("%-internal$", "")
   if region and region ~= settings.region and region ~= "accelerate" then
      return { status = 403, code = "AccessDenied",
         message = "The bucket you are attempting to access must be addressed "
            .. "using the specified endpoint. Please send all future requests "
            .. "to this endpoint.",
         fields = { { "Bucket", ctx.bucket },
            { "Endpoint", "oss-" .. settings.region .. ".aliyuncs.com" } } }
   end
end

local function wrong_name(ctx)
   if ctx.method ~= "GET" and ctx.method ~= "HEAD" then
      return { status = 405, fields = { { "Method", ctx.method } } }
   end
   if ctx.key == "" then
      return { status = 501, message = "Only objects are served here." }
   end
   if #ctx.key > KEY_LIMIT or ctx.key:match "^[/\\]" then
      return { status = 400, code = "InvalidObjectName",
         message = "The specified object is not valid." }
   end
end

local function find_object(ctx)
   local version = query_value(ctx, "versionId")
   if not version then
      return store.object(ctx.bucket, ctx.key)
   end
   local object = store.object(ctx.bucket, ctx.key, version)
   if not object and version == "null" then
      object = store.object(ctx.bucket, ctx.key)
      if object and object.version_id then
         object = nil
      end
   end
   return object, version
end

local function missing(ctx, version)
   if version then
      return { status = 404, code = "NoSuchVersion",
         fields = { { "Key", ctx.key }, { "VersionId", version } } }
   end
   return { status = 404, code = "NoSuchKey", ec = "0026-00000001",
      fields = { { "Key", ctx.key } } }
end

--- Objects that exist and yet are not to be had.
local function unavailable(ctx, object, version)
   if object.delete_marker then
      ngx.header["x-oss-delete-marker"] = "true"
      ngx.header["x-oss-version-id"] = object.version_id
      if version then
         ngx.header["Allow"] = "DELETE"
         return { status = 405 }
      end
      return missing(ctx)
   end
   local cold = (object.storage_class or ""):match "Archive$"
   local restored = (object.restore or ""):match 'ongoing%-request="false"'
   if cold and not restored and ctx.method == "GET" then
      return { status = 403, code = "InvalidObjectState",
         message = "The operation is not valid for the object's state." }
   end
end

local function lists(header, etag)
   if header:match "^%s*%*%s*$" then
      return true
   end
   for item in header:gmatch "[^,]+" do
      item = item:match "^%s*(.-)%s*$"
      if item == etag or '"' .. item .. '"' == etag then
         return true
      end
   end
   return false
end

local function condition_failed(name)
   return { status = 412, fields = { { "Condition", name } } }
end

local function conditions(ctx, object)
   local headers = ctx.headers
   local since = headers["if-modified-since"]
   local unless = headers["if-unmodified-since"]
   if headers["if-match"] and not lists(headers["if-match"], object.etag) then
      return condition_failed "If-Match"
   end
   unless = unless and ngx.parse_http_time(unless)
   if unless and object.modified > unless then
      return condition_failed "If-Unmodified-Since"
   end
   since = since and ngx.parse_http_time(since)
   local same = headers["if-none-match"]
   if same and lists(same, object.etag)
      or not same and since and object.modified <= since then
      return { status = 304 }
   end
end

--- Sets the pace; a refusal when the wanted one is not allowed.
local function traffic_limit(ctx)
   local text = ctx.headers["x-oss-traffic-limit"]
      or query_value(ctx, "x-oss-traffic-limit")
   if not text then
      return nil
   end
   local bits = tonumber(text:match "^%d+$")
   if not bits or bits < TRAFFIC_LIMIT_MIN or bits > TRAFFIC_LIMIT_MAX then
      return { status = 400, code = "InvalidArgument", ec = "0004-00000502",
         message = "The traffic limit is out of range.",
         fields = { { "ArgumentName", "x-oss-traffic-limit" },
            { "ArgumentValue", text } } }
   end
   ngx.var.limit_rate = math.floor(bits / 8)
end

local OVERRIDES = {
   ["response-content-type"] = "Content-Type",
   ["response-content-language"] = "Content-Language",
   ["response-content-disposition"] = "Content-Disposition",
   ["response-content-encoding"] = "Content-Encoding",
   ["response-cache-control"] = "Cache-Control",
   ["response-expires"] = "Expires",
}

local function overrides(ctx)
   for _, pair in ipairs(ctx.query) do
      if OVERRIDES[pair[1]] then
         if ctx.anonymous then
            return { status = 400, code = "InvalidRequest",
               message = "Override headers need a signed request." }
         end
         ctx.overrides = ctx.overrides or {}
         ctx.overrides[OVERRIDES[pair[1]]] = pair[2]
      end
   end
end

-- Faults ----------------------------------------------------------------------

local HTML = "<html><head><title>%d</title></head>"
   .. "<body><h1>%d</h1><p>Not from OSS.</p></body></html>\n"

local function fault_status(ctx, fault)
   local body = fault.body or "xml"
   if body == "xml" then
      return refuse(ctx, { status = fault.status, code = fault.code,
         message = fault.message })
   elseif body == "html" then
      body = HTML:format(fault.status, fault.status)
      return answer(ctx, fault.status, "text/html", body)
   end
   return answer(ctx, fault.status, "text/plain", body)
end

--- The faults that answer in place of the object.
local function fault_answers(ctx, fault)
   if fault.status then
      return fault_status(ctx, fault)
   elseif fault.expired_token then
      return refuse(ctx, { status = 403, code = "SecurityTokenExpired" })
   elseif fault.changed then
      return refuse(ctx, condition_failed "If-Match")
   elseif fault.redirect then
      ngx.header["Location"] = fault.redirect
      return answer(ctx, 302, "text/plain", "")
   end
end

local FRAMING = { ["content-length"] = true, ["content-range"] = true,
   ["accept-ranges"] = true }

--- Whether nginx's static handler cannot play the fault.
local function touches_body(fault)
   if fault.truncate or fault.reset or fault.stall or fault.flip or fault.short
      or fault.long or fault.content_range ~= nil then
      return true
   end
   for name in pairs(fault.headers or {}) do
      if FRAMING[name:lower()] then
         return true
      end
   end
   return FRAMING[tostring(fault.remove_header):lower()] or false
end

-- Serving ---------------------------------------------------------------------

local CONDITION_HEADERS = { "If-Match", "If-None-Match", "If-Modified-Since",
   "If-Unmodified-Since" }

local function serve(ctx, object, fault)
   local standard = ctx.headers["x-oss-range-behavior"] == "standard"
   local wanted = ctx.headers.range
   if fault and fault.ignore_range then
      wanted = nil
   end
   local kind, first, last = range.resolve(wanted, object.size, standard)
   if kind == "invalid" then
      ngx.header["Content-Range"] = "bytes */" .. object.size
      return refuse(ctx, { status = 416, code = "InvalidRange" })
   end
   ctx.object, ctx.first, ctx.last = object, first, last
   for _, name in ipairs(CONDITION_HEADERS) do
      ngx.req.clear_header(name)
   end
   if first then
      ngx.req.set_header("Range", ("bytes=%d-%d"):format(first, last))
   else
      ngx.req.clear_header "Range"
   end
   ngx.req.set_uri("/" .. object.file, false)
   if fault and fault.gzip then
      ngx.req.set_header("Accept-Encoding", "gzip")
      return ngx.exec "@gzip"
   elseif fault and touches_body(fault) then
      return ngx.exec "@body"
   end
end

local function now(ctx)
   ngx.update_time()
   local fault = ctx.fault
   return ngx.time() + (ctx.settings.clock or 0) + (fault and fault.skew or 0)
end

local function check_signature(ctx)
   if ctx.settings.unsigned then
      return nil
   end
   local refusal
   refusal, ctx.anonymous = signature.check(ctx, ctx.settings, now(ctx))
   return refusal
end

local function decide(ctx)
   local fault = ctx.fault
   local refusal = wrong_place(ctx) or check_signature(ctx) or wrong_name(ctx)
   if refusal then
      return refuse(ctx, refusal)
   end
   if fault then
      fault_answers(ctx, fault)
   end
   refusal = traffic_limit(ctx) or overrides(ctx)
   if refusal then
      return refuse(ctx, refusal)
   end
   if fault and fault.rate then
      ngx.var.limit_rate = fault.rate
   end
   local object, version = find_object(ctx)
   refusal = not object and missing(ctx, version)
      or unavailable(ctx, object, version) or conditions(ctx, object)
   if not refusal then
      return serve(ctx, object, fault)
   elseif refusal.status == 304 then
      ctx.object = object
      return ngx.exit(304)
   end
   return refuse(ctx, refusal)
end

local function log_entry(ctx)
   return {
      method = ctx.method, uri = ngx.var.request_uri, key = ctx.key,
      bucket = ctx.bucket, style = ctx.style, range = ctx.headers.range,
      headers = ctx.headers, connection = ctx.connection, id = ctx.id,
      time = ctx.time, fault = ctx.fault and ctx.fault.id,
      scheme = ngx.var.scheme,
   }
end

function service.begin()
   local ctx = new_context()
   requests[ctx.id] = ctx
   ngx.var.oss_request = ctx.id
   ctx.time = ngx.now()
   ctx.fault = faults.choose(ctx)
   ctx.line = store.log_begin(log_entry(ctx))
   local fault = ctx.fault
   if fault and fault.delay then
      ngx.sleep(fault.delay)
   end
   if fault and fault.drop then
      return ngx.exit(444)
   end
   return decide(ctx)
end

-- The body, by hand -----------------------------------------------------------

local function flip_bit(bytes, at)
   local changed = bit.bxor(bytes:byte(at), 1)
   return bytes:sub(1, at - 1) .. string.char(changed) .. bytes:sub(at + 1)
end

--- Sends `count` bytes of the file; after its end come zero bytes.
local function send(file, count, flip)
   local sent = 0
   while sent < count do
      local wanted = math.min(BLOCK, count - sent)
      local bytes = file:read(wanted) or ""
      bytes = bytes .. ("\0"):rep(wanted - #bytes)
      if flip and flip >= sent and flip < sent + wanted then
         bytes = flip_bit(bytes, flip - sent + 1)
      end
      if not ngx.print(bytes) or not ngx.flush(true) then
         return ngx.exit(444)
      end
      sent = sent + wanted
   end
end

local function body_headers(ctx, fault, length)
   local object = ctx.object
   ngx.status = ctx.first and 206 or 200
   ngx.header["Content-Length"] = length - (fault.short or 0)
      + (fault.long or 0)
   ngx.header["Accept-Ranges"] = "bytes"
   if ctx.first then
      ngx.header["Content-Range"] = ("bytes %d-%d/%d"):format(ctx.first,
         ctx.last, object.size)
   end
   if fault.content_range ~= nil then
      ngx.header["Content-Range"] = fault.content_range or nil
   end
end

--- Ends a body before its time.
local function break_off(fault)
   if fault.stall then
      local limit = ngx.now() + STALL_LIMIT
      while ngx.now() < limit do
         ngx.sleep(0.25)
      end
      return ngx.exit(ngx.ERROR)
   elseif fault.reset then
      ngx.sleep(0.05) -- so that the client has read what was sent
      return ngx.exit(444)
   end
   return ngx.exit(ngx.ERROR)
end

function service.body()
   local ctx = current()
   local fault, object = ctx.fault, ctx.object
   local first = ctx.first or 0
   local length = (ctx.last or object.size - 1) - first + 1
   -- opened before anything is waited for: a put may remove it meanwhile
   local file = assert(io.open(ngx.var.document_root .. "/" .. object.file,
      "rb"))
   body_headers(ctx, fault, length)
   ngx.send_headers()
   if ctx.method == "HEAD" then
      file:close()
      return
   end
   ngx.flush(true)
   file:seek("set", first)
   local all = length - (fault.short or 0) + (fault.long or 0)
   local stop = fault.truncate or fault.reset or fault.stall
   local broken = stop and stop < all
   send(file, broken and stop or all, fault.flip)
   file:close()
   if broken then
      break_off(fault)
   end
end

-- Headers ---------------------------------------------------------------------

local function object_headers(ctx)
   local object, header = ctx.object, ngx.header
   header["ETag"] = object.etag
   header["Last-Modified"] = ngx.http_time(object.modified)
   header["Content-Type"] = object.content_type or "application/octet-stream"
   header["Content-MD5"] = object.content_md5
   header["x-oss-object-type"] = object.type or "Normal"
   header["x-oss-storage-class"] = object.storage_class or "Standard"
   header["x-oss-restore"] = object.restore
   header["x-oss-version-id"] = object.version_id
   if object.crc64 then
      header["x-oss-hash-crc64ecma"] = object.crc64
   end
   for name, value in pairs(object.headers or {}) do
      header[name] = value
   end
   if ngx.status == 200 then
      for name, value in pairs(ctx.overrides or {}) do
         header[name] = value
      end
   end
end

local function fault_headers(fault)
   local header = ngx.header
   if fault.etag then
      header["ETag"] = fault.etag
   end
   if fault.crc64 ~= nil then
      header["x-oss-hash-crc64ecma"] = fault.crc64 or nil
   end
   if fault.gzip then
      header["ETag"] = nil
      header["Content-MD5"] = nil
      header["x-oss-hash-crc64ecma"] = nil
   end
   for name, value in pairs(fault.headers or {}) do
      header[name] = value or nil
   end
   if fault.remove_header then
      header[fault.remove_header] = nil
   end
end

function service.headers()
   local ctx = current() or { id = new_id() }
   local fault = ctx.fault
   local header = ngx.header
   local clock = (ctx.settings and ctx.settings.clock or 0)
      + (fault and fault.skew or 0)
   header["Server"] = "AliyunOSS"
   header["Date"] = ngx.http_time(ngx.time() + clock)
   header["x-oss-request-id"] = ctx.id
   header["x-oss-server-time"] = "1"
   if ctx.object and not ctx.answered then
      object_headers(ctx)
   end
   if fault then
      fault_headers(fault)
   end
end

function service.refused()
   local ctx = current() or { id = new_id(), host = ngx.var.host or "",
      method = ngx.req.get_method() }
   ctx.object = nil
   local status = ngx.status
   return refuse(ctx, { status = status >= 400 and status or 500 })
end

function service.log()
   local ctx = current()
   if not ctx then
      return
   end
   requests[ctx.id] = nil
   local entry = log_entry(ctx)
   entry.status = ngx.status
   entry.bytes_sent = tonumber(ngx.var.body_bytes_sent)
   entry.finished = true
   entry.seconds = ngx.now() - ctx.time
   store.log_end(ctx.line, entry)
end

return service
