--- Threads that the system refuses, hundreds of them, and hundreds of transfers.

local ossdl = require "ossdl"

local faults = require "spec.torture.faults"
local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"
local scene = require "spec.torture.scene"

local KIB, MIB = fixture.KIB, fixture.MIB

local SIZE = 4 * MIB + 4321
local SMALL = 100 * KIB
local THREADS = 8
local MANY_THREADS = 256
local MANY_PART = 32 * KIB
local MANY_TRANSFERS = 200

describe("a system", function()
   local test = fixture.new()

   lazy_setup(function()
      test.oss:put_random("object", SIZE, 3)
      test.oss:put_random("small", SMALL, 4)
      test.oss:put_random("many", MANY_PART * (MANY_THREADS + 8), 5)
   end)

   local function options(file, extra)
      local all = { bucket = test.oss.bucket, object = "object", file = file, threads = THREADS,
         part_size = 256 * KIB }
      for name, value in pairs(extra or {}) do
         all[name] = value
      end
      return all
   end

   -- Downloads in a child where threads are refused. Answers take a while, so
   -- that more threads are wanted; a longer one where the machine is so slow that
   -- they were not.
   local function download(file, rule, delay, count)
      local outcomes, hits
      for _, seconds in ipairs { delay, 4 * delay, 16 * delay, 64 * delay } do
         os.remove(file)
         test.oss:clear()
         test.oss:reset_log()
         test.oss:fault { match = { times = false }, delay = seconds }
         outcomes, hits = faults.downloads(test:client_options(), { options(file) }, { rule })
         if #hits >= count then break end
      end
      assert(#hits >= count, "no thread was refused")
      test.oss:clear()
      return outcomes[1], hits
   end

   local function fails(file, what)
      local outcome = download(file, "thread::1:0:" .. what, 0.001, 1)
      assert(not outcome.result, "a success")
      assert.equal(what, outcome.error.code, outcome.text)
      assert.equal(0, #test:requests "object")
      assert.same({}, helper.files(file:match "^(.*)/"))
      test:fetch("object", file)
      return outcome
   end

   it("that gives no thread at all is told, before any request, and leaves nothing", function()
      local outcome = fails(test.target(), "EAGAIN")
      assert.equal("io", outcome.error.kind, outcome.text)
      assert.truthy(outcome.text:find("thread", 1, true), outcome.text)
      assert.truthy(outcome.text:find("ulimit -u", 1, true), outcome.text)
   end)

   if scene.full then
      it("that has no memory for a thread is told, before any request, and leaves nothing", function()
         local outcome = fails(test.target(), "ENOMEM")
         assert.equal("memory", outcome.error.kind, outcome.text)
         assert.truthy(outcome.text:find("fewer threads", 1, true), outcome.text)
      end)
   end

   for _, given in ipairs(scene.full and { 1, 2, 3, 4, 5, 6, 7 } or { 3 }) do
      it(("that gives %d of %d threads gets on with these"):format(given, THREADS), function()
         local file = test.target()
         local outcome = download(file, ("thread::%d:0:EAGAIN"):format(given + 1), 0.01 * given, 1)
         assert(outcome.result, outcome.text)
         test:check("object", file)
         assert.equal(0, outcome.result.retries)
      end)
   end

   if scene.full then
      it("that refuses threads for a while is asked again", function()
         local file = test.target()
         local outcome = download(file, "thread::2:3:EAGAIN", 0.05, 3)
         assert(outcome.result, outcome.text)
         test:check("object", file)
      end)
   end

   it(("carries %d connections at once, and a cancel of them all"):format(MANY_THREADS), function()
      local file = test.target()
      local extra = { threads = MANY_THREADS, max_threads = MANY_THREADS, part_size = MANY_PART }
      -- Nothing but the first answer gets an end.
      test.oss:fault { match = { key = "many", nth = 2, times = false }, stall = 0 }
      local client = assert(ossdl.new(test:client_options { max_threads = MANY_THREADS }))
      local transfer = assert(client:start(options(file, { object = "many", threads = MANY_THREADS,
         part_size = MANY_PART })))
      local most = 0
      helper.eventually(function()
         most = math.max(most, transfer:progress().connections)
         return most == MANY_THREADS or transfer:progress().done
      end, 60)
      transfer:cancel()
      assert.is_true((transfer:wait(60)))
      local _, err = transfer:result()
      assert.equal("cancelled", err.kind, tostring(err))
      assert.equal(MANY_THREADS, most)
      transfer:close()
      client:close()
      test.oss:clear()
      test:fetch("many", file, extra)
   end)

   if scene.full then
      it("keeps no connection that has been idle for a minute", function()
         local function sockets()
            local count = 0
            for _, target in pairs(helper.descriptors()) do
               count = count + (target:find "^socket:" and 1 or 0)
            end
            return count
         end
         local client = assert(ossdl.new(test:client_options()))
         assert(client:download(options(test.target())))
         local before = sockets()
         assert(helper.eventually(function()
            return sockets() <= before - THREADS
         end, 90), "they are kept")
         assert(client:download(options(test.target())))
         client:close()
      end)
   end

   -- Targets in one folder; small ones, and some of many parts.
   local function targets()
      local folder = helper.folder()
      local all = {}
      for i = 1, MANY_TRANSFERS do
         local key = i % 20 == 0 and "object" or "small"
         all[i] = options(("%s/%d-%s"):format(folder, i, key), { object = key, durable = false })
      end
      return all, folder
   end

   -- All are there and right, and nothing else.
   local function check(all, folder)
      assert.equal(#all, #helper.files(folder))
      local output = helper.shell(("cd %s && for file in *; do case $file in *-small) object=%s ;; *) object=%s ;;"
         .. " esac; cmp -s $object $file || echo $file; done"):format(helper.quote(folder),
         helper.quote(test.oss:path "small"), helper.quote(test.oss:path "object")))
      assert.equal("", (output:gsub("%s+$", "")))
   end

   -- Starts them all, and gives the transfers.
   local function start(client, all)
      local transfers = {}
      for i, one in ipairs(all) do
         transfers[i] = assert(client:start(one))
      end
      return transfers
   end

   local function complete(all, folder)
      local client = assert(ossdl.new(test:client_options { max_threads = 16 }))
      for _, transfer in ipairs(start(client, all)) do
         assert.is_true((transfer:wait(60)))
         assert(transfer:result())
         transfer:close()
      end
      client:close()
      check(all, folder)
   end

   it(("carries %d transfers of one client at once"):format(MANY_TRANSFERS), function()
      complete(targets())
   end)

   if not scene.full then return end

   it(("that gives three threads carries %d transfers with these"):format(MANY_TRANSFERS), function()
      local all, folder = targets()
      local outcomes, hits = faults.downloads(test:client_options { max_threads = 16 }, all, { "thread::4:0:EAGAIN" })
      for _, outcome in ipairs(outcomes) do
         assert(outcome.result, outcome.text)
      end
      assert.is_true(#hits > 0)
      check(all, folder)
   end)

   it(("finishes what has come before it begins with more, and ends all of %d transfers when closed"):format(
      MANY_TRANSFERS), function()
      -- Some go well, and all that follow get no end.
      local well = 50
      test.oss:fault { match = { key = "small", nth = well + 1, times = false }, stall = 0 }
      local all, folder = targets()
      local client = assert(ossdl.new(test:client_options { max_threads = 16 }))
      local transfers = start(client, all)
      local function done()
         local count = 0
         for _, one in ipairs(all) do
            count = count + (helper.exists(one.file) and 1 or 0)
         end
         return count
      end
      helper.eventually(function() return done() >= well end, 20)
      local finished = done()
      client:close()
      for i, transfer in ipairs(transfers) do
         local result, err = transfer:result()
         assert(result or err.kind == "closed", tostring(err))
         assert.equal(result ~= nil, helper.exists(all[i].file))
         transfer:close()
      end
      assert.is_true(finished >= well, finished .. " were finished")
      test.oss:clear()
      complete(all, folder)
   end)
end)
