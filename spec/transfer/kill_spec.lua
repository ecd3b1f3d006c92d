local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"

local KIB, MIB = fixture.KIB, fixture.MIB

local SIZE = 20 * MIB + 4321
-- What a connection may lose: one block.
local BLOCK = MIB
local KILLS = fixture.quick and 20 or 100
-- So many kills for each number of threads.
local THREADS = fixture.quick and { 4 } or { 1, 4, 16 }

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
   file:write(("%d %d %s"):format(p.bytes_done, p.bytes_resumed, p.state))
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

   -- What a run has told last: bytes done, bytes resumed, state.
   local function noted(note)
      local text = helper.read(note) or "0 0 none"
      local done, resumed, state = text:match "^(%d+) (%d+) (%a+)$"
      return tonumber(done), tonumber(resumed), state
   end

   -- Kills one run: as soon as it has fetched `bytes`, or without looking
   -- after `seconds`. Whether it was complete before that.
   local function kill(file, note, options, bytes, seconds)
      os.remove(note)
      local child = start(file, note, options)
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
      return how == "exit"
   end

   for _, threads in ipairs(THREADS) do
      it(("goes on each time, loses a block per connection at most, and is "
         .. "right in the end, with %d threads"):format(threads), function()
         -- Each run gets four MiB at once, and then four a second.
         test.oss:put_random("object", KILLS * 5 * MIB + 4321)
         test.oss:fault { match = { key = "object", times = false },
            rate = MIB }
         math.randomseed(20240311 + threads)
         local file, note = test.target(), helper.folder() .. "/note"
         local options = { threads = threads, part_size = 3 * MIB }
         local had, kills = 0, 0
         while kills < KILLS and not helper.exists(file) do
            kills = kills + 1
            if kills % 3 == 0 then
               kill(file, note, options, nil, math.random() * 0.3)
            else
               kill(file, note, options,
                  math.random(KIB, 5 * MIB))
            end
            local done, resumed, state = noted(note)
            if state == "running" then
               assert.is_true(resumed >= had - threads * BLOCK)
            end
            had = math.max(had, done)
         end
         assert.is_true(kills >= 3)
         test.oss:clear()
         if not helper.exists(file) then
            local result = test:fetch("object", file, { threads = threads })
            assert.is_true(result.resumed >= had - threads * BLOCK,
               ("%d resumed after %d"):format(result.resumed, had))
         end
         test:check("object", file)
      end)
   end

   it("fetches a block again and not a part", function()
      test.oss:put_random("object", SIZE)
      test.oss:fault { match = { key = "object", times = false },
         rate = 4 * MIB }
      local file, note = test.target(), helper.folder() .. "/note"
      local complete = kill(file, note, { threads = 1,
         part_size = 64 * MIB }, 9 * MIB)
      test.oss:clear()
      local result = test:fetch("object", file, { threads = 1 })
      if not complete then
         assert.is_true(result.resumed >= noted(note) - BLOCK)
         -- The service counts what it has sent, read or not: that may be a
         -- second's worth more.
         assert.is_true(test:bytes_sent "object" <= SIZE + BLOCK + 4 * MIB)
      end
   end)

   it("goes on where it stopped after SIGTERM", function()
      test.oss:put_random("object", SIZE)
      local file, note = test.target(), helper.folder() .. "/note"
      local child = start(file, note, { max_rate = 8 * MIB })
      assert(helper.eventually(function()
         return noted(note) >= 6 * MIB
      end, 60))
      child:kill "TERM"
      assert.same({ "signal", 15 }, { child:wait(60) })
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
