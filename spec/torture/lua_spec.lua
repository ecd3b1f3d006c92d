--- What a program can do to a client and its transfers.

local ossdl = require "ossdl"
local helper = require "spec.helper"
local oss = require "spec.support.oss"
local scene = require "spec.torture.scene"

local SIZE = 4 * 1024 * 1024

describe("a program", function()
   local server

   lazy_setup(function()
      server = oss.start {}
      server:put_random("object", SIZE)
   end)

   lazy_teardown(function()
      server:stop()
   end)

   scene.guard()

   local function slow()
      server:clear()
      server:fault { match = { times = false }, rate = 400000 }
   end

   local function start()
      local options = server:options {}
      local client = ossdl.new(options)
      local transfer = assert(client:start {
         bucket = server.bucket, object = "object", file = helper.folder() .. "/target", threads = 3,
      })
      return client, transfer
   end

   for _, order in ipairs { "the client first", "the transfer first" } do
      it("may forget both in any order while it runs: " .. order, function()
         slow()
         local client, transfer = start()
         transfer:wait(0.2)
         if order == "the client first" then
            client = nil
            collectgarbage()
            transfer:wait(0.05)
            transfer = nil
         else
            transfer = nil
            collectgarbage()
            client:start { bucket = server.bucket, object = "object", file = helper.folder() .. "/second" }
            client = nil
         end
         scene.collect()
         assert.is_nil(client or transfer)
      end)
   end

   for _, delay in ipairs { 0, 0.01, 0.1, 0.4 } do
      it(("may close in the midst, %s s after the start"):format(delay), function()
         slow()
         local client, transfer = start()
         transfer:wait(delay)
         client:close()
         local result, err = transfer:result()
         assert.is_nil(result)
         assert.equal("closed", err.kind)
         transfer:close()
         assert.equal("closed", select(2, transfer:result()).kind)
         client:close()
      end)
   end

   it("may raise in on_progress, and sees its own error", function()
      slow()
      local options = server:options { object = "object", file = helper.folder() .. "/target" }
      options.on_progress = function() error("my own mistake") end
      local ok, message = pcall(ossdl.download, options)
      assert.is_false(ok)
      assert.truthy(tostring(message):find("my own mistake", 1, true))
   end)

   it("may start another download in on_progress", function()
      server:clear()
      local folder = helper.folder()
      local inner
      local options = server:options { object = "object", file = folder .. "/outer" }
      options.on_progress = function()
         if not inner then
            inner = assert(ossdl.download(server:options { object = "object", file = folder .. "/inner" }))
         end
      end
      local outer = assert(ossdl.download(options))
      assert.equal(SIZE, outer.bytes)
      assert.equal(outer.crc64, inner.crc64)
   end)

   it("may exit in the midst, in any way", function()
      slow()
      local endings = { ["os.exit(0)"] = 0, ["os.exit(3, true)"] = 3, ["return"] = 0, ["error('x')"] = 1 }
      for ending, code in pairs(endings) do
         local options = server:options { object = "object", file = helper.folder() .. "/target" }
         local words = {}
         for name, value in pairs(options) do
            words[#words + 1] = ("[%q] = %q"):format(name, tostring(value))
         end
         local output, errors, how, number = helper.run { code = ([[
            local ossdl = require "ossdl"
            local options = { %s }
            local client = ossdl.new { endpoint = options.endpoint, region = options.region,
               access_key_id = options.access_key_id, access_key_secret = options.access_key_secret }
            local transfer = assert(client:start {
               bucket = options.bucket, object = options.object, file = options.file,
            })
            transfer:wait(0.1)
            print("started")
            io.stdout:flush()
            %s
         ]]):format(table.concat(words, ", "), ending) }
         assert.equal("exit", how, ending .. ": " .. tostring(errors))
         assert.equal(code, number, ending .. ": " .. tostring(errors))
         assert.truthy(output:find("started", 1, true), ending .. ": " .. tostring(errors))
      end
   end)
end)
