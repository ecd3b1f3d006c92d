-- luacheck: std ngx_lua, globals ngx
--- Verifies OSS signatures, V1 and V4, in headers and in URLs.
--
-- Written from the description of the protocol, on purpose without a line of
-- ossdl's own signer: what both misunderstand alike would not be seen.
--
-- A request here is { method, bucket, key, query = { {name, value}, ... },
-- headers = { [lower-case name] = value } }; query names and values are
-- decoded, value is nil when there was no "=". Times are Unix seconds.

local ffi = require "ffi"

ffi.cdef [[
const void *EVP_sha256(void);
unsigned char *HMAC(const void *kind, const void *key, int key_len,
   const unsigned char *data, size_t data_len, unsigned char *out,
   unsigned int *out_len);
unsigned char *SHA256(const unsigned char *data, size_t len,
   unsigned char *out);
]]

local signature = {}

local ALGORITHM = "OSS4-HMAC-SHA256"
local SKEW_LIMIT = 15 * 60
local EXPIRES_LIMIT = 7 * 24 * 60 * 60

local digest = ffi.new "unsigned char[32]"

local function hmac_sha256(key, text)
   ffi.C.HMAC(ffi.C.EVP_sha256(), key, #key, text, #text, digest, nil)
   return ffi.string(digest, 32)
end

local function hex(bytes)
   return (bytes:gsub(".", function(byte)
      return ("%02x"):format(byte:byte())
   end))
end

local function sha256_hex(text)
   ffi.C.SHA256(text, #text, digest)
   return hex(ffi.string(digest, 32))
end

--- Refusals are what the service answers instead of the object.
local function refuse(status, code, message, ec, fields)
   return { status = status, code = code, message = message, ec = ec,
      fields = fields }
end

local function denied(message)
   return refuse(403, "AccessDenied", message, "0003-00000001")
end

local function malformed(message, ec)
   return refuse(400, "InvalidArgument", message, ec or "0002-00000213")
end

--- Percent-encoding of everything but the unreserved, and "/" in paths.
local function encode(text, keep)
   return (text:gsub("[^%w%-_%.~" .. (keep or "") .. "]", function(char)
      return ("%%%02X"):format(char:byte())
   end))
end

local DAYS_BEFORE = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 }

local function unix_time(year, month, day, hour, minute, second)
   local leap_year = month > 2 and year or year - 1
   local days = (year - 1970) * 365 + DAYS_BEFORE[month] + day - 1
      + math.floor(leap_year / 4) - math.floor(leap_year / 100)
      + math.floor(leap_year / 400) - 477
   return ((days * 24 + hour) * 60 + minute) * 60 + second
end

local function iso_time(text)
   local year, month, day, hour, minute, second =
      text:match "^(%d%d%d%d)(%d%d)(%d%d)T(%d%d)(%d%d)(%d%d)Z$"
   if not year or tonumber(month) < 1 or tonumber(month) > 12 then
      return nil
   end
   return unix_time(tonumber(year), tonumber(month), tonumber(day),
      tonumber(hour), tonumber(minute), tonumber(second))
end

local function header_time(text)
   return iso_time(text) or ngx.parse_http_time(text)
end

local function find(query, name)
   for _, pair in ipairs(query) do
      if pair[1] == name then
         return pair[2] or ""
      end
   end
end

local function skewed(at, now)
   if math.abs(at - now) <= SKEW_LIMIT then
      return nil
   end
   return refuse(403, "RequestTimeTooSkewed",
      "The difference between the request time and the current time is too large.",
      "0002-00000504", {
         { "RequestTime", os.date("!%Y-%m-%dT%H:%M:%S.000Z", at) },
         { "ServerTime", os.date("!%Y-%m-%dT%H:%M:%S.000Z", now) },
      })
end

local function mismatch(id, provided, text, ec)
   return refuse(403, "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you "
      .. "provided. Check your key and signing method.", ec, {
         { "OSSAccessKeyId", id },
         { "SignatureProvided", provided },
         { "StringToSign", text },
         { "StringToSignBytes",
            (hex(text):upper():gsub("(%x%x)", "%1 "):gsub(" $", "")) },
      })
end

local function unknown_key(id)
   return refuse(403, "InvalidAccessKeyId",
      "The OSS Access Key Id you provided does not exist in our records.",
      "0002-00000902", { { "OSSAccessKeyId", id } })
end

--- The token is looked at last: a signature over a wrong one is still right.
local function token_refused(token, settings)
   if token == nil then
      return settings.require_token
         and denied "This access key id needs a security token." or nil
   end
   local known = (settings.tokens or {})[token]
   if known == "valid" then
      return nil
   elseif known == "expired" then
      return refuse(403, "SecurityTokenExpired",
         "The security token you provided has expired.", "0002-00000904")
   end
   return refuse(403, "InvalidSecurityToken",
      "The security token you provided is invalid.", "0002-00000901")
end

-- V4 ------------------------------------------------------------------------

local function v4_query(query)
   local pairs_of = {}
   for i, pair in ipairs(query) do
      if pair[1] ~= "x-oss-signature" then
         local value = pair[2]
         pairs_of[#pairs_of + 1] = {
            name = encode(pair[1]),
            value = value and value ~= "" and encode(value) or nil,
            place = i,
         }
      end
   end
   table.sort(pairs_of, function(a, b)
      if a.name == b.name then
         return a.place < b.place
      end
      return a.name < b.name
   end)
   local parts = {}
   for i, pair in ipairs(pairs_of) do
      parts[i] = pair.name .. (pair.value and "=" .. pair.value or "")
   end
   return table.concat(parts, "&")
end

local function v4_always(name)
   return name == "content-type" or name == "content-md5"
      or name:sub(1, 6) == "x-oss-"
end

local function v4_headers(headers, additional)
   local lines = {}
   for name, value in pairs(headers) do
      if v4_always(name) or additional[name] then
         lines[#lines + 1] = name .. ":" .. value .. "\n"
      end
   end
   table.sort(lines, function(a, b)
      return a:match "^[^:]*" < b:match "^[^:]*"
   end)
   return table.concat(lines)
end

--- The list as a set; nil and a refusal when it is not as OSS wants it.
local function v4_additional(list, headers)
   local set = {}
   if list == nil then
      return set
   end
   if list == "" then
      return nil, malformed("The additional headers are empty.",
         "0002-00000209")
   end
   for name in (list .. ";"):gmatch "([^;]*);" do
      if name == "" then
         return nil, malformed("An additional header is empty.",
            "0002-00000210")
      end
      if headers[name] == nil then
         return nil, malformed("The additional header " .. name
            .. " is not in the request.", "0002-00000211")
      end
      set[name] = true
   end
   return set
end

local function v4_canonical(request, parts, additional)
   return table.concat({
      request.method,
      encode("/" .. request.bucket .. "/" .. request.key, "/"),
      v4_query(request.query),
      v4_headers(request.headers, additional),
      parts.additional or "",
      "UNSIGNED-PAYLOAD",
   }, "\n")
end

local function v4_key(secret, scope)
   local key = "aliyun_v4" .. secret
   for step in scope:gmatch "[^/]+" do
      key = hmac_sha256(key, step)
   end
   return key
end

local function v4_scope(parts, settings)
   local id, date, region, product, terminator =
      parts.credential:match "^([^/]+)/([^/]+)/([^/]+)/([^/]+)/([^/]+)$"
   if not id or terminator ~= "aliyun_v4_request" or product ~= "oss"
      or not date:match "^%d%d%d%d%d%d%d%d$" then
      return nil, malformed "The credential is malformed."
   end
   if region ~= settings.region then
      return nil, malformed("Invalid signing region in Authorization header: "
         .. region .. " is not " .. settings.region .. ".", "0002-00000226")
   end
   if date ~= parts.date8 then
      return nil, malformed "The date of the credential is not the request's."
   end
   return { id = id,
      text = table.concat({ date, region, product, terminator }, "/") }
end

local function v4_verify(request, parts, settings)
   local scope, refusal = v4_scope(parts, settings)
   if not scope then
      return refusal
   end
   local secret = settings.keys[scope.id]
   if not secret then
      return unknown_key(scope.id)
   end
   local additional
   additional, refusal = v4_additional(parts.additional, request.headers)
   if not additional then
      return refusal
   end
   local text = table.concat({ ALGORITHM, parts.time_line, scope.text,
      sha256_hex(v4_canonical(request, parts, additional)) }, "\n")
   local wanted = hex(hmac_sha256(v4_key(secret, scope.text), text))
   if wanted ~= parts.signature then
      return mismatch(scope.id, parts.signature, text, "0002-00000201")
   end
   return token_refused(parts.token, settings)
end

local function v4_parse(authorization)
   local parts = {}
   for element in authorization:sub(#ALGORITHM + 2):gmatch "[^,]+" do
      local name, value = element:match "^%s*(%a+)=(.*)$"
      parts[name or ""] = value
   end
   return parts
end

local function v4_header(request, settings, now)
   local headers = request.headers
   local given = v4_parse(headers.authorization)
   local stamp = headers["x-oss-date"] or headers.date
   if not given.Credential or not given.Signature then
      return malformed "The Authorization header is malformed."
   end
   if headers["x-oss-content-sha256"] ~= "UNSIGNED-PAYLOAD" then
      return malformed("x-oss-content-sha256 must be UNSIGNED-PAYLOAD.",
         "0002-00000227")
   end
   local at = stamp and header_time(stamp)
   if not at then
      return denied "The request has no valid x-oss-date or Date."
   end
   return skewed(at, now) or v4_verify(request, {
      credential = given.Credential,
      signature = given.Signature,
      additional = given.AdditionalHeaders,
      time_line = stamp,
      date8 = os.date("!%Y%m%d", at),
      token = headers["x-oss-security-token"],
   }, settings)
end

local function v4_url(request, settings, now)
   local query = request.query
   local stamp = find(query, "x-oss-date") or ""
   local expires = tonumber((find(query, "x-oss-expires") or ""):match "^%d+$")
   local at = iso_time(stamp)
   local credential = find(query, "x-oss-credential")
   if not at or not credential then
      return malformed "The URL lacks x-oss-date or x-oss-credential."
   end
   if not expires or expires < 1 or expires > EXPIRES_LIMIT then
      return malformed("x-oss-expires must be from 1 to 604800 seconds.",
         "0002-00000225")
   end
   if now > at + expires then
      return denied "Request has expired."
   end
   if now < at - SKEW_LIMIT then
      return skewed(at, now)
   end
   return v4_verify(request, {
      credential = credential,
      signature = find(query, "x-oss-signature") or "",
      additional = find(query, "x-oss-additional-headers"),
      time_line = stamp,
      date8 = stamp:sub(1, 8),
      token = find(query, "x-oss-security-token"),
   }, settings)
end

-- V1 ------------------------------------------------------------------------

local SUB_RESOURCES = {}

for name in ([[
   response-content-type response-content-language response-expires
   response-cache-control response-content-disposition
   response-content-encoding versionId versions versioning symlink objectMeta
   acl tagging restore security-token callback callback-var continuation-token
   uploads uploadId partNumber append position sequential location stat
   bucketInfo delete cors logging website referer lifecycle policy encryption
   inventory inventoryId replication replicationProgress replicationLocation
   cname comp qos qosInfo live status vod startTime endTime img style styleName
   requestPayment worm wormId wormExtend asyncFetch transferAcceleration
   regionList cloudboxes resourceGroup metaQuery rtc withHashContext
   responseHeader udf udfName udfImage udfId udfImageDesc udfApplication
   udfApplicationLog
]]):gmatch "%S+" do
   SUB_RESOURCES[name] = true
end

local function v1_resource(request)
   local signed = {}
   for _, pair in ipairs(request.query) do
      local name, value = pair[1], pair[2]
      if SUB_RESOURCES[name] or name:sub(1, 6) == "x-oss-" then
         signed[#signed + 1] = { name = name,
            text = name .. (value and value ~= "" and "=" .. value or "") }
      end
   end
   table.sort(signed, function(a, b)
      return a.name < b.name
   end)
   local parts = {}
   for i, pair in ipairs(signed) do
      parts[i] = pair.text
   end
   return "/" .. request.bucket .. "/" .. request.key
      .. (#parts > 0 and "?" .. table.concat(parts, "&") or "")
end

local function v1_headers(headers)
   local lines = {}
   for name, value in pairs(headers) do
      if name:sub(1, 6) == "x-oss-" then
         lines[#lines + 1] = { name = name,
            text = name .. ":" .. value .. "\n" }
      end
   end
   table.sort(lines, function(a, b)
      return a.name < b.name
   end)
   local parts = {}
   for i, line in ipairs(lines) do
      parts[i] = line.text
   end
   return table.concat(parts)
end

local function v1_verify(request, parts, settings)
   local secret = settings.keys[parts.id]
   if not secret then
      return unknown_key(parts.id)
   end
   local headers = request.headers
   local text = table.concat({
      request.method,
      headers["content-md5"] or "",
      headers["content-type"] or "",
      parts.time_line,
      v1_headers(headers) .. v1_resource(request),
   }, "\n")
   local wanted = ngx.encode_base64(ngx.hmac_sha1(secret, text))
   if wanted ~= parts.signature then
      return mismatch(parts.id, parts.signature, text, "0002-00000040")
   end
   return token_refused(parts.token, settings)
end

local function v1_header(request, settings, now)
   local headers = request.headers
   local id, given = headers.authorization:match "^OSS ([^:]+):(.+)$"
   if not id then
      return malformed "The Authorization header is malformed."
   end
   local stamp = headers["x-oss-date"] or headers.date
   local at = stamp and header_time(stamp)
   if not at then
      return denied "OSS authentication requires a valid Date."
   end
   return skewed(at, now) or v1_verify(request, { id = id, signature = given,
      time_line = stamp, token = headers["x-oss-security-token"] }, settings)
end

local function v1_url(request, settings, now)
   local query = request.query
   local expires = find(query, "Expires") or ""
   local id = find(query, "OSSAccessKeyId")
   if not id or not expires:match "^%d+$" then
      return denied "The URL lacks OSSAccessKeyId or Expires."
   end
   if now > tonumber(expires) then
      return denied "Request has expired."
   end
   return v1_verify(request, { id = id, signature = find(query, "Signature"),
      time_line = expires, token = find(query, "security-token") }, settings)
end

--- Checks a request's signature.
--
-- settings: region; keys = { [id] = secret }; tokens = { [token] = "valid" or
-- "expired" }; require_token; public = { [bucket] = true }.
---@return table? refusal # nil when the request may pass
---@return boolean? anonymous # true for an unsigned request
function signature.check(request, settings, now)
   local authorization = request.headers.authorization
   local in_url = find(request.query, "x-oss-signature-version")
      or find(request.query, "x-oss-signature")
   local in_old_url = find(request.query, "Signature")
      or find(request.query, "OSSAccessKeyId")
   if authorization and (in_url or in_old_url) then
      return malformed("Both the URL and the Authorization header are signed.",
         "0002-00000015")
   elseif in_url then
      if find(request.query, "x-oss-signature-version") ~= ALGORITHM then
         return malformed "The signature version is not supported."
      end
      return v4_url(request, settings, now)
   elseif in_old_url then
      return v1_url(request, settings, now)
   elseif not authorization then
      if (settings.public or {})[request.bucket] then
         return nil, true
      end
      return denied("You have no right to access this object because of "
         .. "bucket acl.")
   elseif authorization:sub(1, #ALGORITHM + 1) == ALGORITHM .. " " then
      return v4_header(request, settings, now)
   elseif authorization:sub(1, 4) == "OSS " then
      return v1_header(request, settings, now)
   end
   return malformed "The Authorization header is not one of OSS."
end

return signature
