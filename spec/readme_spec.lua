--- The README tells of everything that is public.

local helper = require "spec.helper"
local oss = require "spec.support.oss"
local ossdl = require "ossdl"
local reference = require "spec.support.reference"

describe("the README", function()
   local readme = helper.read("README.md")

   it("has the options as the schema gives them, and so have editors", function()
      local current, types_current = reference.is_current()
      assert.is_true(current, "the tables are not the schema's: make reference")
      assert.is_true(types_current, "lua/ossdl/options.d.lua is not the schema's: make reference")
   end)

   it("says what to do about every kind of error", function()
      local advice = assert(readme:match("| kind | what to do |\n(.-)\n\n"))
      for kind in pairs(require("ossdl.error").kinds) do
         assert.truthy(advice:find("`" .. kind .. "`[^|]*|"), kind .. " has no row")
      end
   end)

   it("shows an error as it really reads", function()
      local function without_request(text)
         return (text:gsub("request %x+", "request ID"))
      end
      local shown = assert(readme:match("```\n(NoSuchKey: .-)\n```")):gsub("%s+", " ")
      local server = oss.start { bucket = "models" }
      local _, err = ossdl.download(server:options { object = "llm/weights.bin", proxy = "",
         file = helper.folder() .. "/weights.bin" })
      server:stop()
      helper.cleanup()
      assert.equal(without_request(tostring(err)), without_request(shown))
   end)

   it("names only files that are there", function()
      for path in readme:gmatch("%]%(([%w_/%.%-]+)%)") do
         local file = io.open(path)
         assert.is_not_nil(file, path .. " is linked to, and not there")
         file:close()
      end
   end)

   it("names the variables that the example in nginx keeps", function()
      local conf = "\n" .. helper.read("examples/openresty/nginx.conf")
      local count = 0
      for line in readme:gmatch("`(env [%u_]+;)`") do
         assert.truthy(conf:find("\n" .. line .. "\n", 1, true), line .. " is not in the example")
         count = count + 1
      end
      local _, kept = conf:gsub("\nenv [%u_]+;", "")
      assert.are.equal(kept, count)
   end)

   it("shows the two commands on its first screen", function()
      local first = readme:sub(1, 2600)
      assert.truthy(first:find("make demo", 1, true))
      assert.truthy(first:find("make test", 1, true))
   end)
end)
