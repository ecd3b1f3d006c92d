local ossdl = require "ossdl"

local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"

local MIB = fixture.MIB

describe("secrets", function()
   local test = fixture.new()
   local SIZE = 4 * MIB

   before_each(function()
      test.oss:put_random("object", SIZE)
   end)

   -- The secret, the token, and every signature that was sent so far.
   local function secrets()
      local list = { test.oss.access_key_secret, test.oss.security_token,
         "userOfTheProxy", "passwordOfTheProxy" }
      for _, request in ipairs(test.oss:requests()) do
         local header = request.headers.authorization or ""
         local signature = header:match "Signature=(%x+)$"
            or header:match "^OSS [^:]+:(.+)$"
         list[#list + 1] = signature
      end
      return list
   end

   local function has_no_secret(text, where)
      for _, secret in ipairs(secrets()) do
         if text:find(secret, 1, true) then
            error(where .. " holds a secret: " .. text, 2)
         end
      end
   end

   -- Everything that an error can show, nested errors too.
   local function all_text(value, depth)
      if type(value) ~= "table" or depth == 0 then
         return tostring(value)
      end
      local parts = { tostring(value) }
      for name, inner in pairs(value) do
         parts[#parts + 1] = tostring(name) .. "="
            .. all_text(inner, (depth or 4) - 1)
      end
      return table.concat(parts, "\n")
   end

   local function with_token(extra)
      local all = { security_token = test.oss.security_token }
      for name, value in pairs(extra or {}) do
         all[name] = value
      end
      return all
   end

   -- Each gives options that make a download fail.
   local ENDINGS = {
      ["a wrong secret"] = function()
         return { access_key_secret = test.oss.access_key_secret .. "x" }
      end,
      ["a wrong token"] = function()
         return { security_token = test.oss.security_token .. "x" }
      end,
      ["an expired token"] = function()
         local old = test.oss.security_token
         test.oss:rotate_token()
         return { security_token = old }
      end,
      ["an unknown bucket"] = function()
         return { bucket = "unknown-bucket" }
      end,
      ["a version that is not there"] = function()
         return { version_id = "CAEQnone" }
      end,
      ["an error that echoes the request"] = function()
         test.oss:fault { match = { key = "object", times = false },
            status = 403, code = "AccessDenied",
            message = "StringToSign " .. test.oss.security_token }
         return nil, true
      end,
      ["no connection"] = function()
         return { endpoint = "http://127.0.0.1:1", max_retries = 0 }
      end,
      ["a proxy that is not there"] = function()
         return { max_retries = 0,
            proxy = "http://userOfTheProxy:passwordOfTheProxy@127.0.0.1:1" }
      end,
      ["a truncated body"] = function()
         test.oss:fault { match = { key = "object", times = false },
            truncate = 0 }
         return { max_retries = 0 }
      end,
   }

   for name, prepare in pairs(ENDINGS) do
      for _, version in ipairs { "v4", "v1" } do
         it(("are not in the error of %s, with %s"):format(name, version),
            function()
               local extra, echoed = prepare()
               local all = with_token(extra)
               all.signature = version
               local result, err = test:download("object", test.target(), all)
               assert.is_nil(result)
               local text = all_text(err)
               if echoed then
                  -- What the service itself says is the service's to keep.
                  text = text:gsub("StringToSign [^;,%s]+", "")
               end
               has_no_secret(text, "the error")
            end)
      end
   end

   it("are not in the last error of the progress", function()
      test.oss:fault { match = { key = "object", nth = 2, times = 2 },
         status = 503 }
      local texts = {}
      test:fetch("object", test.target(), with_token { max_rate = 4 * MIB,
         progress_interval = 0.01, on_progress = function(p)
            texts[#texts + 1] = all_text(p)
         end })
      has_no_secret(table.concat(texts, "\n"), "the progress")
   end)

   it("are not in the checkpoint, nor is the address", function()
      local file = test.target()
      test:interrupt("object", file, 2 * MIB, with_token())
      local bytes = helper.read(file .. ".cp")
      has_no_secret(bytes, "the checkpoint")
      for _, word in ipairs { test.oss.access_key_id, test.oss.endpoint,
         "127.0.0.1", "http", "Signature", "authorization" } do
         assert.is_nil(bytes:find(word, 1, true), word)
      end
   end)

   it("are not shown by printing a client, a transfer or a result",
      function()
         local client = assert(ossdl.new(test:client_options(with_token())))
         local transfer = assert(client:start { object = "object",
            file = test.target() })
         has_no_secret(tostring(client), "the client")
         has_no_secret(tostring(transfer), "the transfer")
         assert.is_true((transfer:wait(60)))
         has_no_secret(all_text(transfer:progress()), "the progress")
         has_no_secret(all_text(transfer:result()), "the result")
         transfer:close()
         client:close()
      end)

   it("are not in what the operating system shows of the process", function()
      local client = assert(ossdl.new(test:client_options(with_token())))
      assert(client:download { object = "object", file = test.target() })
      for _, name in ipairs { "cmdline", "environ", "comm", "status" } do
         has_no_secret(helper.read("/proc/self/" .. name) or "", name)
      end
      for _, thread in ipairs(helper.files "/proc/self/task") do
         has_no_secret(helper.read("/proc/self/task/" .. thread .. "/comm")
            or "", "a thread's name")
      end
      client:close()
   end)

   it("are not in the text of a mistake", function()
      for _, mistake in ipairs {
         { access_key_secret = { test.oss.access_key_secret } },
         { access_key_id = false },
         { security_token = 5 },
         { credentials = test.oss.access_key_secret },
         { proxy = 1 },
         { secret_access_key = test.oss.access_key_secret },
         { threads = test.oss.access_key_secret },
      } do
         local raised = fixture.raised(function()
            test:download("object", test.target(), with_token(mistake))
         end)
         assert.equal("string", type(raised))
         has_no_secret(raised, "the message")
      end
   end)
end)
