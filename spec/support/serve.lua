--- Runs a local OSS in the foreground, for trying things by hand.
--
--    lua5.4 spec/support/serve.lua [--size 1g] [--key NAME] [--port N]
--                                  [--workers N] [--https]
--
-- Prints the endpoint and the keys, stores one object of noise, and serves
-- until it is interrupted.

local here = arg[0]:match "^(.*)/spec/support/[^/]*$"
   or arg[0]:match "^spec/support/" and "." or "../.."
package.path = here .. "/?.lua;" .. package.path

local oss = require "spec.support.oss"
local process = require "spec.support.process"

local USAGE = "usage: serve.lua [--size 1g] [--key NAME] [--port N] "
   .. "[--workers N] [--https]"

local VALUES = { size = true, key = true, port = true, workers = true }
local UNITS = { [""] = 1, k = 1024, m = 1024 ^ 2, g = 1024 ^ 3 }

local function parse_size(text)
   local number, unit = text:lower():match "^(%d+)([kmg]?)$"
   return assert(number, "not a size: " .. text) * UNITS[unit]
end

local function parse(words)
   local given = { size = "64m", key = "example.bin" }
   local i = 1
   while words[i] do
      local name = words[i]:match "^%-%-(%l+)$"
      if name == "https" then
         given.https = true
      elseif VALUES[name or ""] and words[i + 1] then
         i = i + 1
         given[name] = words[i]
      else
         io.stderr:write(USAGE, "\n")
         os.exit(2)
      end
      i = i + 1
   end
   return given
end

local function announce(server, object, given)
   local lines = {
      { "endpoint", server.endpoint },
      { "https", server.https_endpoint },
      { "ca file", server.ca_file },
      { "region", server.region },
      { "bucket", server.bucket },
      { "object", ("%s (%d bytes, CRC-64 %s)"):format(given.key, object.size,
         object.crc64) },
      { "key id", server.access_key_id },
      { "key secret", server.access_key_secret },
      { "token", server.security_token .. " (optional)" },
      { "file", object.path },
   }
   for _, line in ipairs(lines) do
      if line[2] then
         print(("%-10s  %s"):format(line[1], line[2]))
      end
   end
   io.stdout:flush()
end

local given = parse(arg)
local server = oss.start { https = given.https,
   port = tonumber(given.port), workers = tonumber(given.workers) }
local object = server:put_random(given.key, parse_size(given.size))
announce(server, object, given)
-- An interrupt arrives as an error; the server goes when this program ends.
local ended = pcall(function()
   while not server.child:status() do
      process.sleep(0.5)
   end
end)
if ended then
   io.stderr:write(server:errors())
end
server:stop()
os.exit(ended and 1 or 0)
