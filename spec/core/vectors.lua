-- Turns spec/vectors/oss-signatures.json into a C header for test_vectors.c.
-- Usage, from the root of the repository: lua spec/core/vectors.lua > vectors.h
local cjson = require "cjson"

local SOURCE = "spec/vectors/oss-signatures.json"

local function read_all(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

-- Octal escapes, always of three digits: what follows cannot become part of
-- them. Long literals are fine with the compilers we support.
local function quote(text)
   return '"' .. text:gsub('[^%w /:;,.=_+%-]', function(byte)
      return ("\\%03o"):format(byte:byte())
   end) .. '"'
end

local function text_or_empty(value)
   if value == nil or value == cjson.null then
      return quote("")
   end
   return quote(value)
end

local function sorted_keys(map)
   local keys = {}
   for key in pairs(map) do
      keys[#keys + 1] = key
   end
   table.sort(keys)
   return keys
end

-- An array of pairs that ends with a NULL name.
local function write_pairs(kind, row, list)
   local out = {}
   for _, pair in ipairs(list) do
      out[#out + 1] = ("{%s, %s}, "):format(quote(pair[1]), text_or_empty(pair[2]))
   end
   print(("static const struct vector_pair VECTOR_%s_%d[] = {%s{0, 0}};"):format(kind, row, table.concat(out)))
end

-- The headers that the SDK was given; V1 accepts x-oss-date among them.
local function request_headers(vector)
   local list = {}
   for _, name in ipairs(sorted_keys(vector.input_headers)) do
      list[#list + 1] = { name, vector.input_headers[name] }
   end
   if vector.scheme == "v1" and vector.headers["x-oss-date"] then
      list[#list + 1] = { "x-oss-date", vector.headers["x-oss-date"] }
   end
   return list
end

local function write_row(row, vector)
   local expires = vector.expires == cjson.null and 0 or vector.expires
   local fields = {
      quote(vector.name), quote(vector.scheme), quote(vector.method), quote(vector.style), quote(vector.endpoint),
      text_or_empty(vector.bucket), text_or_empty(vector.object), quote(vector.region), quote(vector.product),
      quote(vector.access_key_id), quote(vector.access_key_secret), text_or_empty(vector.security_token),
      quote(table.concat(vector.additional_headers, ";")),
      ("%d"):format(vector.unix_time), ("%d"):format(expires),
      ("VECTOR_QUERY_%d"):format(row), ("VECTOR_HEADERS_%d"):format(row),
      quote(vector.expect.signature),
      text_or_empty(vector.expect.authorization), text_or_empty(vector.expect.url),
   }
   print("    {" .. table.concat(fields, ", ") .. "},")
end

local vectors = cjson.decode(read_all(SOURCE)).vectors

print("/* Made by spec/core/vectors.lua. */")
for row, vector in ipairs(vectors) do
   write_pairs("QUERY", row, vector.query)
   write_pairs("HEADERS", row, request_headers(vector))
end
print("static const struct vector VECTORS[] = {")
for row, vector in ipairs(vectors) do
   write_row(row, vector)
end
print("};")
