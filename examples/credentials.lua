--- lua5.4 examples/credentials.lua BUCKET OBJECT FILE
--- A provider of one's own: temporary credentials from a command, asked for
--- again before they expire, also in the midst of a download.

local cjson = require "cjson.safe"
local ossdl = require "ossdl"

-- It prints {"AccessKeyId": , "AccessKeySecret": , "SecurityToken": , "ExpiresAt": unix seconds}.
local COMMAND = os.getenv("CREDENTIALS_COMMAND") or "print-credentials"

local function from_command()
   local pipe = io.popen(COMMAND)
   local reply = pipe and cjson.decode(pipe:read("*a"))
   if pipe then pipe:close() end
   if not reply then return nil, "the command that prints credentials gave no JSON" end
   return {
      access_key_id = reply.AccessKeyId, access_key_secret = reply.AccessKeySecret,
      security_token = reply.SecurityToken, expires_at = reply.ExpiresAt,
   }
end

local result, err = ossdl.download {
   credentials = from_command, bucket = arg[1], object = arg[2], file = arg[3],
}
print(result and result.bytes or tostring(err))
os.exit(result and 0 or 1)
