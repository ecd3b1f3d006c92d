--- Many transfers of one client: who gets the next turn.

local ossdl = require "ossdl"

local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"

local KIB, MIB = fixture.KIB, fixture.MIB
local SMALL = 30

describe("transfers of one client", function()
   local test = fixture.new()

   it("take turns: small ones do not wait for a large one, nor it for them", function()
      test.oss:put_random("large", 4 * MIB)
      test.oss:put_random("small", 10 * KIB)
      test.oss:reset_log()
      local folder = helper.folder()
      local client = ossdl.new(test:client_options { max_threads = 1, bucket = test.oss.bucket })
      local transfers = { assert(client:start {
         object = "large", file = folder .. "/large", threads = 1, part_size = 128 * KIB,
      }) }
      for i = 1, SMALL do
         transfers[i + 1] = assert(client:start { object = "small", file = folder .. "/" .. i })
      end
      for _, transfer in ipairs(transfers) do
         assert.is_true(transfer:wait())
         assert(transfer:result())
      end
      client:close()
      local large, small, both = 0, 0, 0
      for _, request in ipairs(test.oss:requests()) do
         if request.key == "large" then
            large = large + 1
         else
            small = small + 1
            both = math.max(both, math.min(large, small))
         end
      end
      assert.equal(32, large)
      assert.equal(SMALL, small)
      -- Half of each had its turn before the other was through.
      assert.is_true(both >= SMALL / 2, both .. " turns of each")
   end)

   it("leave a healthy request alone when others fail beside it", function()
      test.oss:put_random("large", 4 * MIB)
      test.oss:fault { match = { key = "large", times = false }, rate = MIB }
      local folder = helper.folder()
      local client = ossdl.new(test:client_options { max_threads = 2, bucket = test.oss.bucket })
      local large = assert(client:start {
         object = "large", file = folder .. "/large", threads = 1, part_size = 4 * MIB,
      })
      for i = 1, 40 do
         local result, err = client:download { object = "missing", file = folder .. "/" .. i }
         assert.is_nil(result)
         assert.equal("NoSuchKey", err.code)
      end
      assert.is_true(large:wait())
      assert.equal(1, assert(large:result()).requests)
      client:close()
   end)

   it("do not wait for those that wait for somebody else's file", function()
      test.oss:put_random("held", MIB)
      test.oss:put("free", "free")
      local folder = helper.folder()
      local holder = ossdl.new(test:client_options { max_rate = 1000, bucket = test.oss.bucket })
      local held = assert(holder:start { object = "held", file = folder .. "/held" })
      assert(helper.eventually(function()
         return helper.exists(folder .. "/held.part")
      end, 60))
      local client = ossdl.new(test:client_options { max_threads = 1, bucket = test.oss.bucket })
      for _ = 1, 4 do
         assert(client:start { object = "held", file = folder .. "/held", busy = "wait" })
      end
      local free = assert(client:start { object = "free", file = folder .. "/free" })
      assert.is_true((free:wait(60)))
      assert(free:result())
      assert.is_false((held:poll()))
      client:close()
      holder:close()
   end)
end)
