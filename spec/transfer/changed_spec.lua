local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"

local MIB = fixture.MIB

describe("an object that is replaced during the download", function()
   local test = fixture.new()
   local SIZE = 4 * MIB

   before_each(function()
      test.oss:put_random("object", SIZE, 1)
   end)

   -- Calls `act` when the first bytes are there.
   local function meanwhile(file, act, extra)
      local all = { part_size = 512 * 1024, threads = 2 }
      for name, value in pairs(extra or {}) do
         all[name] = value
      end
      local acted = false
      local result, err = test:slowly("object", file, MIB, function(p)
         if p.bytes_done > 0 and not acted then
            acted = true
            act()
            return true
         end
      end, all)
      assert.is_true(acted)
      return result, err
   end

   local function replacing(file, size, extra)
      return meanwhile(file, function()
         test.oss:put_random("object", size, 2)
      end, extra)
   end

   for _, size in ipairs { SIZE, SIZE + MIB, SIZE - MIB, MIB + 5 } do
      it(("by one of %d bytes ends it as changed"):format(size), function()
         local file = test.target()
         local result, err = replacing(file, size)
         assert.is_nil(result)
         assert.equal("changed", err.kind)
         assert.is_true(err.retryable)
         assert.is_false(helper.exists(file))
         result = test:fetch("object", file)
         assert.equal(0, result.resumed)
      end)

      it(("by one of %d bytes is fetched with on_change = \"restart\"")
         :format(size), function()
            local file = test.target()
            local result, err = replacing(file, size,
               { on_change = "restart" })
            assert(result, tostring(err))
            test:check("object", file)
            assert.equal(size, result.bytes)
            assert.is_true(result.verified)
            assert.truthy(result.restarted:find("changed", 1, true))
         end)
   end

   it("by a smaller one never has more bytes done than there are",
      function()
         test.oss:put_random("object", 10 * MIB, 1)
         local file, acted, most = test.target(), false, 0
         local result, err = test:slowly("object", file, 4 * MIB,
            function(p)
               most = math.max(most, p.bytes_done - p.bytes_total)
               if p.bytes_done > 2 * MIB and not acted then
                  acted = true
                  test.oss:put_random("object", MIB, 2)
                  return true
               end
            end, { part_size = 256 * 1024, on_change = "restart" })
         assert(result, tostring(err))
         assert.is_true(acted)
         test:check("object", file)
         assert.equal(0, most)
      end)

   it("and then deleted ends it", function()
      local _, err = meanwhile(test.target(), function()
         test.oss:remove "object"
      end)
      assert.equal("NoSuchKey", err.code)
   end)

   it("by an answer with 412 ends it as changed", function()
      test.oss:fault { match = { key = "object", nth = 3 }, changed = true }
      local _, err = test:download("object", test.target(), { threads = 1 })
      assert.equal("changed", err.kind)
      assert.equal(412, err.status)
   end)

   it("by an answer with another ETag ends it as changed", function()
      test.oss:fault { match = { key = "object", nth = 3 },
         etag = '"00000000000000000000000000000000"' }
      local _, err = test:download("object", test.target(), { threads = 1 })
      assert.equal("changed", err.kind)
   end)

   it("by an answer with another size ends it as changed", function()
      test.oss:fault { match = { key = "object", nth = 2 },
         content_range = ("bytes %d-%d/%d"):format(MIB, 2 * MIB - 1,
            SIZE + 1) }
      local _, err = test:download("object", test.target(), { threads = 1,
         part_size = MIB })
      assert.equal("changed", err.kind)
   end)

   it("is started over a few times only", function()
      test.oss:fault { match = { key = "object", nth = 2, times = false },
         changed = true }
      local result, err = test:download("object", test.target(),
         { on_change = "restart", threads = 1 })
      assert.is_nil(result)
      assert.equal("changed", err.kind)
   end)
end)
