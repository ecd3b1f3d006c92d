--- Whatever stands in the checkpoint, the file is right in the end.

local ossdl = require "ossdl"
local helper = require "spec.helper"
local oss = require "spec.support.oss"
local scene = require "spec.torture.scene"

local SIZE = 3 * 1024 * 1024

describe("a checkpoint", function()
   local server, object, part, checkpoint, other

   -- Left by a run that was cancelled in the midst.
   local function interrupt(key)
      local folder = helper.folder()
      local result = ossdl.download(server:options {
         object = key, file = folder .. "/target", threads = 3, part_size = 131072, progress_interval = 0.05,
         max_rate = 2000000,
         on_progress = function(p) return p.bytes_done < SIZE / 2 end,
      })
      assert(not result)
      return scene.read(folder .. "/target.part"), scene.read(folder .. "/target.cp")
   end

   lazy_setup(function()
      server = oss.start {}
      object = scene.noise(SIZE)
      server:put("object", object, { etag = '"same"' })
      server:put("other", scene.noise(SIZE, 99), { etag = '"same"' })
      part, checkpoint = interrupt("object")
      local _
      _, other = interrupt("other")
   end)

   lazy_teardown(function()
      server:stop()
   end)

   scene.guard()

   local function resume(note, cp, data)
      local options = server:options {
         object = "object", file = helper.folder() .. "/target", threads = 2, durable = false,
      }
      scene.write(options.file .. ".part", data or part)
      scene.write(options.file .. ".cp", cp)
      local result, err = ossdl.download(options)
      assert(result, note .. ": " .. tostring(err))
      assert(scene.read(options.file) == object, note .. ": a wrong file and a success")
      os.remove(options.file) -- thousands of them would fill the disk
      return result
   end

   it("that is whole is used", function()
      local result = resume("whole", checkpoint)
      assert.is_true(result.resumed > 0)
      assert.is_nil(result.restarted)
   end)

   it("cut at any byte is used as far as it goes, or not at all", function()
      local lengths = {}
      for length = 0, #checkpoint - 1 do lengths[#lengths + 1] = length end
      for _, length in ipairs(scene.sample(lengths, 15)) do
         resume("cut at " .. length, checkpoint:sub(1, length))
      end
   end)

   it("with any bit flipped never makes a wrong file", function()
      local places = {}
      for at = 1, #checkpoint do
         for bit = 0, 7 do places[#places + 1] = { at, bit } end
      end
      for _, place in ipairs(scene.sample(places, 30)) do
         local at, bit = place[1], 2 ^ place[2]
         local byte = checkpoint:byte(at)
         local flipped = math.floor(byte / bit) % 2 == 0 and byte + bit or byte - bit
         resume(("bit %d of byte %d"):format(place[2], at),
            checkpoint:sub(1, at - 1) .. string.char(flipped) .. checkpoint:sub(at + 1))
      end
   end)

   it("whose records are doubled, in another order, or of another file never makes a wrong file", function()
      local header, records = checkpoint:sub(1, 4096), {}
      for at = 4097, #checkpoint - 31, 32 do records[#records + 1] = checkpoint:sub(at, at + 31) end
      local reversed = {}
      for i = #records, 1, -1 do reversed[#reversed + 1] = records[i] end
      local all = table.concat(records)
      resume("doubled", header .. all .. all)
      resume("reversed", header .. table.concat(reversed))
      resume("records of the other object", header .. other:sub(4097))
      resume("zeros between", header .. ("\0"):rep(3200) .. all)
      resume("noise behind", checkpoint .. scene.noise(5000, 3))
   end)

   it("of another object with the same size and ETag is not used", function()
      local result = resume("foreign", other)
      assert.equal(0, result.resumed)
      assert.truthy(result.restarted)
   end)

   it("is not believed about a file that was cut, emptied, swapped or changed", function()
      resume("empty", checkpoint, "")
      resume("cut", checkpoint, part:sub(1, 100000))
      resume("longer", checkpoint, part .. ("x"):rep(100000))
      resume("zeros", checkpoint, ("\0"):rep(#part))
      resume("other content", checkpoint, scene.noise(#part, 5))
      resume("one bit", checkpoint, part:sub(1, 999) .. string.char((part:byte(1000) + 1) % 256) .. part:sub(1001))
   end)
end)
