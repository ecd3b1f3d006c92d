--- A server that fails is not stormed, and a link that breaks wastes little.

local ossdl = require "ossdl"

local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"
local process = require "spec.support.process"
local raw = require "spec.support.raw_server"
local scene = require "spec.torture.scene"

local KIB, MIB = fixture.KIB, fixture.MIB

local RETRIES = scene.full and 5 or 1

describe("a server that", function()
   local test = fixture.new()

   before_each(function()
      test.oss:put_random("object", (scene.full and 64 or 32) * MIB)
   end)

   -- What it does, and the kind of the error.
   local FAILURES = {
      { "always answers 503", { status = 503 }, "service" },
      { "always resets the connection", { drop = true }, "network" },
      { "always resets the connection in a body", { reset = 0 }, "network" },
      { "always ends the connection in a body", { truncate = 0 }, "network" },
      { "is always silent in a body", { stall = 0 }, "timeout" },
   }

   -- The failure begins with the first request, or with the second one: then
   -- it meets all connections at once.
   local function gets_few(failure, healthy, threads)
      local fault = { match = { key = "object", nth = healthy + 1, times = false } }
      for name, value in pairs(failure[2]) do fault[name] = value end
      test.oss:reset_log()
      test.oss:fault(fault)
      local file = test.target()
      local options = { max_retries = RETRIES, threads = threads, stall_timeout = 0.3, part_size = MIB }
      local result, err = test:download("object", file, options)
      assert.is_nil(result)
      assert.equal(failure[3], err.kind, tostring(err))
      assert.equal(RETRIES + 1, err.attempts)
      -- A connection that was kept may be found dead: that costs one more.
      local requests = #test:requests "object" - healthy
      local most = RETRIES + threads + healthy
      assert(requests <= most, ("%d requests, %d are enough"):format(requests, most))
      test.oss:clear()
      test:fetch("object", file)
   end

   for i, failure in ipairs(FAILURES) do
      if scene.full or i == 1 then
         it(failure[1] .. " from the start gets no more than max_retries requests and one per connection", function()
            for _, threads in ipairs(scene.full and { 1, 8, 32 } or { 8 }) do
               gets_few(failure, 0, threads)
            end
         end)
      end

      for _, threads in ipairs(scene.full and { 1, 8, 32 } or { 32 }) do
         it(("%s in the midst gets no more than max_retries requests and one per connection, with %d"):format(
            failure[1], threads), function()
               gets_few(failure, 1, threads)
            end)
      end
   end
end)

describe("a server that goes away", function()
   scene.guard()

   for _, threads in ipairs(scene.full and { 1, 8, 32 } or { 8 }) do
      it(("is tried max_retries times more than it had connections, with %d"):format(threads), function()
         local folder = helper.folder()
         local path = folder .. "/object"
         helper.write(path, scene.noise(MIB))
         local server = raw.start { object = { path = path } }
         local options = server:options { proxy = "", max_rate = 100 * KIB }
         local client = assert(ossdl.new(options))
         local target = { object = "object", file = folder .. "/target", max_retries = RETRIES, threads = threads,
            part_size = 16 * KIB }
         local transfer = assert(client:start(target))
         assert(helper.eventually(function()
            return transfer:progress().bytes_done > 0
         end, 60))
         server:stop()
         client:set_max_rate(0)
         assert.is_true((transfer:wait(60)))
         local _, err = transfer:result()
         assert.equal("network", err.kind, tostring(err))
         assert.is_true(transfer:progress().retries <= RETRIES + 2 * threads)
         transfer:close()
         client:close()
         server = raw.start { object = { path = path } }
         target.max_retries, options.max_rate = nil, nil
         for name, value in pairs(server:options(target)) do options[name] = value end
         local ok, problem = pcall(scene.download, options, scene.read(path), "the next run")
         server:stop()
         assert(ok, problem)
      end)
   end
end)

describe("a link that resets each connection sooner or later", function()
   scene.guard()

   it("costs no more than a twentieth of the object", function()
      local units, unit = scene.full and 64 or 32, scene.full and MIB or 256 * KIB
      local folder = helper.folder()
      local path = folder .. "/object"
      local size = units * unit
      process.seed(path, size, 5)
      math.randomseed(11)
      local script = { object = { path = path } }
      for i = 1, 100 do
         -- In steps, so that little is under way when the end comes.
         script[i] = { cut = math.random(unit, 4 * unit), ["then"] = "rst", drip = 0.001, drip_bytes = 256 * KIB }
      end
      local server = raw.start(script)
      local result, err = ossdl.download(server:options {
         object = "object", file = folder .. "/target", proxy = "", threads = 4, part_size = 8 * unit,
         max_retries = 3, stall_timeout = 60,
      })
      local sent, cuts = 0, 0
      for _, event in ipairs(server:events()) do
         if event.event == "sent" then
            sent = sent + event.bytes
            cuts = cuts + (event.behaviour > 0 and 1 or 0)
         end
      end
      server:stop()
      assert(result, tostring(err))
      assert.is_true(helper.same_file(path, folder .. "/target"))
      assert.is_true(cuts >= units / 4 and result.retries >= units / 8)
      assert(sent <= 1.05 * size, ("%.3f of the object were sent"):format(sent / size))
   end)
end)
