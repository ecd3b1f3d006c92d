--- What the command shows of a download's progress and result.

local report = require "ossdl.cli.report"

-- The defaults, but for some fields.
local function with(fields, defaults)
   return setmetatable(fields, { __index = defaults })
end

describe("the command's line", function()
   local MIB = 1024 * 1024

   local function line(fields)
      return report.line(with(fields,
         { state = "running", bytes_done = 0, rate = 0, connections = 8, retries = 0 }))
   end

   it("tells the state until the size is known", function()
      assert.equal("opening  1 connection", line { state = "opening", connections = 1 })
   end)

   it("tells how much of what, how fast and how long", function()
      assert.equal(" 42 %  430.1 of 1024.0 MiB  83.2 MiB/s  0:07 to go  8 connections",
         line { bytes_done = 451000000, bytes_total = 1024 * MIB, rate = 83.2 * MIB, eta = 7.2 })
   end)

   it("has no time to go when that cannot be told", function()
      assert.equal("  0 %  0.0 of 1.0 MiB  0.0 MiB/s  8 connections", line { bytes_total = MIB })
   end)

   it("copes with an empty object", function()
      assert.equal("  0 %  0.0 of 0.0 MiB  0.0 MiB/s  0 connections  1 retry",
         line { bytes_total = 0, connections = 0, retries = 1 })
   end)

   it("fits into 80 columns, however large and slow", function()
      local text = line { bytes_done = 48e12, bytes_total = 48.8e12, rate = 10000 * MIB, eta = 1e15,
         connections = 1024 }
      assert.equal(" 98 %  44703.5 of 45448.5 GiB  10000.0 MiB/s  99:59:59 to go  1024 connections", text)
      assert.is_true(#text <= 80)
   end)

   it("leaves out what matters least where all does not fit", function()
      local fields = { bytes_done = 9.1 * 1024 * MIB, bytes_total = 9.9 * 1024 * MIB, rate = 123.4 * MIB, eta = 3661,
         connections = 16 }
      local text = " 91 %  9318.4 of 10137.6 MiB  123.4 MiB/s  1:01:01 to go  16 connections"
      assert.equal(text, line(fields))
      fields.retries = 10
      assert.equal(text, line(fields))
      for _, total in ipairs { 0, 1, MIB, 9.9 * 1024 * MIB, 48.8e12, 2 ^ 53 } do
         for _, retries in ipairs { 0, 1, 1000000 } do
            for _, eta in ipairs { 7, 3661, 1e15 } do
               text = line { bytes_done = total, bytes_total = total, rate = 1e5 * MIB, eta = eta,
                  connections = 1024, retries = retries }
               assert.is_true(#text <= 80, text)
               assert.truthy(text:find("100000.0 MiB/s", 1, true), text)
            end
         end
      end
   end)
end)

describe("the command's last line", function()
   local function line(fields)
      return report.result(with(fields,
         { file = "f", bytes = 1048576, elapsed = 2, verified = true, resumed = 0 }))
   end

   it("counts only what was fetched into the speed", function()
      assert.equal("f: 1048576 bytes in 2.0 s (0.5 MiB/s), CRC-64 verified", line {})
      assert.equal("f: 1048576 bytes in 2.0 s (0.0 MiB/s), CRC-64 verified, 1048576 of them from an earlier run",
         line { resumed = 1048576 })
   end)

   it("tells what could not be verified, and why it started afresh", function()
      assert.equal("f: 1048576 bytes in 2.0 s (0.5 MiB/s), not verified against the service; started afresh: reason",
         line { verified = false, restarted = "reason" })
   end)
end)
