--- A partial file that does not hold what was received: bits that come wrong,
--- and other programs that touch it.

local ossdl = require "ossdl"

local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"

local KIB, MIB = fixture.KIB, fixture.MIB

-- Opens a file for reading again and again.
local READER = [==[
local sleep = require "socket".sleep
io.stdout:write "begun\n"
io.stdout:flush()
while true do
   for _ = 1, 100 do
      local file = io.open(arg[1], "rb")
      if file then
         file:read(1)
         file:close()
      end
   end
   sleep(0.0001)
end
]==]

describe("bytes that come wrong", function()
   local test = fixture.new()
   local SIZE = 4 * MIB + 99

   before_each(function()
      test.oss:put_random("object", SIZE)
   end)

   for _, case in ipairs {
      { "in the first request", { flip = 1000 }, 1 },
      { "in a later request", { flip = 1000 }, 3 },
   } do
      it(case[1] .. " are noticed and fetched once more", function()
         local fault = case[2]
         fault.match = { key = "object", nth = case[3] }
         local id = test.oss:fault(fault)
         local result = test:fetch("object", test.target(),
            { part_size = 512 * KIB })
         assert.equal(1, test.oss:fired(id))
         assert.is_true(result.verified)
         assert.is_true(test:bytes_sent "object" >= SIZE + MIB)
      end)
   end

   it("in a small object are fetched once more", function()
      test.oss:put_random("small", 1000)
      test.oss:fault { match = { key = "small" }, flip = 500 }
      local result = test:fetch("small", test.target())
      assert.is_true(result.verified)
      assert.equal(2, result.requests)
   end)

   it("twice end the download, and nothing of it is kept", function()
      test.oss:fault { match = { key = "object", times = false },
         flip = 1000 }
      local file = test.target()
      local result, err = test:download("object", file)
      assert.is_nil(result)
      assert.equal("checksum", err.kind)
      assert.is_false(err.resumable)
      assert.same({}, helper.files(file:match "^(.*)/"))
      test.oss:clear()
      assert.equal(0, test:fetch("object", file).resumed)
   end)

   it("twice in a small object end the download as well", function()
      test.oss:put_random("small", 1000)
      test.oss:fault { match = { key = "small", times = false }, flip = 500 }
      local file = test.target()
      local _, err = test:download("small", file)
      assert.equal("checksum", err.kind)
      assert.same({}, helper.files(file:match "^(.*)/"))
   end)

   it("against a CRC-64 that is wrong itself end the download", function()
      test.oss:put_random("lie", SIZE, 1, { crc64 = "1" })
      local _, err = test:download("lie", test.target())
      assert.equal("checksum", err.kind)
   end)

   it("are fetched once more beside a checkpoint of nothing", function()
      local file = test.target()
      test:interrupt("object", file, 2 * MIB)
      helper.truncate(file .. ".cp", 4096)
      local id = test.oss:fault { match = { key = "object" }, flip = 1000 }
      local result = test:fetch("object", file)
      assert.equal(1, test.oss:fired(id))
      assert.is_true(result.verified)
      assert.equal(0, result.resumed)
   end)

   it("in an earlier run are fetched once more", function()
      test.oss:fault { match = { key = "object" }, flip = 1000 }
      local file = test.target()
      test:interrupt("object", file, 2 * MIB)
      test.oss:clear()
      local result = test:fetch("object", file)
      assert.is_true(result.verified)
   end)
end)

describe("a partial file that is touched while it is written", function()
   local test = fixture.new()
   local SIZE = 10 * MIB

   before_each(function()
      test.oss:put_random("object", SIZE)
   end)

   -- Downloads, and calls `touch` once when the first blocks are written.
   local function while_touching(touch, extra)
      local file, touched = test.target(), false
      local all = { threads = 2, part_size = 512 * KIB }
      for name, value in pairs(extra or {}) do
         all[name] = value
      end
      local result, err = test:slowly("object", file, 5 * MIB, function(p)
         if p.bytes_done >= 3 * MIB and not touched then
            touched = true
            touch(file .. ".part")
            return true
         end
      end, all)
      assert.is_true(touched)
      return result, err, file
   end

   local function is_mended(touch, extra)
      local result, err, file = while_touching(touch, extra)
      assert(result, tostring(err))
      test:check("object", file)
      return result
   end

   it("is mended when a bit was changed", function()
      is_mended(function(part)
         helper.flip(part, 1000)
      end)
   end)

   it("is mended when a stretch was overwritten", function()
      is_mended(function(part)
         helper.patch(part, 100 * KIB, ("x"):rep(700 * KIB))
      end)
   end)

   it("is mended when it was cut", function()
      is_mended(function(part)
         helper.truncate(part, 100 * KIB)
      end)
   end)

   it("is mended when it was emptied and is written directly", function()
      test.oss:put_random("object", 20 * MIB)
      is_mended(function(part)
         helper.truncate(part, 0)
      end, { direct = true })
   end)

   it("is never taken as it is when it was lengthened", function()
      local result, err, file = while_touching(function(part)
         helper.truncate(part, SIZE + 12345)
      end)
      if not result then
         assert.equal("io", err.kind)
         assert.is_true(err.resumable)
         assert.is_false(helper.exists(file))
         assert.is_true(test:fetch("object", file).resumed > 0)
      end
      test:check("object", file)
   end)

   it("is good when it was only read", function()
      is_mended(function(part)
         assert(helper.read(part))
      end)
   end)

   if not fixture.quick then
      -- What was not written to for two seconds may be read by anybody.
      it("is good when it is read again and again", function()
         test.oss:put_random("object", 64 * MIB)
         local file = test.target()
         local child = helper.spawn { code = READER,
            args = { file .. ".part" } }
         assert(helper.eventually(function()
            return child:output() ~= ""
         end, 60))
         local result = test:fetch("object", file)
         assert.is_nil(child:status())
         assert.is_true(result.verified)
      end)
   end

   it("is read back again when all of it was fetched again", function()
      test.oss:put_random("object", 4 * MIB)
      test.oss:fault { match = { key = "object", range_start = 2 * MIB }, flip = 100000 }
      local file = test.target()
      -- Open before the download, so that nobody is told of it.
      io.open(file .. ".part", "wb"):close()
      local early = assert(io.open(file .. ".part", "r+b"))
      early:setvbuf "no"
      local client = ossdl.new(test:client_options { max_rate = 4 * MIB, max_threads = 1, bucket = test.oss.bucket })
      local transfer = assert(client:start {
         object = "object", file = file, threads = 1, part_size = MIB, read_back = true,
      })
      assert(helper.eventually(function()
         return #test.oss:requests "object" >= 4 + 3
      end, 60))
      early:seek("set", 1000)
      early:write "CORRUPT"
      assert.is_true(transfer:wait())
      assert(transfer:result())
      early:close()
      client:close()
      test:check("object", file)
   end)

   it("ends the download with a clear error when it was deleted", function()
      local result, err, file = while_touching(function(part)
         os.remove(part)
      end)
      assert.is_nil(result)
      assert.equal("io", err.kind)
      assert.truthy(err.message:find(file .. ".part", 1, true), err.message)
      assert.is_false(helper.exists(file))
   end)

   it("ends the download with a clear error when it was replaced", function()
      local result, err, file = while_touching(function(part)
         os.remove(part)
         helper.write(part, "something else")
      end)
      assert.is_nil(result)
      assert.equal("io", err.kind)
      assert.is_false(helper.exists(file))
      assert.equal("something else", helper.read(file .. ".part"))
   end)

   it("goes on when its checkpoint was deleted", function()
      is_mended(function(part)
         os.remove((part:gsub("%.part$", ".cp")))
      end)
   end)
end)
