--- What is measured. Each scenario is a function (context) -> result; programs
--- take turns within it, so that a busy moment hits them alike.

local measure = require "spec.bench.measure"
local oss = require "spec.support.oss"
local peers = require "spec.bench.peers"

local GIB = 1024 * 1024 * 1024
local scenarios = {}

local function sh(command)
   local ok = os.execute(command)
   assert(ok == true or ok == 0, command)
end

local function fresh_folder(context)
   context.folders = (context.folders or 0) + 1
   local folder = ("%s/run%d"):format(context.folder, context.folders)
   sh("mkdir -p " .. folder)
   return folder
end

local function collect(samples)
   local row = {}
   for _, column in ipairs { "wall", "cpu", "memory" } do
      local values = {}
      for i, sample in ipairs(samples) do values[i] = sample[column] end
      row[column] = measure.median(values)
   end
   return row
end

--- Each program once per round; command(peer, folder) gives nil for "cannot".
local function race(context, contestants, command, clean)
   local samples = {}
   for round = 1, context.rounds do
      for i, peer in ipairs(contestants) do
         local folder = fresh_folder(context)
         local line = command(peer, folder)
         if line then
            samples[i] = samples[i] or {}
            samples[i][round] = measure.run(line, context.folder)
            io.stderr:write(("  %d %-24s %6.2f s %6.2f CPU s\n"):format(
               round, peer.name, samples[i][round].wall, samples[i][round].cpu))
         end
         -- What the disk still has to do is not the next one's to wait for.
         if clean then sh(("rm -rf %s && sync"):format(folder)) end
      end
   end
   local rows = {}
   for i, peer in ipairs(contestants) do
      if samples[i] then
         local row = collect(samples[i])
         row.name = peer.name
         rows[#rows + 1] = row
      end
   end
   return rows
end

local function job(server, key, folder, threads, secure)
   local endpoint = secure and server.https_endpoint or server.endpoint
   local options = server:options { object = key }
   options.endpoint = endpoint
   options.file = nil
   if secure then options.ca_file = server.ca_file end
   return {
      options = options,
      base = endpoint .. "/" .. server.public_bucket,
      path = key,
      url = endpoint .. "/" .. server.public_bucket .. "/" .. key,
      folder = folder, name = "object", threads = threads,
      ca = secure and server.ca_file or nil,
   }
end

local function big_object(context, secure)
   local server = oss.start { https = secure }
   context.server = server
   server:put_random("object", GIB, 1)
   server:put_random("object", GIB, 1, { bucket = server.public_bucket })
   return server
end

-- Each program twice: ending as soon as the kernel has the data, as most do by
-- themselves, and when the disk has it, as ossdl does unless told otherwise.
local function with_and_without_sync()
   local contestants = {}
   for _, synced in ipairs { false, true } do
      for _, peer in ipairs(peers) do
         contestants[#contestants + 1] = {
            name = peer.name .. (synced and ", synced" or ""), peer = peer, synced = synced,
         }
      end
   end
   return contestants
end

local function one(context, secure)
   local server = big_object(context, secure)
   local rows = race(context, with_and_without_sync(), function(contestant, folder)
      local todo = job(server, "object", folder, 8, secure)
      todo.options.durable = contestant.synced
      local command = contestant.peer.one and contestant.peer.one(todo)
      if command and contestant.synced and contestant.peer ~= peers[1] then
         command = "sh -c " .. measure.quote(("%s && sync %s/object"):format(command, folder))
      end
      return command
   end, true)
   server:stop()
   return {
      title = ("1 GiB, %s, 8 connections"):format(secure and "https" or "http"),
      per = " per GiB", rows = rows,
      notes = { "ossdl signs (V4), keeps a checkpoint and verifies CRC-64; curl uses one connection." },
   }
end

function scenarios.http(context) return one(context, false) end

function scenarios.https(context) return one(context, true) end

function scenarios.threads(context)
   local server = big_object(context, false)
   local contestants = {}
   for _, threads in ipairs { 1, 2, 4, 8, 16, 32, 64 } do
      contestants[#contestants + 1] = { name = ("%d threads"):format(threads), threads = threads }
   end
   local rows = race(context, contestants, function(contestant, folder)
      return peers[1].one(job(server, "object", folder, contestant.threads))
   end, true)
   server:stop()
   return { title = "1 GiB, 1 to 64 threads", per = " per GiB", rows = rows }
end

function scenarios.parts(context)
   local server = oss.start {}
   context.server = server
   server:put_random("object", 64 * 1024 * 1024, 1)
   local contestants = {
      { name = "4096 parts", checkpoint = true }, { name = "no checkpoint", checkpoint = false },
   }
   local rows = race(context, contestants, function(contestant, folder)
      local work = job(server, "object", folder, 8)
      work.options.part_size = 16384
      work.options.checkpoint = contestant.checkpoint
      return peers[1].one(work)
   end, true)
   server:stop()
   return { title = "64 MiB in 4096 parts", rows = rows }
end

--- A whole .part with its journal: nothing to fetch, everything to read back.
function scenarios.resume(context)
   local server = big_object(context, false)
   local contestants = { { name = "read back 1 GiB" } }
   local rows = race(context, contestants, function(_, folder)
      local work = job(server, "object", folder, 8)
      local script = peers[1].one(work)
      sh(("%s max_rate=400000000 >/dev/null 2>&1 & p=$!; sleep 2.3; kill -9 $p; wait $p 2>/dev/null; :"):format(script))
      return script
   end, true)
   server:stop()
   return { title = "The rest of 1 GiB after a kill at about nine tenths", rows = rows }
end

function scenarios.slow(context)
   local server = oss.start {}
   context.server = server
   local size, rate = 96 * 1024 * 1024, 4 * 1024 * 1024
   server:put_random("object", size, 1)
   server:put_random("object", size, 1, { bucket = server.public_bucket })
   local able = {}
   for _, peer in ipairs(peers) do
      if peer.name == "ossdl" or peer.name == "aria2" or peer.name == "axel" then
         able[#able + 1] = { name = peer.name, peer = peer, slow = false }
         able[#able + 1] = { name = peer.name .. ", one at 1 %", peer = peer, slow = true }
      end
   end
   local rows = race(context, able, function(contestant, folder)
      server:clear()
      if contestant.slow then
         server:fault { match = { key = "object", nth = 4, times = 1 }, rate = math.floor(rate / 100) }
      end
      server:fault { match = { key = "object", times = false }, rate = rate }
      local work = job(server, "object", folder, 8)
      -- nginx lets the first second of each answer pass at once: long ones only.
      work.options.part_size = size / 8
      return contestant.peer.one(work)
   end, true)
   server:stop()
   return { title = "96 MiB, 8 connections of 4 MiB/s, one of them at 1 %", rows = rows }
end

local NGINX = [[
daemon off; worker_processes 1; pid %s/nginx.pid; error_log %s/error.log;
events { worker_connections 1024; }
http { access_log off; sendfile on; keepalive_requests 1000000; client_body_temp_path %s/t1;
proxy_temp_path %s/t2; fastcgi_temp_path %s/t3; uwsgi_temp_path %s/t4; scgi_temp_path %s/t5;
server { listen 127.0.0.1:%d; root %s/www; autoindex on; } }
]]

--- A plain nginx, whose listings rclone can read; the others get lists.
function scenarios.small(context)
   local count, folder, port = 10000, context.folder, 18000 + math.random(0, 9999)
   sh(("mkdir -p %s/www/small-objects"):format(folder))
   local content = ("0123456789abcdef"):rep(1024)
   for i = 1, count do
      local file = assert(io.open(("%s/www/small-objects/o%05d"):format(folder, i), "w"))
      file:write(content)
      file:close()
   end
   local conf = assert(io.open(folder .. "/nginx.conf", "w"))
   conf:write(NGINX:format(folder, folder, folder, folder, folder, folder, folder, port, folder))
   conf:close()
   sh(("nginx -c %s/nginx.conf -e %s/error.log >/dev/null 2>&1 & sleep 1"):format(folder, folder))
   local base = ("http://127.0.0.1:%d/small-objects"):format(port)
   local rows = race(context, { peers[1], peers[2], peers[3], peers[4] }, function(peer, target)
      local keys, urls, curl = {}, {}, {}
      for i = 1, count do
         local name = ("o%05d"):format(i)
         keys[i] = ("%s\t%s/%s\n"):format(name, target, name)
         urls[i] = ("%s/%s\n"):format(base, name)
         curl[i] = ('url = "%s/%s"\noutput = "%s/%s"\n'):format(base, name, target, name)
      end
      for name, lines in pairs { keys = keys, urls = urls, curl = curl } do
         local file = assert(io.open(folder .. "/" .. name, "w"))
         file:write(table.concat(lines))
         file:close()
      end
      return peer.many {
         options = {
            max_threads = 8, endpoint = ("http://127.0.0.1:%d"):format(port), region = "cn-hangzhou", path_style = true,
            signature = "none", bucket = "small-objects", durable = false,
         },
         base = base .. "/", folder = target, threads = 8,
         keys = folder .. "/keys", url_list = folder .. "/urls", curl_list = folder .. "/curl",
      }
   end, false)
   sh(("kill $(cat %s/nginx.pid)"):format(folder))
   return { title = "10,000 objects of 16 KiB, 8 connections", rows = rows }
end

scenarios.order = { "http", "https", "threads", "parts", "resume", "slow", "small" }

return scenarios
