-- Every row of spec/vectors/oss-signatures.json through ossdl.sign and
-- ossdl.presign: what several official SDKs signed alike comes out the same.
local cjson = require "cjson"
local ossdl = require "ossdl"

local SOURCE = "spec/vectors/oss-signatures.json"

local function read_vectors()
   local file = assert(io.open(SOURCE, "rb"))
   local text = file:read("*a")
   file:close()
   return cjson.decode(text).vectors
end

local function given(value)
   if value ~= cjson.null then
      return value
   end
end

local function query_of(vector)
   local query = {}
   for _, pair in ipairs(vector.query) do
      query[pair[1]] = given(pair[2]) or ""
   end
   return query
end

-- V1 signs with x-oss-date when the request has it; V4 brings its own.
local function headers_of(vector)
   local headers = {}
   for name, value in pairs(vector.input_headers) do
      headers[name] = value
   end
   if vector.scheme == "v1" then
      headers["x-oss-date"] = vector.headers["x-oss-date"]
   end
   return headers
end

local function options_of(vector)
   return {
      method = vector.method,
      bucket = given(vector.bucket),
      object = given(vector.object),
      query = query_of(vector),
      headers = headers_of(vector),
      region = vector.region,
      access_key_id = vector.access_key_id,
      access_key_secret = vector.access_key_secret,
      security_token = given(vector.security_token),
      signature = vector.scheme:sub(1, 2),
      now = vector.unix_time,
      additional_headers = vector.additional_headers,
   }
end

describe("signatures agreed by the official SDKs", function()
   for _, vector in ipairs(read_vectors()) do
      local expires = given(vector.expires)

      if expires then
         it("are reproduced in the URL of " .. vector.name, function()
            local options = options_of(vector)
            options.endpoint = vector.endpoint
            options.path_style = vector.style == "path"
            options.cname = vector.style == "cname"
            options.expires = expires
            assert.equal(vector.expect.url, assert(ossdl.presign(options)))
         end)
      else
         it("are reproduced in the headers of " .. vector.name, function()
            local headers = assert(ossdl.sign(options_of(vector)))
            assert.equal(vector.expect.authorization, headers.Authorization)
         end)
      end
   end
end)
