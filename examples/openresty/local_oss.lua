--- The local OSS with one object, for `run`: prints what the shell needs, and
--- serves until it is killed.

local oss = require "spec.support.oss"

local server = oss.start {}
server:put_random("llm/weights.bin", tonumber(arg[1]))
-- Connections of a few MB/s, as over a real line, and one that breaks.
server:fault { match = { nth = 5, times = 1 }, status = 503, body = "xml", code = "ServiceUnavailable" }
server:fault { match = { times = false }, rate = tonumber(os.getenv("RATE") or 8000000) }
print(("export OSS_ENDPOINT=%s OSS_REGION=%s BUCKET=%s OSS_ACCESS_KEY_ID=%s OSS_ACCESS_KEY_SECRET=%s # ready")
   :format(server.endpoint, server.region, server.bucket, server.access_key_id, server.access_key_secret))
io.stdout:flush()
while true do os.execute("sleep 3600") end
