--- What the real core and the Lua layer refuse together, before anything is
-- sent. The port is one that nobody listens on.

local ossdl = require "ossdl"

local SECRET = "LTAIx"

local function options(extra)
   local all = { endpoint = "http://127.0.0.1:1", region = "cn-hangzhou",
      bucket = "bucket", object = "o" }
   for name, value in pairs(extra) do
      all[name] = value
   end
   return all
end

local function download(extra)
   local all = options(extra)
   all.proxy, all.max_retries, all.file = "", 0, "/nowhere/file"
   return ossdl.download(all)
end

local CALLS = {
   download = download,
   presign = function(extra) return ossdl.presign(options(extra)) end,
   sign = function(extra)
      local all = options(extra)
      all.endpoint = nil
      return ossdl.sign(all)
   end,
}

local FIELDS = { "access_key_id", "access_key_secret", "security_token" }

local GARBAGE = { SECRET .. "\0", "\0", SECRET .. "\r\nX-Header: 1", "\1",
   "\127", SECRET .. " ", "\255", SECRET:rep(10000) }

local function refuses(call, extra)
   local ok, value, err = pcall(call, extra)
   assert.is_true(ok, tostring(value))
   assert.is_nil(value)
   assert.equal("credentials", err.kind, tostring(err))
   assert.is_nil(tostring(err):find(SECRET, 1, true))
end

describe("garbage for credentials", function()
   for name, call in pairs(CALLS) do
      for _, field in ipairs(FIELDS) do
         it(("as %s is an error of %s, wherever it comes from"):format(field,
            name), function()
            for _, garbage in ipairs(GARBAGE) do
               local given = { access_key_id = "i", access_key_secret = "s",
                  security_token = "t" }
               given[field] = garbage
               refuses(call, { credentials = given })
               refuses(call, { credentials = function() return given end })
            end
         end)
      end

      it(("is an error of %s, unless it is a NUL byte in an option"):format(
         name), function()
         for _, field in ipairs(FIELDS) do
            local given = { access_key_id = "i", access_key_secret = "s" }
            given[field] = "line\n"
            refuses(call, given)
            given[field] = SECRET .. "\0"
            local ok, message = pcall(call, given)
            assert.is_false(ok)
            assert.truthy(message:find("bad option '" .. field .. "'", 1, true),
               message)
            assert.is_nil(message:find(SECRET, 1, true))
         end
      end)
   end
end)
