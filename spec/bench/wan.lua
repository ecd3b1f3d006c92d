--- The part of run-wan that runs in the server's network namespace.

package.path = "./?.lua;" .. package.path

local measure = require "spec.bench.measure"
local oss = require "spec.support.oss"
local process = require "spec.support.process"
local peers = require "spec.bench.peers"

local MIB = 1024 * 1024
local ADDRESS = "10.99.0.1"
local folder = os.getenv "WAN_FOLDER"
local size = (tonumber(os.getenv "MIB") or 24) * MIB
local rounds = tonumber(os.getenv "ROUNDS") or 1

local CONTESTANTS = {
   { "ossdl", 1 }, { "ossdl", 8 }, { "ossdl", 16 }, { "ossdl", 64 },
   { "ossdl", "auto" }, { "aria2", 8 }, { "aria2", 16 },
}

local function peer_named(name)
   for _, peer in ipairs(peers) do
      if peer.name == name then return peer end
   end
   error("no peer " .. name)
end

local function command(server, contestant, target)
   local endpoint = ("http://%s:%d"):format(ADDRESS, server.port)
   local options = server:options { object = "object" }
   options.endpoint = endpoint
   options.path_style = true
   return ("ip netns exec %s %s"):format(os.getenv "WAN_CLIENT", peer_named(contestant[1]).one {
      options = options, folder = target, name = "object", threads = contestant[2],
      url = ("%s/%s/object"):format(endpoint, server.public_bucket),
   })
end

--- The local OSS listens on the loopback address only; here also on the link.
local function listen_on_link(server)
   local path = server.folder .. "/nginx.conf"
   local text = assert(process.read(path))
   local here = ("listen 127.0.0.1:%d backlog=4096;"):format(server.port)
   local from, to = text:find(here, 1, true)
   process.write(path, text:sub(1, to) .. ("\nlisten %s:%d;"):format(ADDRESS, server.port) .. text:sub(to + 1))
   server.child:kill "HUP"
   assert(process.eventually(function()
      local _, status = process.shell(("ip netns exec %s curl -s -o /dev/null http://%s:%d/"):format(
         os.getenv "WAN_CLIENT", ADDRESS, server.port))
      return from and status == 0
   end, 30), "the link does not work")
end

local server = oss.start {}
local ok, err = pcall(function()
   listen_on_link(server)
   server:put_random("object", size, 1)
   server:put_random("object", size, 1, { bucket = server.public_bucket })
   local samples = {}
   for round = 1, rounds do
      for i, contestant in ipairs(CONTESTANTS) do
         local target = ("%s/run-%d-%d"):format(folder, round, i)
         os.execute("mkdir -p " .. target)
         local sample = measure.run(command(server, contestant, target), folder)
         samples[i] = samples[i] or {}
         samples[i][round] = sample.wall
         io.stderr:write(("  %d %s %s: %.2f s\n"):format(round, contestant[1], contestant[2], sample.wall))
      end
   end
   print(("| program | connections | s for %d MiB | MB/s |\n|---|---|---|---|"):format(size / MIB))
   for i, contestant in ipairs(CONTESTANTS) do
      local wall = measure.median(samples[i])
      print(("| %s | %s | %.1f | %.2f |"):format(contestant[1], contestant[2], wall, size / wall / 1e6))
   end
end)
server:stop()
if not ok then
   io.stderr:write(tostring(err), "\n")
   os.exit(1)
end
