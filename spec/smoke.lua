--- A few calls in any Lua: the module loads, signs, refuses, and downloads.
--- Needs no test library, so that it runs where there is none.

local ossdl = require "ossdl"
local oss = require "spec.support.oss"

local passed, failed = 0, 0
local function check(sentence, ok)
   if ok then
      passed = passed + 1
   else
      failed = failed + 1
      print("  FAILED: " .. sentence)
   end
end

check("it has a version", type(ossdl._VERSION) == "string")

local headers = ossdl.sign {
   method = "GET", bucket = "bucket-one", object = "key", region = "cn-hangzhou",
   access_key_id = "id", access_key_secret = "secret", now = 1700000000,
}
check("it signs", headers.Authorization:find("^OSS4%-HMAC%-SHA256 Credential=id/20231114/cn%-hangzhou/oss/"))

local ok, message = pcall(ossdl.download, { buckett = "x" })
check("an unknown option raises and names the right one",
   not ok and tostring(message):find("bucket", 1, true))

local server = oss.start {}
local target = os.tmpname()
local object = server:put_random("smoke", 5 * 1024 * 1024)
local result, err = ossdl.download(server:options { object = "smoke", file = target })
check("it downloads: " .. tostring(err), result and result.verified and result.crc64 == object.crc64)
local missing
result, missing = ossdl.download(server:options { object = "missing", file = target })
check("what is missing is an error value",
   result == nil and missing.kind == "service" and missing.code == "NoSuchKey")

-- In cqueues it waits, or tells why it cannot: PUC Lua 5.1 does not yield
-- within pcall.
local found, cqueues = pcall(require, "cqueues")
if found then
   local controller = cqueues.new()
   controller:wrap(function()
      result, err = ossdl.download(server:options { object = "smoke", file = target, loop = "cqueues" })
   end)
   assert(controller:loop())
   if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then
      check("Lua 5.1 refuses to wait in cqueues, and says what to do",
         result == nil and err.code == "YIELD" and err.message:find("use LuaJIT", 1, true))
   else
      check("it downloads in cqueues: " .. tostring(err), result and result.verified)
   end
end
os.remove(target)
server:stop()

print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
