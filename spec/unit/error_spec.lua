local fake_core = require "spec.unit.fake_core"

describe("an error", function()
   local core, errors

   before_each(function()
      core = fake_core.install()
      errors = require "ossdl.error"
   end)

   after_each(fake_core.remove)

   it("made by the binding prints as one line", function()
      local err = core.error("service", "The specified key does not exist.")
      err.code, err.status, err.request_id = "NoSuchKey", 404, "5C3D"
      assert.equal("NoSuchKey: The specified key does not exist. "
         .. "(404, request 5C3D)", tostring(err))
      err.ec = "0026-00000001"
      assert.equal("NoSuchKey: The specified key does not exist. "
         .. "(404, request 5C3D, EC 0026-00000001)", tostring(err))
   end)

   it("without a code is titled by its kind", function()
      assert.equal("io: it broke", tostring(core.error("io", "it broke")))
   end)

   it("joins with strings and numbers on either side", function()
      local err = core.error("io", "it broke")
      assert.equal("failed: io: it broke", "failed: " .. err)
      assert.equal("io: it broke!", err .. "!")
      assert.equal("io: it broke1", err .. 1)
      assert.equal("io: it brokeio: it broke", err .. err)
   end)

   it("is told from other values", function()
      assert.is_true(errors.is(core.error("io", "x")))
      assert.is_true(errors.is(errors.new { kind = "io", message = "x" }))
      for _, value in ipairs { {}, "io", 1, true, setmetatable({}, {}) } do
         assert.is_false(errors.is(value))
      end
      assert.is_false(errors.is(nil))
   end)

   it("made in Lua has the fields that programs look at", function()
      local err = errors.new { kind = "credentials", message = "a\nb",
         code = "C", resumable = true }
      assert.equal("credentials", err.kind)
      assert.equal("a b", err.message)
      assert.equal("C", err.code)
      assert.is_false(err.retryable)
      assert.is_true(err.resumable)
      assert.equal(0, err.attempts)
   end)

   it("passes through assert as it is", function()
      local err = core.error("io", "x")
      local ok, caught = pcall(function()
         assert(nil, err)
      end)
      assert.is_false(ok)
      -- Where luassert has replaced assert, it passes tables on as well.
      assert.equal(tostring(err), tostring(caught))
   end)

   it("has a kind that is listed with its meaning", function()
      assert.equal("meaning of io", errors.kinds.io)
      assert.is_nil(errors.kinds.ok)
   end)

   it("makes one short line of anything", function()
      assert.equal("a b", errors.line "a\r\n\tb")
      assert.equal("nil", errors.line(nil))
      assert.equal(500, #errors.line(("x"):rep(10000)))
      local sore = setmetatable({}, { __tostring = function()
         error "no"
      end })
      assert.equal("a table that cannot be printed", errors.line(sore))
   end)
end)
