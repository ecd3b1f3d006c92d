--- lua5.4 examples/download.lua BUCKET OBJECT FILE
--- Downloads with a progress line; run it again after an interruption and it
--- goes on. Endpoint and key come from the environment (OSS_ENDPOINT or
--- OSS_REGION, OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET) or the profile.

if not arg[3] or (os.getenv("OSS_ENDPOINT") or "") .. (os.getenv("OSS_REGION") or "") == "" then
   io.stderr:write("usage: download.lua BUCKET OBJECT FILE, "
      .. "with OSS_ENDPOINT or OSS_REGION in the environment, and OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET "
      .. "unless there is a profile\n")
   os.exit(2)
end

local ossdl = require "ossdl"

local bucket, object, file = arg[1], arg[2], arg[3]

local function show(progress)
   io.stderr:write(("\r%5.1f %%  %7.1f MiB/s  %d connections "):format(
      100 * progress.bytes_done / math.max(progress.bytes_total, 1),
      (progress.rate or 0) / 2 ^ 20, progress.connections))
end

local result, err = ossdl.download {
   bucket = bucket, object = object, file = file, on_progress = show,
}
io.stderr:write("\n")
if not result then
   io.stderr:write(tostring(err), "\n")
   os.exit(1)
end
print(("%s: %d bytes, CRC-64 %s (%s), %d resumed"):format(
   file, result.bytes, result.crc64, result.verified and "verified" or "not told by the service",
   result.resumed))
