--- lua5.4 examples/credentials.lua BUCKET OBJECT FILE
--- A provider of one's own: temporary credentials from a command, asked for
--- again before they expire, also in the midst of a download.

if not arg[3] or (os.getenv("OSS_ENDPOINT") or "") .. (os.getenv("OSS_REGION") or "") == "" then
   io.stderr:write("usage: credentials.lua BUCKET OBJECT FILE, "
      .. "with OSS_ENDPOINT or OSS_REGION, and CREDENTIALS_COMMAND, in the environment\n")
   os.exit(2)
end

local cjson = require "cjson.safe"
local ossdl = require "ossdl"

-- It prints {"AccessKeyId": , "AccessKeySecret": , "SecurityToken": , "ExpiresAt": unix seconds}.
local COMMAND = os.getenv("CREDENTIALS_COMMAND") or "print-credentials"

local function from_command()
   local pipe = io.popen(COMMAND)
   local reply = pipe and cjson.decode(pipe:read("*a"))
   if pipe then pipe:close() end
   if type(reply) ~= "table" then return nil, "the command that prints credentials gave no JSON object" end
   -- null in JSON means that it is absent.
   local function field(name)
      if reply[name] ~= cjson.null then return reply[name] end
   end
   return {
      access_key_id = field "AccessKeyId", access_key_secret = field "AccessKeySecret",
      security_token = field "SecurityToken", expires_at = field "ExpiresAt",
   }
end

local result, err = ossdl.download {
   credentials = from_command, bucket = arg[1], object = arg[2], file = arg[3],
}
print(result and result.bytes or tostring(err))
os.exit(result and 0 or 1)
