--- A service that is away for a while: all connections break at once, and new
--- ones are refused.

local ossdl = require "ossdl"

local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"
local raw = require "spec.support.raw_server"
local scene = require "spec.torture.scene"

local KIB, MIB = fixture.KIB, fixture.MIB

-- Passes everything on to a port. While the file "away" is there, nobody
-- listens, and all that was connected is reset.
local LINK = [==[
local socket = require "socket"
local folder, service = arg[1], tonumber(arg[2])
local port, listener, peers, waiting = 0, nil, {}, {}

local function exists(name)
   local file = io.open(folder .. "/" .. name)
   return file and file:close()
end

local function tell(name, text)
   local file = assert(io.open(folder .. "/new", "w"))
   assert(file:write(text))
   file:close()
   assert(os.rename(folder .. "/new", folder .. "/" .. name))
end

local function listen()
   listener = assert(socket.bind("127.0.0.1", port, 1024))
   listener:settimeout(0)
   port = select(2, listener:getsockname())
   tell("port", tostring(port))
end

local function close(one)
   local other = peers[one]
   peers[one], waiting[one] = nil, nil
   one:setoption("linger", { on = true, timeout = 0 })
   one:close()
   if other then
      close(other)
   end
end

local function go_away()
   listener:close()
   while next(peers) do
      close((next(peers)))
   end
   tell("gone", "")
   while exists "away" do
      socket.sleep(0.005)
   end
   listen()
end

local function accept()
   local one = listener:accept()
   if one then
      local other = assert(socket.connect("127.0.0.1", service))
      one:settimeout(0)
      other:settimeout(0)
      peers[one], peers[other] = other, one
   end
end

local function pass(one)
   local other = peers[one]
   local bytes, problem, part = one:receive(32768)
   bytes = (waiting[other] or "") .. (bytes or part or "")
   local last, _, sent = other:send(bytes)
   last = last or sent or 0
   waiting[other] = last < #bytes and bytes:sub(last + 1) or nil
   if problem == "closed" then
      close(one)
   end
end

local function flush(one)
   local last, problem, sent = one:send(waiting[one])
   waiting[one] = waiting[one]:sub((last or sent or 0) + 1)
   if waiting[one] == "" then
      waiting[one] = nil
   end
   if problem == "closed" then
      close(one)
   end
end

listen()
while true do
   local readers, writers = { listener }, {}
   for one, other in pairs(peers) do
      if waiting[other] then
         writers[#writers + 1] = other
      else
         readers[#readers + 1] = one
      end
   end
   local readable, writable = socket.select(readers, writers, 0.01)
   if exists "away" then
      go_away()
      readable, writable = {}, {}
   end
   for _, one in ipairs(writable) do
      if peers[one] then
         flush(one)
      end
   end
   for _, one in ipairs(readable) do
      if peers[one] then
         pass(one)
      elseif one == listener then
         accept()
      end
   end
end
]==]

describe("an outage", function()
   local test = fixture.new()

   before_each(function()
      test.oss:put_random("object", 16 * MIB)
   end)

   -- A service that can be taken away.
   local function link()
      local folder = helper.folder()
      helper.spawn { code = LINK, args = { folder,
         ("%d"):format(test.oss.port) } }
      local function told(name)
         return assert(helper.eventually(function()
            return helper.read(folder .. "/" .. name)
         end, 60))
      end
      return {
         endpoint = "http://127.0.0.1:" .. told "port",
         take_away = function()
            helper.write(folder .. "/away", "")
            told "gone"
         end,
         bring_back = function()
            os.remove(folder .. "/away")
         end,
      }
   end

   -- Downloads with an outage that begins in the midst and lasts so long;
   -- gives also how many requests were made in vain.
   local function through(seconds, file, extra)
      local service = link()
      local all = { max_rate = 16 * MIB, endpoint = service.endpoint }
      local client = assert(ossdl.new(test:client_options(all)))
      local since, reached, requests
      all = { object = "object", file = file, part_size = 64 * KIB,
         progress_interval = 0.01, on_progress = function(p)
            if not since and p.bytes_done > 2 * MIB then
               service.take_away()
               since, reached = helper.now(), #test:requests "object"
            elseif since and since < math.huge then
               requests = p.requests - reached
               if helper.now() - since > seconds then
                  service.bring_back()
                  client:set_max_rate(0)
                  since = math.huge
               end
            end
         end }
      for name, value in pairs(extra) do
         all[name] = value
      end
      local result, err = client:download(all)
      client:close()
      assert(since, "there was no outage")
      return result, err, requests
   end

   -- One for each connection that broke, or two when it was a kept one; then
   -- one at a time.
   local function few(requests, threads, retries)
      assert.is_true(requests <= 2 * threads + retries,
         requests .. " requests")
   end

   -- Refused connections fail within one tick of the clock, and may then look
   -- like many rounds of failures: rarely, so it is tried often.
   if scene.full then
      it("after the other is survived, though all connections fail at once", function()
         for _ = 1, 60 do
            local file = test.target()
            local result, err = through(0.2, file, { threads = 64 })
            assert(result, tostring(err))
            test:check("object", file)
         end
      end)
   end

   for _, threads in ipairs(fixture.quick and { 64 } or { 64, 8 }) do
      it(("is survived with %d threads"):format(threads), function()
         local file = test.target()
         local result, err, requests = through(1, file,
            { threads = threads })
         assert(result, tostring(err))
         test:check("object", file)
         assert.is_true(result.verified)
         few(requests, threads, 10)
      end)
   end

   it("that lasts ends the download after a few requests", function()
      local file = test.target()
      local result, err, requests = through(math.huge, file,
         { threads = 64, max_retries = 3 })
      assert.is_nil(result)
      assert.equal("network", err.kind)
      assert.equal(4, err.attempts)
      assert.is_true(err.resumable)
      few(requests, 64, 3)
      assert.is_true(test:fetch("object", file).resumed > 0)
   end)
end)

describe("what looks like a service and is none", function()
   local server

   after_each(function() -- before the search for what was left behind
      if server then
         server:stop()
         server = nil
      end
   end)

   local test = fixture.new()

   before_each(function()
      test.oss:put_random("object", 3 * MIB)
   end)

   local NONSENSE = { { headers = { ETag = false } } }

   if not fixture.quick then
      NONSENSE[2] = { send = "nonsense\r\n\r\n" }
      NONSENSE[3] = { ignore_range = true, headers = { ETag = false } }
   end

   it("is not asked long", function()
      for _, nonsense in ipairs(NONSENSE) do
         server = raw.start { object = { path = test.oss:path "object" },
            default = nonsense }
         local file = test.target()
         local result, err = ossdl.download(server:options {
            object = "object", file = file, proxy = "", max_retries = 10 })
         assert.is_nil(result)
         assert.equal("protocol", err.kind)
         assert.is_true(#server:requests() <= 6)
         server:stop()
         assert.is_false(helper.exists(file))
         test:fetch("object", file)
      end
   end)

   it("is not asked at all when the proxy is none", function()
      local file, result, err = test.target(), nil, nil
      local raised = fixture.raised(function()
         result, err = test:download("object", file, { proxy = "blah://x" })
      end)
      assert.is_nil(result)
      assert.truthy(tostring(raised or err):find("option 'proxy'", 1, true),
         tostring(raised or err))
      assert.equal(0, #test:requests "object")
      test:fetch("object", file)
   end)
end)
