--- `make demo`: a download of 1 GiB that is killed half way, and goes on.
--
--    lua5.4 spec/support/demo.lua [SIZE IN MIB]

local oss = require "spec.support.oss"
local process = require "spec.support.process"

local MIB = 1024 * 1024
local SIZE = (tonumber(arg[1]) or 1024) * MIB
local THREADS = 8
-- Loopback would be over before anybody saw it.
local CONNECTION_RATE = 32 * MIB
local LIMIT_SECONDS = 600

-- The program that is killed. It tells its progress on standard output.
local PROGRAM = [[
   local ossdl = require "ossdl"
   local endpoint, region, bucket, id, secret, file, threads = ...
   io.stdout:setvbuf "line"
   local result, err = ossdl.download {
      endpoint = endpoint, region = region, bucket = bucket,
      access_key_id = id, access_key_secret = secret,
      object = "demo.bin", file = file, threads = tonumber(threads),
      progress_interval = 0.05,
      on_progress = function(progress)
         print(("at %d"):format(progress.bytes_done))
      end,
   }
   if not result then
      io.stderr:write(tostring(err), "\n")
      os.exit(1)
   end
   print(("result %d %d"):format(result.bytes, result.resumed))
]]

local function say(...)
   io.write(("%s\n"):format(string.format(...)))
   io.stdout:flush()
end

local function mib(bytes)
   return math.floor(bytes / MIB)
end

local function draw(done)
   local share = done / SIZE
   local width = math.floor(40 * share)
   io.write(("\r   [%s%s] %3d %%  %4d MiB"):format(("#"):rep(width),
      ("."):rep(40 - width), math.floor(100 * share), mib(done)))
   io.stdout:flush()
end

local function last_progress(output)
   local done = 0
   for line in output:gmatch "at (%d+)\n" do
      done = tonumber(line)
   end
   return done
end

--- Runs the download; kills it when `kill_at` bytes are there.
local function run(server, folder, file, kill_at)
   local program = folder .. "/program.lua"
   process.write(program, PROGRAM)
   local child = process.start { process.interpreter(), program,
      server.endpoint, server.region, server.bucket, server.access_key_id,
      server.access_key_secret, file, tostring(THREADS) }
   local limit = process.now() + LIMIT_SECONDS
   while not child:status() and process.now() < limit do
      local done = last_progress(child:output())
      draw(done)
      if kill_at and done >= kill_at then
         child:kill "KILL"
         break
      end
      process.sleep(0.05)
   end
   local how, number = child:wait(LIMIT_SECONDS)
   local output, errors = child:output(), child:errors()
   child:stop()
   io.write "\n"
   return { how = how, number = number, output = output, errors = errors }
end

local function check(condition, ...)
   if not condition then
      error(string.format(...), 0)
   end
end

local function demo(server, folder)
   local file = folder .. "/demo.bin"
   local object = server:put_random("demo.bin", SIZE)
   server:fault { rate = CONNECTION_RATE, match = { times = false } }

   say("1. Download %d MiB from %s with %d connections, and kill -9 half way.",
      mib(SIZE), server.endpoint, THREADS)
   local first = run(server, folder, file, SIZE / 2)
   check(first.how == "signal", "the first run was not killed: %s %s",
      tostring(first.how), first.errors)
   check(not process.read(file), "a file is there, although it is not complete")
   server:settle()
   local sent_first = server:bytes_sent "demo.bin"
   say("   Killed. The server had sent %d MiB; no %s yet, only a .part file.",
      mib(sent_first), file:match "[^/]*$")

   say("2. Start it again.")
   server:reset_log()
   local second = run(server, folder, file)
   local bytes, resumed = second.output:match "result (%d+) (%d+)"
   check(bytes, "the second run failed: %s", second.errors)
   draw(SIZE)
   io.write "\n"
   server:settle()
   local sent_second = server:bytes_sent "demo.bin"
   local output, status = process.shell(("cmp %s %s"):format(
      process.quote(file), process.quote(object.path)))
   check(status == 0, "the file is wrong: %s", output)

   say("   Identical to the object, CRC-64 %s.", object.crc64)
   say("   %d MiB were on disk, and checked, and not fetched twice.",
      mib(resumed))
   say("   The second run fetched %d MiB; both runs together %.1f %% of the "
      .. "object.", mib(sent_second),
      100 * (sent_first + sent_second) / SIZE)
end

local server = oss.start { workers = 2 }
local folder = process.folder "demo"
local ok, failure = pcall(demo, server, folder)
server:stop()
process.remove_folder(folder)
if not ok then
   io.stderr:write("\ndemo: ", tostring(failure), "\n")
   os.exit(1)
end
