--- Signing without downloading: headers for another HTTP client, or a URL to
-- hand on.

local core = require "ossdl.core"
local credentials = require "ossdl.credentials"
local options = require "ossdl.options"

local sign = {}

-- Credentials from the options, or from whoever is to be asked.
local function find_credentials(values)
   local given, err
   if values.signature == "none" then
      return {}
   elseif values.access_key_id then
      given, err = credentials.check(values)
   elseif type(values.credentials) == "table" then
      given, err = credentials.check(values.credentials)
   else
      given, err = credentials.ask(values.credentials or credentials.chain())
   end
   return given, err
end

-- The query with the version in it; the caller's table is left alone.
local function query_of(place)
   local query = {}
   for name, value in pairs(place.query or {}) do
      query[name] = value
   end
   query.versionId = place.version_id or query.versionId
   return query
end

-- An empty bucket or object means a request to the service or the bucket.
local function without_empty(given)
   if type(given) ~= "table" then
      return given
   end
   local copy = {}
   for name, value in pairs(given) do
      if not ((name == "bucket" or name == "object") and value == "") then
         copy[name] = value
      end
   end
   return copy
end

local function request_of(values, place, own)
   local given, err = find_credentials(values)
   if not given then
      return nil, err
   end
   return {
      method = own.method,
      signature = values.signature,
      endpoint = values.endpoint,
      region = values.region,
      path_style = values.path_style,
      cname = values.cname,
      bucket = place.bucket,
      object = place.object,
      headers = place.headers,
      query = query_of(place),
      now = math.floor(own.now or os.time()),
      expires = own.expires,
      additional_headers = table.concat(own.additional_headers or {}, ";"),
      access_key_id = given.access_key_id,
      access_key_secret = given.access_key_secret,
      security_token = given.security_token,
   }
end

local function parse(given, level)
   local values, place, own = options.parse(without_empty(given), "sign",
      level + 1)
   return options.complete("client", values, {}, level + 1), place,
      options.complete("sign", own, {}, level + 1)
end

--- The headers that sign a request; all its own headers must be given.
---@param given ossdl.SignOptions
---@param level integer of error(), as seen from this function
---@return table<string, string>? headers
---@return ossdl.Error? err
function sign.headers(given, level)
   local values, place, own = parse(given, level + 1)
   local request, err = request_of(values, place, own)
   if not request then
      return nil, err
   end
   local headers, failure = core.sign(request)
   return headers, failure and credentials.refused(failure)
end

--- The options of a URL. Raises.
---@param given ossdl.SignOptions
---@param level integer of error(), as seen from this function
---@return table client, table transfer, table sign
function sign.parse_url(given, level)
   local values, place, own = parse(given, level + 1)
   options.locate(values, os.getenv, core.endpoint_region, level + 1)
   return values, place, own
end

--- A URL that is good for a time. It is as good as a secret.
---@param given ossdl.SignOptions
---@param level integer of error(), as seen from this function
---@return string? url
---@return ossdl.Error? err
function sign.url(given, level)
   local values, place, own = sign.parse_url(given, level + 1)
   local request, err = request_of(values, place, own)
   if not request then
      return nil, err
   end
   local url, failure = core.presign(request)
   return url, failure and credentials.refused(failure)
end

return sign
