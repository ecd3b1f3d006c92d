-- Downloads inside a real nginx.

local helper = require "spec.helper"
local metadata_service = require "spec.support.metadata_service"
local oss = require "spec.support.oss"
local site = require "spec.resty.site"

local MIB = 1024 * 1024
local FULL = os.getenv "TORTURE" == "full"

describe("in nginx", function()
   local server, nginx

   -- Both servers are children; a descriptor or two of ours belong to them.
   lazy_setup(function()
      server = oss.start()
      server:put_random("small", 300000, 1)
      server:put_random("big", 8 * MIB, 2)
      nginx = site.start(server)
   end)

   lazy_teardown(function()
      if nginx then
         nginx:stop()
      end
      if server then
         server:stop()
      end
   end)

   helper.guard()

   before_each(function()
      server:clear()
      server:reset_log()
   end)

   local function target()
      return helper.folder() .. "/target"
   end

   local function check(key, file)
      assert.is_true(helper.same_file(server:path(key), file),
         file .. " is not " .. key)
      assert.is_false(helper.exists(file .. ".part"))
      assert.is_false(helper.exists(file .. ".cp"))
   end

   local function right(answer, text)
      assert(answer, tostring(text))
      assert(answer.result, answer.err and answer.err.message)
      assert.is_true(answer.result.verified)
      return answer
   end

   -- Each answer goes slowly until `clear`.
   local function slow(key)
      server:fault { match = { key = key, times = false }, rate = 512 * 1024 }
   end

   -- No request of 2 MiB ends until `clear`, but bytes come.
   local function stuck(key)
      server:fault { match = { key = key, times = false }, stall = 1024 * 1024 }
   end

   local function under_way(file)
      assert(helper.eventually(function()
         return helper.exists(file .. ".part") and #server:requests() > 0
      end, 60), "the download does not start")
   end

   -- Limits of the worker's client, so that nothing depends on the time.
   local function limit(bytes)
      assert.is_true((nginx:get("/rate", { bytes = bytes })).ok)
   end

   for _, phase in ipairs { "content", "access", "rewrite", "timer" } do
      it("downloads in the " .. phase .. " phase", function()
         local file = target()
         local answer = right(nginx:get("/" .. phase,
            { object = "small", file = file }))
         assert.are.equal(phase, answer.phase)
         check("small", file)
      end)
   end

   it("downloads several at once in light threads", function()
      local file = target()
      local answers, text = nginx:get("/spawn",
         { object = "small", file = file, count = 8 })
      assert(answers, text)
      assert.are.equal(8, #answers)
      for i, answer in ipairs(answers) do
         right(answer)
         check("small", file .. i)
      end
   end)

   it("names the phase that cannot wait", function()
      local file = target()
      local _, text = nginx:get("/filter", { object = "small", file = file })
      local message = assert(text:match "X%-Error: ([^\r]*)", text)
      assert.truthy(message:find("invalid: ", 1, true), message)
      assert.truthy(message:find("header_filter", 1, true), message)
      assert.is_false(helper.exists(file))
   end)

   it("answers 'forked' for a client of the master process", function()
      local file = target()
      local answer = assert(nginx:get("/forked",
         { object = "small", file = file }))
      assert.are.equal("forked", answer.err.kind)
      assert.truthy(answer.err.message:find "fork", answer.err.message)
   end)

   -- The service waits a second before it ends its answers.
   it("asks for an instance's role without blocking the worker", function()
      local _, address = metadata_service.start "open"
      local answer, text = nginx:get("/role", { address = address })
      assert(answer, text)
      assert.equal("STS.id", answer.given and answer.given.access_key_id, answer.err)
      assert.is_true(answer.turns > 10, "the worker did nothing else")
   end)

   it("gives the service's error, and goes on", function()
      local file = target()
      local answer = assert(nginx:get("/content",
         { object = "absent", file = file }))
      assert.are.equal("NoSuchKey", answer.err.code)
      right(nginx:get("/content", { object = "small", file = file }))
      check("small", file)
   end)

   it("serves other requests while a download runs", function()
      local file = target()
      limit(256 * 1024)
      local request = nginx:begin("/content", { object = "big", file = file })
      under_way(file)
      assert.is_number(nginx:worker())
      assert.is_true(helper.exists(file .. ".part"))
      limit(0)
      right(request:finish())
      check("big", file)
   end)

   it("shares one transfer between two requests for a file", function()
      local file = target()
      limit(256 * 1024)
      local one = nginx:begin("/content", { object = "big", file = file })
      under_way(file)
      local other = nginx:begin("/content", { object = "big", file = file })
      assert.is_number(nginx:worker()) -- by now the other has been read
      limit(0)
      right(one:finish())
      right(other:finish())
      check("big", file)
      assert.is_true(server:settle(60))
      assert.are.equal(8 * MIB, server:bytes_sent "big")
   end)

   it("cancels when the only client goes away, and resumes", function()
      local file = target()
      local pid = nginx:worker()
      limit(MIB)
      local request = nginx:begin("/content", { object = "big", file = file })
      under_way(file)
      local before = site.census(pid)
      assert.is_true(before.threads > 1)
      request:abort()
      -- The lock is free as soon as the transfer has ended.
      limit(0)
      local answer = right(nginx:get("/content",
         { object = "big", file = file, busy = "wait" }))
      assert.are.equal(8 * MIB, answer.result.bytes)
      check("big", file)
   end)

   it("hands over to the request that still waits", function()
      local file = target()
      limit(256 * 1024)
      local one = nginx:begin("/content", { object = "big", file = file })
      under_way(file)
      local other = nginx:begin("/content", { object = "big", file = file })
      assert.is_number(nginx:worker())
      one:abort()
      assert.is_number(nginx:worker())
      limit(0)
      right(other:finish())
      check("big", file)
   end)

   it("bounds threads and descriptors of a hundred at once", function()
      local pid = nginx:worker()
      local file = target()
      local answers, text = nginx:get("/spawn",
         { object = "small", file = file, count = 100 })
      assert(answers, text)
      for i = 1, 100 do
         right(answers[i])
         check("small", file .. i)
      end
      local idle = site.census(pid)
      assert.is_true(idle.threads <= 32, idle.threads .. " threads")
      answers = assert(nginx:get("/spawn",
         { object = "small", file = file .. "-", count = 100 }))
      assert.are.equal(100, #answers)
      assert(helper.eventually(function()
         local now = site.census(pid)
         return now.threads <= idle.threads + 2
            and now.descriptors <= idle.descriptors + 20
      end, 60), "threads or descriptors stay")
   end)

   it("keeps its memory over many downloads", function()
      local count = FULL and 1000 or 200
      local pid = nginx:worker()
      local file = target()
      local function fetch(times)
         for _ = 1, times do
            right(nginx:get("/content", { object = "small", file = file }))
         end
      end
      fetch(count / 2)
      local before = site.memory(pid)
      fetch(count)
      local grown = site.memory(pid) - before
      assert.is_true(grown < 1024, grown .. " KiB more")
   end)

   describe("of two workers", function()
      it("waits for the other worker's download", function()
         local two = site.start(server, 2)
         finally(function()
            two:stop()
         end)
         slow "big"
         local file = target()
         local seen, requests = {}, {}
         requests[1] = two:begin("/content",
            { object = "big", file = file, busy = "wait", threads = 4 })
         under_way(file)
         -- The kernel spreads connections: among so many, both workers.
         for i = 2, 24 do
            requests[i] = two:begin("/content",
               { object = "big", file = file, busy = "wait", threads = 4 })
         end
         for i = 1, 24 do
            seen[right(requests[i]:finish()).pid] = true
         end
         local first = next(seen)
         assert.is_not_nil(next(seen, first), "one worker answered all")
         check("big", file)
      end)
   end)

   for _, name in ipairs { "HUP", "QUIT", "TERM" } do
      it("survives " .. name .. " in mid-transfer and resumes", function()
         local own = site.start(server)
         finally(function()
            own:stop()
         end)
         for _ = 1, FULL and 50 or 5 do
            local file = target()
            server:clear()
            server:reset_log()
            stuck "big"
            local pid = own:worker()
            local request = own:begin("/content",
               { object = "big", file = file, part_size = 2 * MIB })
            assert(helper.eventually(function()
               return own:get "/pid".bytes >= 512 * 1024
            end, 60), "no bytes come")
            own:signal(name)
            request:finish()
            assert(helper.eventually(function()
               return not site.alive(pid)
            end, 45), "the worker does not end")
            server:clear()
            if name ~= "HUP" then
               local how, code = own.child:wait(45)
               assert.are.same({ "exit", 0 }, { how, code })
               own.child:stop()
               own:launch()
            end
            local answer = right(own:get("/content",
               { object = "big", file = file, busy = "wait" }))
            assert.is_true(answer.result.resumed > 0)
            check("big", file)
         end
         local errors = own:errors()
         assert.is_nil(errors:find("exited on signal", 1, true), errors)
         assert.is_nil(errors:find("[alert]", 1, true), errors)
      end)
   end
end)
