--- What every way of waiting must show; each loop's spec runs all of it.

local busted = require "busted"
local assert = require "luassert"
local ossdl = require "ossdl"

local helper = require "spec.helper"
local loops = require "spec.loop.loops"
local oss = require "spec.support.oss"

local MIB = 1024 * 1024

local behaviours = {}

-- Runs the functions in the loop; what they raise is raised here.
local function run(loop, ...)
   local functions, failure, ended = {}, nil, 0
   for i, callback in ipairs { ... } do
      functions[i] = function()
         local ok, err = pcall(callback)
         ended = ended + 1
         if not ok then
            failure = failure or err
         end
      end
   end
   loop.run(functions)
   if failure then
      error(failure, 0)
   end
   assert.are.equal(#functions, ended)
end

local function define(loop)
   local describe, it = busted.describe, busted.it
   local server

   busted.lazy_setup(function()
      server = oss.start()
      server:put_random("one", 3 * MIB, 1)
      server:put_random("two", 2 * MIB, 2)
   end)

   busted.lazy_teardown(function()
      if server then
         server:stop()
      end
   end)

   helper.guard { warm_up = function()
      -- What the library and libcurl keep once they have been used.
      run(loop, function()
         assert(ossdl.download(server:options { object = "two", proxy = "",
            file = helper.folder() .. "/warm-up" }))
      end)
      helper.cleanup()
   end }

   busted.before_each(function()
      server:clear()
      server:reset_log()
   end)

   local function options(object, file, extra)
      local all = server:options { object = object, file = file, proxy = "",
         loop = loop.name }
      for name, value in pairs(extra or {}) do
         all[name] = value
      end
      return all
   end

   local function new_client(extra)
      return assert(ossdl.new(options(nil, nil, extra)))
   end

   local function target()
      return helper.folder() .. "/target"
   end

   for _, choice in ipairs { "auto", loop.name } do
      it(("downloads with loop = %q"):format(choice), function()
         local file = target()
         run(loop, function()
            local result, err = ossdl.download(options("one", file,
               { loop = choice }))
            assert(result, tostring(err))
            assert.are.equal(3 * MIB, result.bytes)
            assert.is_true(result.verified)
         end)
         assert.is_true(helper.same_file(server:path "one", file))
      end)
   end

   it("tells progress, the end last", function()
      local file, seen = target(), {}
      run(loop, function()
         assert(ossdl.download(options("one", file, {
            progress_interval = 0.01,
            on_progress = function(progress)
               seen[#seen + 1] = progress.bytes_done
            end,
         })))
      end)
      assert.is_true(#seen > 0)
      for i = 2, #seen do
         assert.is_true(seen[i] >= seen[i - 1])
      end
      assert.are.equal(3 * MIB, seen[#seen])
   end)

   it("cancels from the callback, and goes on later", function()
      local file = target()
      run(loop, function()
         local result, err = ossdl.download(options("one", file, {
            on_progress = function()
               return false
            end,
            max_rate = 1000000,
         }))
         assert.is_nil(result)
         assert.are.equal("cancelled", err.kind)
         assert(ossdl.download(options("one", file)))
      end)
      assert.is_true(helper.same_file(server:path "one", file))
   end)

   it("gives the service's error", function()
      local file = target()
      run(loop, function()
         local result, err = ossdl.download(options("absent", file))
         assert.is_nil(result)
         assert.are.equal("NoSuchKey", err.code)
      end)
      assert.is_false(helper.exists(file))
   end)

   it("passes on an error of the callback", function()
      local file = target()
      run(loop, function()
         local ok, err = pcall(ossdl.download, options("one", file, {
            on_progress = function()
               error("mine", 0)
            end,
         }))
         assert.is_false(ok)
         assert.are.equal("mine", err)
      end)
   end)

   it("runs two transfers of one client", function()
      local one, two = target(), target()
      local client = new_client()
      local function fetch(object, file)
         return function()
            local result, err = client:download { object = object,
               file = file }
            assert(result, tostring(err))
         end
      end
      run(loop, fetch("one", one), fetch("two", two))
      client:close()
      assert.is_true(helper.same_file(server:path "one", one))
      assert.is_true(helper.same_file(server:path "two", two))
   end)

   it("lets two coroutines wait for one transfer", function()
      local file, ends = target(), 0
      server:fault { match = { key = "one" }, delay = 0.3 }
      local client = new_client()
      local transfer = assert(client:start { object = "one", file = file })
      local function wait()
         local done, err = transfer:wait()
         assert(done, tostring(err))
         ends = ends + 1
      end
      run(loop, wait, wait)
      transfer:close()
      client:close()
      assert.are.equal(2, ends)
      assert.is_true(helper.same_file(server:path "one", file))
   end)

   if loop.name ~= "blocking" then
      it("says so where nothing can yield, and goes on elsewhere", function()
         local file = target()
         local client = new_client()
         -- No coroutine yields across a function of C.
         local function through_c(action)
            local value, err
            string.gsub("x", "x", function()
               value, err = action()
            end)
            assert.is_nil(value)
            assert.are.equal("YIELD", err.code)
            assert.truthy(err.message:find(loop.name, 1, true))
            assert.truthy(err.message:find('loop = "blocking"', 1, true))
         end
         run(loop, function()
            through_c(function()
               return client:download { object = "one", file = file }
            end)
            local transfer = assert(client:start { object = "one",
               file = file })
            through_c(function()
               return transfer:wait(10)
            end)
            transfer:close()
            assert(client:download { object = "one", file = file,
               busy = "wait" })
         end)
         client:close()
         assert.is_true(helper.same_file(server:path "one", file))
      end)
   end

   it("waits in slices of time", function()
      local file, slices = target(), 0
      server:fault { match = { key = "one" }, delay = 0.5 }
      local client = new_client()
      run(loop, function()
         local transfer = assert(client:start { object = "one", file = file })
         repeat
            local done = assert.is_not_nil(transfer:wait(0.02))
               and transfer:progress().state == "done"
            slices = slices + 1
         until done or slices > 10000
         assert(transfer:result())
         transfer:close()
      end)
      client:close()
      assert.is_true(slices > 1)
      assert.is_true(helper.same_file(server:path "one", file))
   end)

   if loop.nap then
      it("lets others run meanwhile", function()
         local file, turns, released = target(), 0, false
         local client = new_client { max_rate = 100000 }
         run(loop, function()
            assert(client:download { object = "one", file = file })
            assert.is_true(released)
         end, function()
            -- At this rate it would take half a minute: the other coroutine
            -- had its turns while the download waited.
            for _ = 1, 10 do
               loop.nap(0.01)
               turns = turns + 1
            end
            released = true
            client:set_max_rate(0)
         end)
         client:close()
         assert.are.equal(10, turns)
         assert.is_true(helper.same_file(server:path "one", file))
      end)
   end

   describe("a transfer that is closed", function()
      it("ends, and its checkpoint stays usable", function()
         local file = target()
         local client = new_client()
         run(loop, function()
            local transfer = assert(client:start { object = "one",
               file = file })
            transfer:wait(0)
            transfer:close()
            assert(client:download { object = "one", file = file,
               busy = "wait" })
         end)
         client:close()
         assert.is_true(helper.same_file(server:path "one", file))
      end)
   end)
end

--- The block of tests for one loop. Where its library is missing the run says
-- so.
function behaviours.of(name)
   local loop, why = loops.find(name)
   if not loop then
      io.stdout:write("  SKIPPED: ", why, "\n")
      return
   end
   busted.describe("waiting with " .. name, function()
      define(loop)
   end)
end

return behaviours
