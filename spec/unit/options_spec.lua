local options = require "ossdl.options"

-- The message of the error that a call raises.
local function complaint(...)
   local ok, message = pcall(options.parse, ...)
   assert.is_false(ok)
   return (message:gsub("^[^ ]+:%d+: ", ""))
end

local function parse(values, scope)
   return options.parse(values, scope or "client", 1)
end

describe("the options", function()
   it("have a name, a known scope and a sentence each, and once", function()
      local seen = {}
      for _, option in ipairs(options.list) do
         assert.is_nil(seen[option.name])
         seen[option.name] = true
         assert.truthy(({ client = 1, transfer = 1, sign = 1 })[option.scope])
         assert.truthy(option.doc:find "%.$")
      end
   end)

   it("accept their own defaults", function()
      for _, option in ipairs(options.list) do
         if option.default ~= nil then
            assert.is_nil(options.complaint(option.name, option.default))
         end
      end
   end)

   it("are split by scope into copies", function()
      local given = { endpoint = "e", bucket = "b", threads = 4 }
      local client, transfer = parse(given)
      assert.same({ endpoint = "e" }, client)
      assert.same({ bucket = "b", threads = 4 }, transfer)
      assert.same({ endpoint = "e", bucket = "b", threads = 4 }, given)
   end)

   it("name the nearest known option when one is not known", function()
      for wrong, right in pairs {
         thread = "threads", threds = "threads", thread_num = "threads",
         accessKeyId = "access_key_id", partSize = "part_size",
         buket = "bucket", key = "object", objct = "object",
         filename = "file", enable_checkpoint = "checkpoint",
         on_progres = "on_progress", timeout = "stall_timeout",
         resume = "checkpoint", insecure = "tls_verify",
      } do
         assert.equal(("unknown option '%s' (did you mean '%s'?)"):format(
            wrong, right), complaint({ [wrong] = 1 }, "client", 1))
      end
   end)

   it("suggest nothing for a name that is like none", function()
      for wrong, shown in pairs { [""] = "", ["\0"] = "?", ["%d%s"] = "%d%s", ["é"] = "é", colour = "colour",
         verbose = "verbose", [("x"):rep(10000)] = ("x"):rep(64) } do
         assert.equal(("unknown option '%s'"):format(shown), complaint({ [wrong] = 1 }, "client", 1))
      end
   end)

   it("must be named", function()
      assert.equal("options are named: a key of type number is not known",
         complaint({ "bucket" }, "client", 1))
      assert.equal("options are named: a key of type boolean is not known",
         complaint({ [true] = 1 }, "client", 1))
   end)

   it("come in a table", function()
      assert.equal("table of options expected, got nil",
         complaint(nil, "client", 1))
      assert.equal("table of options expected, got string",
         complaint("bucket", "client", 1))
   end)

   it("accept whole numbers however they are written", function()
      local _, transfer = parse { part_size = 8e6, threads = 8.0 }
      assert.equal(8000000, transfer.part_size)
      assert.equal(8, transfer.threads)
   end)

   it("refuse fractions, NaN, infinities and what is out of range", function()
      local huge = math.huge
      for _, value in ipairs { 0, -1, 1025, 1.5, 0 / 0, huge, -huge, 2 ^ 60 } do
         assert.truthy(complaint({ threads = value }, "client", 1):find(
            "^bad option 'threads' %(integer between 1 and 1024 "
            .. 'or "auto" expected, got '))
      end
      for _, value in ipairs { 0, 5 * 1024 ^ 3 + 1 } do
         assert.truthy(complaint({ part_size = value }, "client", 1)
            :find "between 1 and 5368709120 expected")
      end
      assert.truthy(complaint({ max_rate = 2 ^ 53 + 2 }, "client", 1)
         :find "bad option 'max_rate'")
      parse { max_rate = 2 ^ 53 }
      assert.truthy(complaint({ progress_interval = 0 / 0 }, "client", 1)
         :find "bad option 'progress_interval'")
   end)

   it("refuse numbers in strings", function()
      assert.equal("bad option 'threads' (integer between 1 and 1024 "
         .. 'or "auto" expected, got "8")',
         complaint({ threads = "8" }, "client", 1))
   end)

   it("accept the words that are listed, and no others", function()
      for _, word in ipairs { "v4", "v1", "none" } do
         parse { signature = word }
      end
      assert.equal("bad option 'signature' (\"v4\" or \"v1\" or \"none\" "
         .. 'expected, got "v5")', complaint({ signature = "v5" }, "client", 1))
      for _, value in ipairs { "auto", true, false } do
         parse { direct = value }
      end
      assert.truthy(complaint({ direct = "yes" }, "client", 1)
         :find "boolean or \"auto\" expected")
   end)

   it("refuse NUL bytes in paths", function()
      for _, name in ipairs { "file", "checkpoint" } do
         assert.truthy(complaint({ [name] = "a\0b" }, "client", 1)
            :find "path without NUL bytes")
      end
   end)

   it("refuse NUL bytes in keys, and do not show them", function()
      for _, name in ipairs { "access_key_id", "access_key_secret",
         "security_token" } do
         assert.equal(("bad option '%s' (string without NUL bytes that is not "
            .. "empty expected, got a string with a NUL byte)"):format(name),
            complaint({ [name] = "LTAI\0x" }, "client", 1))
      end
   end)

   it("refuse control characters where a line is wanted", function()
      for _, name in ipairs { "proxy", "ca_file", "user_agent",
         "version_id" } do
         for wrong, what in pairs { ["a\0b"] = "a NUL byte",
            ["a\r\nX: 1"] = "a line break", ["a\n"] = "a line break",
            ["\rb"] = "a line break", ["a\27b"] = "a control character",
            ["\127"] = "a control character" } do
            local text = complaint({ [name] = wrong }, "client", 1)
            assert.truthy(text:find("bad option '" .. name .. "' (", 1, true))
            assert.truthy(text:find("without control characters", 1, true))
            assert.truthy(text:find("got a string with " .. what, 1, true),
               text)
         end
      end
      parse { user_agent = "caf\195\169 (a; b)", ca_file = "/a b/c.pem" }
   end)

   it("refuse a checkpoint where the data lies", function()
      local function complete(checkpoint)
         return options.complete("transfer", { checkpoint = checkpoint },
            { bucket = "b", object = "o", file = "a/f" }, 0)
      end
      for checkpoint, reason in pairs {
         ["a/f"] = "it is the path of 'file'",
         ["./a//f"] = "it is the path of 'file'",
         ["a/f.part"] = "the data is in that path",
         ["a/./f.part"] = "the data is in that path",
      } do
         local ok, message = pcall(complete, checkpoint)
         assert.is_false(ok)
         assert.truthy(message:find("bad option 'checkpoint' (" .. reason, 1,
            true), message)
      end
      for _, fine in ipairs { "a/f.cp", "b/f", "f.part", true, false } do
         assert.equal(fine, complete(fine).checkpoint)
      end
   end)

   it("refuse empty strings, except where one means something", function()
      assert.truthy(complaint({ bucket = "" }, "client", 1)
         :find "string that is not empty expected")
      parse { proxy = "" }
   end)

   it("accept headers of strings and numbers", function()
      parse { headers = { a = "b", c = 1 } }
      parse { query = {} }
      for _, wrong in ipairs { "x", { "x" }, { a = true }, { a = {} } } do
         assert.truthy(complaint({ headers = wrong }, "client", 1)
            :find "table of names to strings or numbers expected")
      end
   end)

   it("accept methods in upper-case letters only", function()
      parse({ method = "PROPFIND" }, "sign")
      for wrong, shown in pairs { ["get"] = '"get"', ["G T"] = '"G T"', ["GET1"] = '"GET1"', ["G\nT"] =
         "a string with a line break", [""] = "an empty string" } do
         assert.equal(("bad option 'method' (string of upper-case letters expected, got %s)"):format(shown),
            complaint({ method = wrong }, "sign", 1))
      end
   end)

   it("accept lists of header names, and say what is not one", function()
      parse({ additional_headers = { "range", "If-Match" } }, "sign")
      parse({ additional_headers = {} }, "sign")
      for _, case in ipairs {
         { { host = "x" }, "the name 'host' instead of an index" },
         { { "range", host = "x" }, "the name 'host' instead of an index" },
         { { [true] = "x" }, "a boolean instead of an index" },
         { { [2] = "range" }, "a list with gaps" },
         { { [0] = "range" }, "a list with gaps" },
         { { "range", {} }, "a table as entry 2" },
         { { "a:b" }, "no header's name as entry 1" },
         { "range", '"range"' },
      } do
         assert.equal(("bad option 'additional_headers' (list of header names expected, got %s)"):format(case[2]),
            complaint({ additional_headers = case[1] }, "sign", 1))
      end
   end)

   it("name the entry of a table that is wrong", function()
      local prefix = "bad option 'headers' (table of names to strings or "
         .. "numbers expected, got "
      for _, case in ipairs {
         { { "Foo: secret" }, "index 1 instead of a name)" },
         { { a = "b", [7] = "secret" }, "index 7 instead of a name)" },
         { { [true] = "x" }, "a boolean instead of a name)" },
         { { b = {}, a = "x" }, "a table as the value of 'b')" },
         { { ["x\n" .. ("y"):rep(99)] = true },
            "a boolean as the value of 'x?" .. ("y"):rep(62) .. "')" },
         { "Foo: secret", "\"Foo: secret\")" },
      } do
         assert.equal(prefix .. case[2],
            complaint({ headers = case[1] }, "client", 1))
      end
      assert.truthy(complaint({ query = { "x" } }, "transfer", 1)
         :find("got index 1 instead of a name", 1, true))
   end)

   it("never show a secret", function()
      for _, option in ipairs(options.list) do
         if option.secret then
            for _, value in ipairs { 12345678, true } do
               local text = options.complaint(option.name, value)
               assert.is_nil(text and text:find "12345678")
               assert.is_nil(text and text:find "true")
            end
         end
      end
      assert.is_nil(complaint({ threads = "LTAI5tSecretOrSo" }, "client", 1)
         :find "LTAI")
   end)

   it("of a client are refused where a transfer starts", function()
      assert.equal("option 'endpoint' belongs to the client: give it to "
         .. "ossdl.new", complaint({ endpoint = "x" }, "transfer", 1))
   end)

   it("of signing are refused elsewhere, and the reverse", function()
      assert.equal("option 'expires' belongs to ossdl.sign and ossdl.presign",
         complaint({ expires = 1 }, "client", 1))
      assert.equal("option 'threads' has no meaning for a signature",
         complaint({ threads = 1 }, "sign", 1))
      local _, place, own = parse({ bucket = "b", now = 1.5 }, "sign")
      assert.same({ bucket = "b" }, place)
      assert.same({ now = 1.5 }, own)
   end)

   it("of credentials go together", function()
      for _, case in ipairs {
         { { access_key_id = "i" }, "without 'access_key_secret'" },
         { { access_key_secret = "s" }, "without 'access_key_id'" },
         { { security_token = "t" }, "without 'access_key_id'" },
         { { access_key_id = "i", access_key_secret = "s", credentials = {} },
            "not both" },
      } do
         assert.truthy(complaint(case[1], "client", 1):find(case[2], 1, true))
      end
   end)

   it("are completed by a fallback, then by the defaults", function()
      local complete = options.complete("transfer",
         { bucket = "b", checkpoint = false },
         { object = "o", bucket = "x", checkpoint = true, file = "f" }, 1)
      assert.equal("b", complete.bucket)
      assert.equal("o", complete.object)
      assert.is_false(complete.checkpoint)
      assert.equal(8, complete.threads)
      assert.is_nil(complete.part_size)
   end)

   it("that are required are missed by name", function()
      for _, name in ipairs { "bucket", "object", "file" } do
         local values = { bucket = "b", object = "o", file = "f" }
         values[name] = nil
         local ok, message = pcall(options.complete, "transfer", values, {}, 1)
         assert.is_false(ok)
         assert.truthy(message:find("option '" .. name .. "' is missing", 1,
            true))
      end
   end)

   it("take the place from the environment when none is given", function()
      local environment = { OSS_ENDPOINT = "e", OSS_REGION = "" }
      local function getenv(name)
         return environment[name]
      end
      local function located(values)
         options.locate(values, getenv, function(endpoint)
            return endpoint == "tells" and "hers" or nil
         end, 0)
         return values
      end
      assert.same({ endpoint = "e" }, located {})
      assert.same({ region = "r" }, located { region = "r" })
      environment.OSS_REGION = "env"
      assert.same({ endpoint = "e", region = "env" }, located {})
      assert.same({ region = "r" }, located { region = "r" })
      assert.same({ endpoint = "tells" }, located { endpoint = "tells" })
      assert.same({ endpoint = "ip", region = "env" },
         located { endpoint = "ip" })
      assert.same({ endpoint = "ip", region = "r" },
         located { endpoint = "ip", region = "r" })
      environment.OSS_ENDPOINT, environment.OSS_REGION = nil, ""
      assert.same({ endpoint = "ip" }, located { endpoint = "ip" })
      assert.has_error(function()
         located {}
      end, "where is the bucket? Give 'endpoint' or 'region', or set "
         .. "OSS_ENDPOINT or OSS_REGION")
   end)
end)
