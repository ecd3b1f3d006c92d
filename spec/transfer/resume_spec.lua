local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"

local KIB, MIB = fixture.KIB, fixture.MIB

local SIZE = 6 * MIB + 1234
local STOP = 3 * MIB

-- A download that was stopped half way, kept to be copied to each test.
local function stopped(test, extra)
   local folder = require "spec.support.process".folder "spec"
   test:interrupt("object", folder .. "/target", STOP, extra)
   assert(test.oss:settle(60))
   return folder
end

local function copy(folder)
   local file = helper.folder() .. "/target"
   helper.shell(("cp %s/target.part %s.part && cp %s/target.cp %s.cp"):format(
      folder, file, folder, file))
   return file
end

describe("a second run", function()
   local test = fixture.new()
   local folder

   lazy_setup(function()
      test.oss:put_random("object", SIZE)
      folder = stopped(test, { threads = 2 })
   end)

   lazy_teardown(function()
      require "spec.support.process".remove_folder(folder)
   end)

   it("fetches what is missing and nothing else", function()
      local file = copy(folder)
      local result = test:fetch("object", file, { threads = 1 })
      assert.equal(STOP, result.resumed)
      assert.is_nil(result.restarted)
      assert.is_true(result.verified)
      assert.equal(SIZE - result.resumed, test:bytes_sent "object")
   end)

   it("fetches no byte that is there with many connections either",
      function()
         local file = copy(folder)
         local result = test:fetch("object", file, { part_size = 256 * KIB })
         local asked = 0
         for _, request in ipairs(test:requests "object") do
            local first, length = fixture.range(request)
            asked = asked + math.min(length, SIZE - first)
         end
         -- A range may be asked for twice when its end was given away.
         assert.is_true(asked >= SIZE - result.resumed)
         assert.is_true(asked < SIZE)
      end)

   it("counts what was there as done from its first report on", function()
      local first
      local result = assert(test:slowly("object", copy(folder), 100 * KIB,
         function(p)
            if p.state == "running" and not first then
               first = p
               return true
            end
         end))
      assert.equal(STOP, result.resumed)
      assert.equal(STOP, first.bytes_resumed)
      assert.is_true(first.bytes_done >= STOP)
   end)

   for _, change in ipairs {
      { "a smaller part size", { part_size = 64 * KIB } },
      { "a larger part size", { part_size = 64 * MIB } },
      { "an odd part size", { part_size = 333333 } },
      { "one thread", { threads = 1 } },
      { "many threads", { threads = 40 } },
      { "the other way of writing", { direct = true } },
      { "another signature", { signature = "v1" } },
   } do
      it("goes on with " .. change[1], function()
         local result = test:fetch("object", copy(folder), change[2])
         assert.is_true(result.resumed >= STOP)
      end)
   end

   it("goes on after several stops", function()
      local file = helper.folder() .. "/target"
      for i = 1, 4 do
         test:interrupt("object", file, i * MIB, { threads = i })
      end
      assert.equal(4 * MIB, test:fetch("object", file).resumed)
   end)

   it("goes on in another place when both files were moved there",
      function()
         local file = helper.folder() .. "/elsewhere"
         helper.shell(("cp %s/target.part %s.part; cp %s/target.cp %s.cp")
            :format(folder, file, folder, file))
         assert.is_true(test:fetch("object", file).resumed >= STOP)
      end)

   it("may believe the checkpoint unread", function()
      local result = test:fetch("object", copy(folder),
         { verify_resume = false, threads = 1 })
      assert.is_true(result.resumed >= STOP)
      assert.is_false(result.verified)
      assert.equal(SIZE - result.resumed, test:bytes_sent "object")
   end)

   it("is verified even so when there was nothing to believe", function()
      local result = test:fetch("object", test.target(),
         { verify_resume = false })
      assert.is_true(result.verified)
   end)

   it("reads back even so when the partial file has another length",
      function()
         local file = copy(folder)
         helper.truncate(file .. ".part", MIB)
         test:fetch("object", file, { verify_resume = false })
      end)

   it("finds a complete file that only lacked its name", function()
      local file = copy(folder)
      helper.shell(("cat %s > %s.part"):format(
         helper.quote(test.oss:path "object"), helper.quote(file)))
      test:fetch("object", file)
   end)
end)

describe("a checkpoint", function()
   local test = fixture.new()
   local folder

   lazy_setup(function()
      test.oss:put_random("object", SIZE)
      folder = stopped(test)
   end)

   lazy_teardown(function()
      require "spec.support.process".remove_folder(folder)
   end)

   local function started_afresh(file, words)
      local result = test:fetch("object", file)
      assert.equal(0, result.resumed)
      assert.equal("string", type(result.restarted))
      assert.truthy(result.restarted:find(words, 1, true),
         result.restarted)
   end

   it("that is empty is not used", function()
      local file = copy(folder)
      helper.write(file .. ".cp", "")
      started_afresh(file, "empty")
   end)

   it("that is garbage is not used", function()
      local file = copy(folder)
      helper.write(file .. ".cp", ("garbage\n"):rep(1000))
      started_afresh(file, "not a checkpoint")
   end)

   it("that was cut within its header is not used", function()
      local file = copy(folder)
      helper.truncate(file .. ".cp", 1000)
      started_afresh(file, "truncated")
   end)

   for _, offset in ipairs { 24, 32, 40, 48, 64, 320, 1344, 1700, 4090 } do
      it(("with a flipped bit at %d is not used"):format(offset), function()
         local file = copy(folder)
         helper.flip(file .. ".cp", offset)
         started_afresh(file, "damaged")
      end)
   end

   it("of a newer format is not used", function()
      local file = copy(folder)
      helper.patch(file .. ".cp", 16, "\2")
      started_afresh(file, "newer")
   end)

   it("of another object is not used", function()
      test.oss:put_random("other", SIZE, 2)
      local file = copy(folder)
      local result = test:fetch("other", file)
      assert.equal(0, result.resumed)
      assert.equal("string", type(result.restarted))
   end)

   it("of another bucket is not used", function()
      test.oss:put_random("object", SIZE, 1,
         { bucket = test.oss.public_bucket })
      local file = copy(folder)
      local result = test:fetch("object", file,
         { bucket = test.oss.public_bucket })
      assert.equal(0, result.resumed)
      assert.equal("string", type(result.restarted))
   end)

   it("loses only what its damaged records said", function()
      local file = copy(folder)
      helper.flip(file .. ".cp", 4096 + 5)
      local result = test:fetch("object", file)
      assert.is_true(result.resumed > 0)
      assert.is_true(result.resumed < SIZE)
   end)

   it("that was cut within a record loses that record", function()
      local file = copy(folder)
      helper.truncate(file .. ".cp", helper.size(file .. ".cp") - 7)
      local result = test:fetch("object", file)
      assert.is_true(result.resumed > 0)
   end)

   it("with nothing but a header is no loss", function()
      local file = copy(folder)
      helper.truncate(file .. ".cp", 4096)
      assert.equal(0, test:fetch("object", file).resumed)
   end)

   it("with garbage behind its records still counts", function()
      local file = copy(folder)
      helper.write(file .. ".cp", helper.read(file .. ".cp")
         .. ("garbage"):rep(1001))
      assert.is_true(test:fetch("object", file).resumed >= STOP)
   end)

   it("with zeros behind its records still counts", function()
      local file = copy(folder)
      helper.truncate(file .. ".cp", helper.size(file .. ".cp") + 10 * MIB)
      assert.is_true(test:fetch("object", file).resumed >= STOP)
   end)

   it("may lie elsewhere", function()
      local file = helper.folder() .. "/target"
      local place = helper.folder() .. "/my checkpoint"
      test:interrupt("object", file, STOP, { checkpoint = place })
      assert.is_false(helper.exists(file .. ".cp"))
      assert.is_true(helper.exists(place))
      local result = test:fetch("object", file, { checkpoint = place })
      assert.is_true(result.resumed >= STOP)
      assert.is_false(helper.exists(place))
   end)

   it("that lies elsewhere and is damaged is written anew", function()
      local file = helper.folder() .. "/target"
      local place = helper.folder() .. "/my checkpoint"
      test:interrupt("object", file, STOP, { checkpoint = place })
      helper.flip(place, 64)
      local result = test:fetch("object", file, { checkpoint = place })
      assert.equal(0, result.resumed)
      assert.truthy(result.restarted:find("damaged", 1, true))
      assert.is_false(helper.exists(place))
   end)

   for name, bytes in pairs { ["short"] = "dear diary",
      ["long"] = ("dear diary\n"):rep(1000) } do
      it("is not written over another file that is " .. name, function()
         local file = helper.folder() .. "/target"
         local place = helper.folder() .. "/diary"
         helper.write(place, bytes)
         local result, err = test:download("object", file,
            { checkpoint = place })
         assert.is_nil(result)
         assert.equal("checkpoint", err.kind)
         assert.truthy(err.message:find(place, 1, true), err.message)
         assert.equal(bytes, helper.read(place))
         assert.is_false(helper.exists(file))
         os.remove(place)
         test:fetch("object", file, { checkpoint = place })
         assert.is_false(helper.exists(place))
      end)
   end

   it("is not kept when it is turned off", function()
      local file = helper.folder() .. "/target"
      local err = test:interrupt("object", file, STOP, { checkpoint = false })
      assert.is_false(err.resumable)
      assert.is_false(helper.exists(file .. ".cp"))
      local result = test:fetch("object", file, { checkpoint = false })
      assert.equal(0, result.resumed)
   end)

   it("that is a folder gives a clear error", function()
      local file = helper.folder() .. "/target"
      helper.shell("mkdir " .. helper.quote(file .. ".cp"))
      local result, err = test:download("object", file)
      assert.is_nil(result)
      assert.equal("io", err.kind)
      assert.truthy(err.message:find(file .. ".cp", 1, true), err.message)
   end)
end)

describe("a partial file", function()
   local test = fixture.new()
   local folder

   lazy_setup(function()
      test.oss:put_random("object", SIZE)
      folder = stopped(test)
   end)

   lazy_teardown(function()
      require "spec.support.process".remove_folder(folder)
   end)

   it("that was deleted is fetched again", function()
      local file = copy(folder)
      os.remove(file .. ".part")
      local result = test:fetch("object", file)
      assert.equal(0, result.resumed)
      assert.equal("string", type(result.restarted))
   end)

   it("that was cut is fetched again from there", function()
      local file = copy(folder)
      helper.truncate(file .. ".part", 100 * KIB)
      local result = test:fetch("object", file)
      assert.is_true(result.resumed <= 100 * KIB)
   end)

   it("that was emptied is fetched again", function()
      local file = copy(folder)
      helper.truncate(file .. ".part", 0)
      assert.equal(0, test:fetch("object", file).resumed)
   end)

   it("that was lengthened is cut to its size", function()
      local file = copy(folder)
      helper.truncate(file .. ".part", SIZE + 3 * MIB)
      assert.is_true(test:fetch("object", file).resumed >= STOP)
   end)

   it("that lost its first block is mended", function()
      local file = copy(folder)
      helper.patch(file .. ".part", 0, ("\0"):rep(4096))
      local result = test:fetch("object", file)
      assert.is_true(result.resumed > 0)
      assert.is_true(result.resumed < SIZE)
   end)

   it("that is nothing but a hole is fetched again", function()
      local file = copy(folder)
      os.remove(file .. ".part")
      helper.truncate(file .. ".part", SIZE)
      local result = test:fetch("object", file)
      assert.equal(0, result.resumed)
      assert.equal("string", type(result.restarted))
   end)

   it("with flipped bits is mended where they are", function()
      for _, offset in ipairs { 0, 4095, MIB } do
         local file = copy(folder)
         helper.flip(file .. ".part", offset)
         local result = test:fetch("object", file)
         assert.is_true(result.resumed > 0)
      end
   end)

   it("that was swapped for another one is fetched again", function()
      test.oss:put_random("other", SIZE, 2)
      local file = copy(folder)
      helper.shell(("cp %s %s.part"):format(
         helper.quote(test.oss:path "other"), helper.quote(file)))
      assert.equal(0, test:fetch("object", file).resumed)
   end)

   it("without its checkpoint is fetched again", function()
      local file = copy(folder)
      os.remove(file .. ".cp")
      local result = test:fetch("object", file)
      assert.equal(0, result.resumed)
   end)
end)

describe("an object that changed between two runs", function()
   local test = fixture.new()
   local file

   before_each(function()
      test.oss:put_random("changing", SIZE)
      file = helper.folder() .. "/target"
      test:interrupt("changing", file, STOP)
   end)

   local function started_afresh()
      local result = test:fetch("changing", file)
      assert.equal(0, result.resumed)
      assert.equal("string", type(result.restarted))
   end

   it("is fetched anew when it has the same length", function()
      test.oss:put_random("changing", SIZE, 2)
      started_afresh()
   end)

   it("is fetched anew when it is longer", function()
      test.oss:put_random("changing", SIZE + MIB, 2)
      started_afresh()
   end)

   it("is fetched anew when it is shorter", function()
      test.oss:put_random("changing", SIZE - MIB, 2)
      started_afresh()
   end)

   it("is fetched anew when it is so short that nothing was missing",
      function()
         test.oss:put_random("changing", 1000, 2)
         started_afresh()
      end)

   it("is fetched anew when it is empty", function()
      test.oss:put("changing", "")
      started_afresh()
   end)

   it("leaves the checkpoint when it is gone", function()
      test.oss:remove "changing"
      local result, err = test:download("changing", file)
      assert.is_nil(result)
      assert.equal("NoSuchKey", err.code)
      assert.is_true(err.resumable)
      test.oss:put_random("changing", SIZE)
      assert.is_true(test:fetch("changing", file).resumed >= STOP)
   end)
end)
