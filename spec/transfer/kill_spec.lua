local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"

local KIB, MIB = fixture.KIB, fixture.MIB

local SIZE = 20 * MIB + 4321
local THREADS = 4
-- What a connection may lose: one block.
local BLOCK = MIB
local KILLS = fixture.quick and 8 or 20

-- A download that tells what it has after every report, in a file that is
-- replaced and so is never half written.
local PROGRAM = [==[
local ossdl = require "ossdl"
local note = arg[1]
local options = { proxy = "", progress_interval = 0.01 }
for i = 2, #arg, 2 do
   options[arg[i]] = tonumber(arg[i + 1]) or arg[i + 1]
end
function options.on_progress(p)
   local file = assert(io.open(note .. ".new", "w"))
   file:write(("%d %d"):format(p.bytes_done, p.bytes_resumed))
   file:close()
   assert(os.rename(note .. ".new", note))
end
local result, err = ossdl.download(options)
assert(result, tostring(err))
print(result.resumed)
]==]

local function words(options)
   local list = {}
   for name, value in pairs(options) do
      list[#list + 1] = name
      list[#list + 1] = tostring(value)
   end
   return list
end

describe("a download that is killed", function()
   local test = fixture.new()

   local function start(file, note, extra)
      local options = test:options("object", file, extra)
      options.proxy = nil
      local args = words(options)
      table.insert(args, 1, note)
      return helper.spawn { code = PROGRAM, args = args }
   end

   local function noted(note)
      local text = helper.read(note)
      if text then
         local done, resumed = text:match "^(%d+) (%d+)$"
         return tonumber(done), tonumber(resumed)
      end
      return 0, 0
   end

   -- Kills one run: as soon as it has fetched `bytes`, or after `seconds`
   -- without looking. Gives what it had told last.
   local function kill(file, note, bytes, seconds)
      os.remove(note)
      local child = start(file, note, { threads = THREADS,
         part_size = 3 * MIB })
      if seconds then
         helper.sleep(seconds)
      else
         assert(helper.eventually(function()
            local done, resumed = noted(note)
            return done - resumed >= bytes or child:status()
         end, 60), "the download does not move")
      end
      child:kill "KILL"
      local how, number = child:wait(60)
      assert(how == "signal" and number == 9 or how == "exit" and number == 0,
         child:errors())
      return noted(note), how == "exit"
   end

   it("goes on each time, loses a block per connection at most, and is right "
      .. "in the end", function()
         test.oss:put_random("object", SIZE)
         test.oss:fault { match = { key = "object", times = false },
            rate = MIB }
         math.randomseed(20240311)
         local file, note = test.target(), helper.folder() .. "/note"
         local had, kills = 0, 0
         for i = 1, KILLS do
            local last, ended
            if i % 3 == 0 then
               last, ended = kill(file, note, nil, math.random() * 0.5)
            else
               last, ended = kill(file, note,
                  math.random(KIB, math.floor((SIZE - had) / 3)))
            end
            if ended then
               break
            end
            kills = kills + 1
            had = math.max(had, last)
            -- Nothing of it is under its name before it is complete.
            assert.is_false(helper.exists(file))
         end
         assert.is_true(kills >= 3)
         test.oss:clear()
         if not helper.exists(file) then
            local before = had - THREADS * BLOCK
            local result = test:fetch("object", file, { threads = THREADS })
            assert.is_true(result.resumed >= before,
               ("%d resumed after %d"):format(result.resumed, had))
         end
         test:check("object", file)
         -- The log counts what was sent: also what the killed process had not
         -- read, which is a second's worth at the start of a connection.
         local most = SIZE + kills * THREADS * (BLOCK + MIB)
         assert.is_true(test:bytes_sent "object" <= most)
      end)

   it("loses at most a block per connection of what it had told", function()
      test.oss:put_random("object", SIZE)
      local file, note = test.target(), helper.folder() .. "/note"
      for _ = 1, fixture.quick and 2 or 6 do
         test.oss:fault { match = { key = "object", times = false },
            rate = 2 * MIB }
         local had = kill(file, note, math.floor(1.2 * THREADS * BLOCK))
         test.oss:clear()
         local result
         local _, err = test:download("object", file, { threads = THREADS,
            progress_interval = 0.01, max_rate = 100 * KIB,
            on_progress = function(p)
               result = p
               return p.state ~= "running"
            end })
         assert.equal("cancelled", err.kind)
         assert.is_true(result.bytes_resumed >= had - THREADS * BLOCK)
      end
      test:fetch("object", file)
   end)

   it("goes on where it stopped after SIGTERM", function()
      test.oss:put_random("object", SIZE)
      local file, note = test.target(), helper.folder() .. "/note"
      local child = start(file, note, { max_rate = 8 * MIB })
      assert(helper.eventually(function()
         return noted(note) >= 6 * MIB
      end, 60))
      child:kill "TERM"
      assert.equal("signal", (child:wait(60)))
      assert.is_true(test:fetch("object", file).resumed > 0)
   end)

   it("holds the target only while it lives", function()
      test.oss:put_random("object", SIZE)
      local file, note = test.target(), helper.folder() .. "/note"
      local child = start(file, note, { max_rate = MIB })
      assert(helper.eventually(function()
         return noted(note) > 0
      end, 60))
      local result, err = test:download("object", file)
      assert.is_nil(result)
      assert.equal("busy", err.kind)
      child:kill "KILL"
      child:wait(60)
      test:fetch("object", file)
   end)
end)
