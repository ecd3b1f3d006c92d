--- A transfer may be cancelled, or its client closed, whatever it waits for.
--- Promised are 100 ms; asserted is only that nobody waits for a time limit.

local ossdl = require "ossdl"
local socket = require "socket"

local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"
local scene = require "spec.torture.scene"

local KIB, MIB = fixture.KIB, fixture.MIB

-- Every limit of the library that could end a wait is above this, in seconds.
local ANSWERED = 10
local PATIENCE = { connect_timeout = 300, stall_timeout = 300 }

-- A port of this process that takes connections and never says a word.
local function silent()
   local listener = assert(socket.bind("127.0.0.1", 0, 64))
   local _, port = listener:getsockname()
   return listener, ("127.0.0.1:%d"):format(port)
end

-- A port whose queue is full: the kernel answers no further connection.
local function full()
   local listener = assert(socket.bind("127.0.0.1", 0, 0))
   local _, port = listener:getsockname()
   local sockets = { listener }
   for _ = 1, 16 do
      local waiting = socket.tcp()
      waiting:settimeout(0.05)
      sockets[#sockets + 1] = waiting
      if not waiting:connect("127.0.0.1", port) then
         return sockets, ("127.0.0.1:%d"):format(port)
      end
   end
   return sockets, nil
end

describe("a transfer answers a cancel", function()
   local open = {} -- sockets and clients of the test

   local function close_all()
      for i = #open, 1, -1 do
         table.remove(open, i):close()
      end
   end

   after_each(close_all) -- before the guard of the next line looks
   local test = fixture.new()

   before_each(function()
      test.oss:put_random("object", 8 * MIB)
   end)

   local function keep(one)
      open[#open + 1] = one
   end

   local function merged(...)
      local all = {}
      for _, options in ipairs { ... } do
         for name, value in pairs(options) do
            all[name] = value
         end
      end
      return all
   end

   local function new_client(extra)
      local options = test:client_options(merged(PATIENCE, extra or {}))
      if options.credentials then
         options.access_key_id, options.access_key_secret = nil, nil
      end
      local client = assert(ossdl.new(options))
      keep(client)
      return client
   end

   local function begin(client, file, extra)
      local transfer = assert(client:start(merged({ object = "object", file = file }, extra or {})))
      keep(transfer)
      return transfer
   end

   local function working(transfer)
      assert(helper.eventually(function()
         return transfer:progress().connections > 0
      end, 60), "no connection is made")
      assert.is_false((transfer:wait(0.05)))
   end

   local function has(transfer, bytes)
      assert(helper.eventually(function()
         local done = transfer:poll()
         return done or transfer:progress().bytes_done >= bytes
      end, 60), "the transfer does not move")
   end

   -- Where it waits: each gives a client, a transfer that waits there, and
   -- whether it may be done before it hears of the cancel.
   local STATES = {}

   local function state(name, enter)
      STATES[#STATES + 1] = { name = name, enter = enter }
   end

   local function through_listener(options)
      return function(file)
         local listener, address = silent()
         keep(listener)
         local client = new_client(options(address))
         local transfer = begin(client, file)
         working(transfer)
         return client, transfer
      end
   end

   state("while its connection is not answered", function(file)
      local sockets, address = full()
      for _, one in ipairs(sockets) do
         keep(one)
      end
      if not address then
         return nil, "this kernel has room for every connection"
      end
      local client = new_client { endpoint = "http://" .. address }
      local transfer = begin(client, file)
      working(transfer)
      return client, transfer
   end)

   state("in a handshake of TLS", through_listener(function(address)
      return { endpoint = "https://" .. address }
   end))

   state("while a proxy is silent", through_listener(function(address)
      return { endpoint = "https://oss.example", proxy = "http://" .. address }
   end))

   state("while an answer does not begin", through_listener(function(address)
      return { endpoint = "http://" .. address }
   end))

   state("while all bodies have stopped", function(file)
      test.oss:fault { match = { key = "object", times = false }, stall = 100 * KIB }
      local client = new_client()
      local transfer = begin(client, file, { part_size = MIB })
      working(transfer)
      return client, transfer
   end)

   state("while a limit holds it back", function(file)
      local client = new_client { max_rate = 64 * KIB }
      local transfer = begin(client, file)
      working(transfer)
      return client, transfer
   end)

   state("while it rests before a retry", function(file)
      test.oss:fault { match = { key = "object", times = false }, status = 503, headers = { ["Retry-After"] = "50" } }
      local client = new_client()
      local transfer = begin(client, file)
      assert(helper.eventually(function()
         return transfer:progress().retries > 0
      end, 60))
      return client, transfer
   end)

   state("while it writes as fast as it can", function(file)
      local client = new_client()
      local transfer = begin(client, file, { direct = true })
      has(transfer, 2 * MIB)
      return client, transfer, true
   end)

   state("while it finishes", function(file)
      local client = new_client()
      local transfer = begin(client, file)
      has(transfer, 8 * MIB)
      return client, transfer, true
   end)

   state("while all threads are at another transfer", function(file)
      test.oss:fault { match = { key = "object", times = false }, stall = 0 }
      local client = new_client { max_threads = 1 }
      local first = begin(client, file .. ".first")
      working(first)
      return client, begin(client, file)
   end)

   state("while another transfer waits for its thread", function(file)
      test.oss:put("other", ("x"):rep(1000))
      test.oss:fault { match = { times = false }, stall = 0 }
      local client = new_client { max_threads = 1 }
      local transfer = begin(client, file)
      working(transfer)
      begin(client, file .. ".other", { object = "other" })
      return client, transfer
   end)

   local function resting_beside(fault)
      return function(file)
         test.oss:put_random("other", 8 * MIB)
         fault.match = { key = "other", times = false }
         test.oss:fault(fault)
         test.oss:fault { match = { key = "object", times = false }, status = 503,
            headers = { ["Retry-After"] = "50" } }
         local client = new_client { max_threads = 1 }
         local transfer = begin(client, file)
         assert(helper.eventually(function()
            return transfer:progress().retries > 0
         end, 60))
         working(begin(client, file .. ".other", { object = "other", max_retries = 0 }))
         return client, transfer
      end
   end

   state("while it rests and the only thread is at another transfer", resting_beside { stall = 0 })

   state("while it rests and the only thread waits for another's first answer", resting_beside { delay = 60 })

   state("while it rests and the only thread is at a server without ranges",
      resting_beside { ignore_range = true, rate = 64 * KIB })

   state("while another one holds the target", function(file)
      working(begin(new_client { max_rate = 64 * KIB }, file))
      local client = new_client()
      local transfer = begin(client, file, { busy = "wait" })
      assert.is_false((transfer:wait(0.1)))
      return client, transfer
   end)

   state("while it asks for credentials", function(file)
      test.oss:fault { match = { key = "object", times = false }, expired_token = true }
      local asked = false
      local client = new_client { credentials = function()
         if asked then coroutine.yield "asking" end
         asked = true
         return { access_key_id = test.oss.access_key_id, access_key_secret = test.oss.access_key_secret }
      end }
      local transfer = begin(client, file)
      assert.equal("asking", coroutine.wrap(function() transfer:wait() end)())
      return client, transfer
   end)

   -- A state that passes quickly: from the same files, until it is seen.
   state("while it reads back what is there", function(file)
      test.oss:put_random("object", 65 * MIB)
      test:interrupt("object", file, 64 * MIB, { threads = 4 })
      local client = new_client()
      for _ = 1, 20 do
         local transfer = begin(client, file, { threads = 1, on_change = "restart" })
         local seen
         helper.eventually(function()
            local done, progress = transfer:poll()
            seen = progress.state == "verifying"
            return done or seen
         end, 60)
         if seen then return client, transfer, true end
         transfer:close()
         os.remove(file)
         test:interrupt("object", file, 64 * MIB, { threads = 4 })
      end
      error "reading back was never seen"
   end)

   -- Each ends a transfer; what kind of end that is.
   local WAYS = {
      cancelled = function(_, transfer)
         assert.is_true(transfer:cancel())
         transfer:wait(1.5 * ANSWERED)
      end,
      closed = function(client)
         client:close()
      end,
   }

   for _, at in ipairs(STATES) do
      for _, kind in ipairs(scene.full and { "cancelled", "closed" } or { "cancelled" }) do
         it(("as %s %s, and the next run is right"):format(kind, at.name), function()
            local file = test.target()
            local client, transfer, maybe_done = at.enter(file)
            if not client then
               pending(transfer)
               return
            end
            local began = helper.now()
            WAYS[kind](client, transfer)
            local took = helper.now() - began
            local result, err = transfer:result()
            close_all()
            assert(took < ANSWERED, ("%.1f s"):format(took))
            assert(err and err.kind == kind or maybe_done and result, tostring(err))
            test.oss:clear()
            os.remove(file)
            test:fetch("object", file)
         end)
      end
   end

   it("as cancelled while a name server is silent, and the process ends at once", function()
      local folder = helper.folder()
      local server = socket.udp()
      local _, root = helper.shell "test $(id -u) = 0 && unshare -m true"
      if root ~= 0 or not server:setsockname("127.83.68.76", 53) then
         server:close()
         pending "another name server needs root"
         return
      end
      keep(server)
      helper.write(folder .. "/resolv.conf", "nameserver 127.83.68.76\n")
      helper.write(folder .. "/program.lua", [==[
         local ossdl = require "ossdl"
         local socket = require "socket"
         local client = ossdl.new { endpoint = "http://oss.nobody.example", region = "cn-hangzhou",
            signature = "none", proxy = "" }
         local transfer = assert(client:start { bucket = "bucket", object = "object", file = arg[1] })
         repeat transfer:wait(0.01) until transfer:progress().connections > 0
         assert(not transfer:wait(0.2))
         local began = socket.gettime()
         assert(transfer:cancel())
         assert(transfer:wait(60))
         local took = socket.gettime() - began
         local _, err = transfer:result()
         client:close()
         print(err.kind, took)
      ]==])
      local output, status = helper.shell(("timeout 100 unshare -m sh -c %s sh %s"):format(
         helper.quote 'mount --bind "$1/resolv.conf" /etc/resolv.conf && exec "$2" "$1/program.lua" "$1/target"',
         helper.quote(folder) .. " " .. helper.quote(helper.interpreter)))
      local took = tonumber(output:match "^cancelled%s+(%S+)")
      assert(took and took < ANSWERED, output)
      assert.equal(0, status, output)
      server:settimeout(1)
      assert(server:receive(), "the name server was not asked")
   end)

   -- A progress function that says no is one more way, the last one.
   it("by on_progress while 32 connections run, and the next run is right", function()
      local file = test.target()
      local result, err = test:download("object", file, merged(PATIENCE, {
         threads = 32, part_size = 64 * KIB, max_rate = 8 * MIB, progress_interval = 0.01,
         on_progress = function(p) return p.bytes_done < MIB end,
      }))
      assert.is_nil(result)
      assert.equal("cancelled", err.kind)
      test:fetch("object", file)
   end)

   if scene.full then
      it("at any moment, again and again", function()
         math.randomseed(7)
         local file = test.target()
         for _ = 1, 200 do
            local client = new_client { max_rate = 64 * MIB }
            local transfer = begin(client, file, { threads = math.random(1, 16), part_size = 256 * KIB })
            transfer:wait(math.random() * 0.15)
            assert.is_true(transfer:cancel())
            assert.is_true((transfer:wait(60)))
            local result, err = transfer:result()
            assert(result or err.kind == "cancelled", tostring(err))
            close_all()
         end
         os.remove(file)
         test:fetch("object", file)
      end)
   end
end)
