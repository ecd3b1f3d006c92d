--- JSON, with lua-cjson and without it.

local json = require "ossdl.json"

describe("ossdl.json", function()
   it("reads objects and lists, and takes nothing else", function()
      assert.same({ a = { 1, 2 } }, json.decode('{"a":[1,2]}', "this test"))
      for _, text in ipairs { "", "{", "1", '"text"', "null", "true" } do
         local value, why = json.decode(text, "this test")
         assert.is_nil(value)
         assert.is_nil(why)
      end
   end)

   it("writes a table", function()
      assert.equal('{"a":1}', json.encoder "this test" { a = 1 })
   end)

   it("tells what needs lua-cjson where that is missing", function()
      local loaded, preload = package.loaded["cjson.safe"], package.preload["cjson.safe"]
      package.loaded["cjson.safe"] = nil
      package.preload["cjson.safe"] = function()
         error "module 'cjson.safe' not found"
      end
      local value, why = json.decode("{}", "reading x.json")
      local encode, why_not = json.encoder "--json"
      package.loaded["cjson.safe"], package.preload["cjson.safe"] = loaded, preload
      assert.is_nil(value)
      assert.equal("reading x.json needs lua-cjson: apt-get install lua-cjson, or luarocks install lua-cjson", why)
      assert.is_nil(encode)
      assert.equal("--json needs lua-cjson: apt-get install lua-cjson, or luarocks install lua-cjson", why_not)
   end)
end)
