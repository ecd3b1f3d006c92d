local ossdl = require "ossdl"

local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"

local KIB, MIB = fixture.KIB, fixture.MIB

-- Runs a function so that nothing of ours keeps what it has let go of from
-- being collected: no slot of our stack, and no compiled code, in which
-- LuaJIT keeps the closures that it calls.
local function apart(callback)
   local value = coroutine.wrap(callback)()
   if rawget(_G, "jit") then
      jit.flush()
   end
   return value
end

-- What a child is told: where the service is, and which file to write.
local PROLOGUE = [==[
local ossdl = require "ossdl"
local file = arg[6]
local client = assert(ossdl.new { endpoint = arg[1], region = arg[2],
   bucket = arg[3], access_key_id = arg[4], access_key_secret = arg[5],
   proxy = "" })
]==]

describe("a client", function()
   local test = fixture.new()

   local function new(extra)
      return assert(ossdl.new(test:client_options(extra)))
   end

   local function start(client, file, extra)
      local all = { object = "object", file = file or test.target() }
      for name, value in pairs(extra or {}) do
         all[name] = value
      end
      return assert(client:start(all))
   end

   -- Waits for a state; gives the progress.
   local function reaches(transfer, condition)
      return assert(helper.eventually(function()
         transfer:poll()
         local progress = assert(transfer:progress())
         return condition(progress) and progress
      end, 60), "the transfer does not get there")
   end

   before_each(function()
      test.oss:put_random("object", 4 * MIB)
   end)

   it("serves many transfers at once, with few threads", function()
      local client = new { max_threads = 4 }
      local transfers, files = {}, {}
      for i = 1, 30 do
         local key = "many " .. i % 7
         if i <= 7 then
            test.oss:put_random("many " .. i - 1, (i - 1) * 300 * KIB + 1, i)
         end
         files[i] = { key = key, file = test.target() }
      end
      for i, wanted in ipairs(files) do
         transfers[i] = start(client, wanted.file, { object = wanted.key })
      end
      for i, transfer in ipairs(transfers) do
         assert.is_true((transfer:wait(60)))
         local result, err = transfer:result()
         assert(result, tostring(err))
         transfer:close()
         test:check(files[i].key, files[i].file)
      end
      client:close()
   end)

   it("takes a target again at once after a cancel, and after letting go of it", function()
      test.oss:fault { match = { key = "object", times = false }, rate = MIB }
      for _, way in ipairs { "cancel", "close" } do
         local client, file = new(), test.target()
         for _ = 1, 10 do
            local transfer = start(client, file)
            reaches(transfer, function(progress)
               return progress.bytes_done > 0
            end)
            transfer[way](transfer)
         end
         test.oss:clear()
         local result, err = client:download { object = "object", file = file }
         assert(result, tostring(err))
         test:check("object", file)
         client:close()
      end
   end)

   it("begins others while some wait out a failure", function()
      test.oss:fault { match = { key = "object", times = false }, status = 503, headers = { ["Retry-After"] = "50" } }
      test.oss:put("healthy", "12345")
      local client = new { max_threads = 2 }
      local failing = {}
      for i = 1, 12 do
         failing[i] = start(client)
      end
      for _, transfer in ipairs(failing) do
         reaches(transfer, function(progress)
            return progress.retries > 0
         end)
      end
      local healthy = start(client, nil, { object = "healthy" })
      assert.is_true((healthy:wait(30)))
      assert(healthy:result())
      client:close()
   end)

   it("begins others before a long part of one is over", function()
      test.oss:fault { match = { key = "object", times = false }, rate = 256 * KIB }
      test.oss:put("small", "12345")
      local client = new { max_threads = 1 }
      local long = start(client, nil, { threads = 1, part_size = 4 * MIB })
      reaches(long, function(progress)
         return progress.bytes_done > 0
      end)
      local small = start(client, nil, { object = "small" })
      assert.is_true((small:wait(60)))
      assert(small:result())
      local progress = long:progress()
      assert.equal("running", progress.state)
      assert(progress.bytes_done < 4 * MIB, progress.bytes_done)
      test.oss:clear()
      assert.is_true((long:wait(60)))
      assert(long:result())
      test:check("object", long.file)
      client:close()
   end)

   it("uses a connection again", function()
      local client = new { max_threads = 1 }
      for _ = 1, 3 do
         assert(client:download { object = "object", file = test.target(),
            threads = 1 })
      end
      client:close()
      for _, request in ipairs(test:requests "object") do
         assert.equal(1, request.connection)
      end
   end)

   it("has no more connections than max_threads", function()
      local client = new { max_threads = 3 }
      assert(client:download { object = "object", file = test.target(),
         threads = 16, part_size = 64 * KIB })
      client:close()
      local seen, count = {}, 0
      for _, request in ipairs(test:requests "object") do
         if not seen[request.connection] then
            seen[request.connection] = true
            count = count + 1
         end
      end
      assert.is_true(count <= 3)
   end)

   it("starts no thread before there is something to do", function()
      local before = helper.threads()
      local client = new()
      assert.equal(before, helper.threads())
      client:close()
   end)

   it("tells two downloads to one file that the second is too many",
      function()
         local client = new { max_rate = 100 * KIB }
         local file = test.target()
         local first = start(client, file)
         reaches(first, function(p)
            return p.bytes_done > 0
         end)
         local result, err = client:download { object = "object",
            file = file }
         assert.is_nil(result)
         assert.equal("busy", err.kind)
         client:set_max_rate(0)
         assert.is_true((first:wait(60)))
         assert(first:result())
         first:close()
         client:close()
      end)

   it("changes its limit in the midst of a download", function()
      local client = new { max_rate = 64 * KIB }
      local file = test.target()
      local transfer = start(client, file)
      reaches(transfer, function(p)
         return p.bytes_done > 0
      end)
      client:set_max_rate(0)
      assert.is_true((transfer:wait(60)))
      assert(transfer:result())
      transfer:close()
      client:close()
      test:check("object", file)
   end)

   it("frees connections from their old pause when its limit is raised",
      function()
         local client = new { max_rate = 100 }
         local file = test.target()
         local transfer = start(client, file, { threads = 4,
            part_size = 512 * KIB })
         reaches(transfer, function(p)
            return p.bytes_done > 0 and p.connections == 4
         end)
         client:set_max_rate(1e9)
         local ended = transfer:wait(60)
         local result, err = transfer:result()
         transfer:close()
         client:close()
         assert.is_true(ended, "it still keeps the old limit")
         assert(result, tostring(err))
         test:check("object", file)
      end)

   it("refuses what belongs to it in the options of a transfer", function()
      local client = new()
      local raised = fixture.raised(function()
         client:start { object = "object", file = test.target(),
            endpoint = "elsewhere" }
      end)
      assert.truthy(raised:find("endpoint", 1, true))
      client:close()
   end)

   it("answers closed after close", function()
      local client = new()
      client:close()
      client:close()
      for _, name in ipairs { "start", "download" } do
         local result, err = client[name](client, { object = "object",
            file = test.target() })
         assert.is_nil(result)
         assert.equal("closed", err.kind)
      end
      assert.equal("string", type(tostring(client)))
   end)
end)

describe("a transfer beside one that holds the only thread", function()
   local client

   after_each(function() -- before the search for what was left behind
      client:close()
   end)

   local test = fixture.new()

   before_each(function()
      test.oss:put_random("busy", 4 * MIB, 1)
      test.oss:put_random("other", 2 * MIB, 2)
      client = assert(ossdl.new(test:client_options { max_threads = 1 }))
   end)

   -- Starts the busy one, which does not end while the limit is so low.
   local function occupy(file)
      client:set_max_rate(16 * KIB)
      local transfer = assert(client:start { object = "busy", file = file,
         part_size = 8 * MIB })
      assert(helper.eventually(function()
         return transfer:progress().bytes_done > 0
      end, 60))
      return transfer
   end

   local function start(file)
      return assert(client:start { object = "other", file = file,
         threads = 1, part_size = 256 * KIB })
   end

   -- Cancels one: it ends while the busy one runs, which ends right.
   local function cancel(other, other_file, busy, busy_file)
      other:cancel()
      local ended = other:wait(60)
      local _, err = other:result()
      local state = busy:progress().state
      client:set_max_rate(0)
      assert.is_true((busy:wait(60)))
      local result, problem = busy:result()
      other:close()
      busy:close()
      client:close()
      assert.is_true(ended, "it waits for the thread")
      assert.equal("cancelled", err.kind)
      assert.equal("running", state)
      assert(result, tostring(problem))
      test:check("busy", busy_file)
      test.oss:clear()
      test:fetch("other", other_file)
   end

   it("is cancelled at once when it has not begun", function()
      local busy_file, file = test.target(), test.target()
      local busy = occupy(busy_file)
      local other = start(file)
      assert.equal("queued", other:progress().state)
      cancel(other, file, busy, busy_file)
   end)

   for name, nth in pairs { ["its first request"] = 1,
      ["a later request"] = 2 } do
      it("is cancelled at once when it rests after " .. name, function()
         test.oss:fault { match = { key = "other", nth = nth,
            times = false }, status = 503,
            headers = { ["Retry-After"] = "50" } }
         local busy_file, file = test.target(), test.target()
         local other = start(file)
         assert(helper.eventually(function()
            return other:progress().retries > 0
         end, 60))
         cancel(other, file, occupy(busy_file), busy_file)
      end)
   end
end)

describe("a transfer", function()
   local client

   after_each(function() -- before the search for what was left behind
      client:close()
   end)

   local test = fixture.new()

   before_each(function()
      test.oss:put_random("object", 4 * MIB)
      client = assert(ossdl.new(test:client_options()))
   end)

   local function start(file, extra)
      local all = { object = "object", file = file or test.target() }
      for name, value in pairs(extra or {}) do
         all[name] = value
      end
      return assert(client:start(all))
   end

   it("has no result while it runs, and waits as long as it is told",
      function()
         client:set_max_rate(64 * KIB)
         local transfer = start()
         local done, progress = transfer:wait(0.05)
         assert.is_false(done)
         assert.equal("string", type(progress.state))
         local result, err = transfer:result()
         assert.is_nil(result)
         assert.equal("invalid", err.kind)
         assert.is_false((transfer:wait(0)))
         transfer:close()
      end)

   it("gives its result again and again", function()
      local transfer = start()
      assert.is_true((transfer:wait()))
      assert.same(transfer:result(), transfer:result())
      assert.is_true((transfer:wait()))
      assert.is_true((transfer:poll()))
      assert.equal("done", transfer:progress().state)
      transfer:cancel() -- too late
      assert(transfer:result())
      transfer:close()
   end)

   it("answers closed after close", function()
      local transfer = start()
      transfer:close()
      transfer:close()
      for _, name in ipairs { "poll", "wait", "cancel", "result", "progress",
         "pollfd", "getfd" } do
         local value, err = transfer[name](transfer)
         assert.is_nil(value, name)
         assert.equal("closed", err.kind)
      end
      assert.equal("string", type(tostring(transfer)))
   end)

   -- Each cuts a transfer short in a state of its life.
   local STATES = {
      { "at once", function() end },
      { "while it waits for the first answer", function(transfer)
         helper.eventually(function()
            return transfer:progress().connections > 0
         end, 60)
      end, { delay = 3 } },
      { "while it runs", function(transfer)
         helper.eventually(function()
            return transfer:progress().bytes_done > MIB
         end, 60)
      end },
      { "while it rests after a failure", function(transfer)
         helper.eventually(function()
            return transfer:progress().retries > 0
         end, 60)
      end, { status = 503, headers = { ["Retry-After"] = "50" } } },
      { "when it is done", function(transfer)
         client:set_max_rate(0)
         transfer:wait(60)
      end },
   }

   local WAYS = {
      cancel = function(transfer)
         transfer:cancel()
         assert.is_true((transfer:wait(60)))
         local result, err = transfer:result()
         assert.is_true(result ~= nil or err.kind == "cancelled")
         transfer:close()
      end,
      close = function(transfer)
         transfer:close()
      end,
      ["close of the client"] = function(transfer)
         client:close()
         assert.is_true((transfer:wait(60)))
         local result, err = transfer:result()
         assert.is_true(result ~= nil or err.kind == "closed")
         transfer:close()
      end,
      ["collection"] = function()
         collectgarbage()
         collectgarbage()
      end,
   }

   for _, state in ipairs(STATES) do
      for name, way in pairs(WAYS) do
         it(("survives %s %s, and another run succeeds"):format(name,
            state[1]), function()
               if state[3] then
                  local fault = { match = { key = "object" } }
                  for what, value in pairs(state[3]) do
                     fault[what] = value
                  end
                  test.oss:fault(fault)
               end
               client:set_max_rate(4 * MIB)
               local file = test.target()
               apart(function()
                  local transfer = start(file)
                  state[2](transfer)
                  way(transfer)
               end)
               collectgarbage()
               collectgarbage()
               client:close()
               test.oss:clear()
               test:fetch("object", file)
            end)
      end
   end

   it("is cancelled within moments, whatever it waits for", function()
      for _, fault in ipairs { { delay = 50 }, { stall = 1000 },
         { status = 503, headers = { ["Retry-After"] = "50" } } } do
         fault.match = { key = "object", times = false }
         test.oss:clear()
         test.oss:fault(fault)
         local transfer = start()
         assert.is_false((transfer:wait(0.3)))
         local before = helper.now()
         transfer:cancel()
         assert.is_true((transfer:wait(60)))
         assert.is_true(helper.now() - before < 10)
         local _, err = transfer:result()
         assert.equal("cancelled", err.kind)
         transfer:close()
      end
   end)

   it("outlives its client when that is collected first", function()
      local file = test.target()
      local transfer = apart(function()
         local own = assert(ossdl.new(test:client_options()))
         return assert(own:start { object = "object", file = file })
      end)
      collectgarbage()
      collectgarbage()
      assert.is_true((transfer:wait(60)))
      assert(transfer:result())
      transfer:close()
      test:check("object", file)
   end)

   it("may be collected together with its client, in any order", function()
      for i = 1, 10 do
         apart(function()
            local own = assert(ossdl.new(test:client_options()))
            for _ = 1, 3 do
               assert(own:start { object = "object", file = test.target() })
            end
            if i % 2 == 0 then
               own:close()
            end
         end)
      end
      collectgarbage()
      collectgarbage()
   end)

   it("shows a change by a descriptor that can be polled", function()
      local socket = require "socket"
      local transfer = start()
      assert.equal("r", transfer:events())
      assert.is_nil(transfer:timeout())
      assert.equal(transfer:pollfd(), transfer:getfd())
      assert(helper.eventually(function()
         socket.select({ transfer }, nil, 1)
         return (transfer:poll())
      end, 60))
      assert(transfer:result())
      transfer:close()
   end)
end)

describe("a process that ends with a transfer running", function()
   local test = fixture.new()

   local function run(code, file)
      local oss = test.oss
      local output, errors, how, number = helper.run {
         code = PROLOGUE .. code, args = { oss.endpoint, oss.region,
            oss.bucket, oss.access_key_id, oss.access_key_secret,
            file or test.target() }, seconds = 60 }
      return { output = output, errors = errors, how = how, number = number }
   end

   -- Ends while the download is slow, and so before that is complete.
   local function ends(code)
      test.oss:put_random("object", 4 * MIB)
      test.oss:fault { match = { key = "object", times = false },
         rate = 8 * KIB }
      local file = test.target()
      local ended = run(code, file)
      assert.is_false(helper.exists(file))
      return ended
   end

   local function ends_well(code)
      assert.same({ output = "", errors = "", how = "exit", number = 0 },
         ends(code))
   end

   local START = [==[
local transfer = assert(client:start { object = "object", file = file })
repeat
   transfer:wait(0.01)
until transfer:progress().bytes_done > 0
]==]

   it("ends at once by returning", function()
      ends_well(START)
   end)

   it("ends at once by os.exit", function()
      ends_well(START .. "os.exit(0)")
   end)

   it("ends at once by os.exit that closes the state", function()
      ends_well(START .. "os.exit(0, true)")
   end)

   it("ends at once with the client closed first", function()
      ends_well(START .. "client:close() os.exit(0)")
   end)

   it("ends at once by an error", function()
      local ended = ends(START .. "error 'a mistake'")
      assert.equal("exit", ended.how)
      assert.equal(1, ended.number)
      assert.truthy(ended.errors:find("a mistake", 1, true))
   end)

   if rawget(_G, "jit") then
      local FORK = [==[
local ffi = require "ffi"
ffi.cdef "int fork(void); int waitpid(int, int *, int); void _exit(int);"
local function in_child(check)
   local pid = ffi.C.fork()
   if pid == 0 then
      local ok, problem = pcall(check)
      if not ok then
         io.stderr:write(tostring(problem), "\n")
         io.stderr:flush()
      end
      ffi.C._exit(ok and 0 or 1)
   end
   local status = ffi.new "int[1]"
   assert(ffi.C.waitpid(pid, status, 0) == pid)
   assert(status[0] == 0, "the child failed")
end
local function forked(result, err)
   assert(result == nil)
   assert(err.kind == "forked", tostring(err))
end
]==]

      it("answers forked in a child of fork, and goes on in the parent",
         function()
            test.oss:put_random("object", 4 * MIB)
            assert.same({ output = "", errors = "", how = "exit",
               number = 0 }, run(FORK .. [==[
client:set_max_rate(256 * 1024)
local transfer = assert(client:start { object = "object", file = file })
repeat
   transfer:wait(0.01)
until transfer:progress().bytes_done > 0
in_child(function()
   forked(client:start { object = "object", file = file .. ".child" })
   forked(client:download { object = "object", file = file .. ".child" })
   forked(transfer:result())
   transfer:cancel()
   transfer:close()
   client:close()
   client, transfer = nil, nil
   collectgarbage()
   collectgarbage()
end)
client:set_max_rate(0)
assert(transfer:wait(50))
assert(transfer:result())
transfer:close()
client:close()
]==]))
         end)

      -- The thread sanitizer knows no threads in such a child.
      if os.getenv "OSSDL_SANITIZER" ~= "thread" then
         it("may make a client of its own in a child of fork", function()
            test.oss:put_random("object", 4 * MIB)
            assert.same({ output = "", errors = "", how = "exit", number = 0 },
               run(FORK .. [==[
assert(client:download { object = "object", file = file })
in_child(function()
   local own = assert(ossdl.new { endpoint = arg[1], region = arg[2],
      bucket = arg[3], access_key_id = arg[4], access_key_secret = arg[5],
      proxy = "" })
   assert(own:download { object = "object", file = file .. ".child" })
   own:close()
end)
client:close()
]==]))
         end)
      end
   end
end)
