--- The local OSS is what the other specs believe in; here it is proved: with
-- the official client, with the published range rules, fault by fault.

local cjson = require "cjson"

local helper = require "spec.helper"
local oss = require "spec.support.oss"
local raw = require "spec.support.raw_server"

local quote = helper.quote

-- curl ------------------------------------------------------------------------

local function parse_head(text)
   local found = { headers = {} }
   -- what counts is the last head: a 100 or a redirect may come before it
   for head in (text .. "\r\n"):gmatch "(HTTP/.-\r\n)\r\n" do
      found.status = tonumber(head:match "^HTTP/%S+ (%d+)")
      found.headers = {}
      for name, value in head:gmatch "\n([^:\r\n]+):%s*([^\r\n]*)" do
         found.headers[name:lower()] = value
      end
   end
   return found
end

--- Runs curl: { exit, status, headers, body }.
local function curl(url, ...)
   local folder = helper.folder()
   local words = { "curl", "-sS", "--path-as-is", "--max-time", "120",
      "-D", quote(folder .. "/head"), "-o", quote(folder .. "/body") }
   for i = 1, select("#", ...) do
      words[#words + 1] = quote((select(i, ...)))
   end
   words[#words + 1] = quote(url)
   local output, status = helper.shell(table.concat(words, " "))
   local reply = parse_head(helper.read(folder .. "/head") or "")
   reply.exit, reply.output = status, output
   reply.body = helper.read(folder .. "/body") or ""
   reply.code = reply.body:match "<Code>(%w+)</Code>"
   return reply
end

-- ali-oss ---------------------------------------------------------------------

local NODE_FOLDER = helper.root .. "/build/node"

local function install_client()
   local source = helper.root .. "/spec/support/ali_oss"
   local output, status = helper.shell(([[
      from=%s to=%s
      cmp -s "$from/package-lock.json" "$to/installed" || {
         mkdir -p "$to" && cd "$to" &&
         cp "$from/package.json" "$from/package-lock.json" . &&
         npm ci --no-audit --no-fund --ignore-scripts &&
         cp package-lock.json installed
      }]]):format(quote(source), quote(NODE_FOLDER)))
   assert(status == 0, "npm cannot install ali-oss:\n" .. output)
end

--- Runs jobs with the official client; one result for each.
local function official(server, jobs)
   local folder = helper.folder()
   helper.write(folder .. "/jobs.json", cjson.encode {
      jobs = jobs, options = { port = server.port, bucket = server.bucket,
         access_key_id = server.access_key_id,
         access_key_secret = server.access_key_secret } })
   local output, status = helper.shell(("cd %s && node %s %s"):format(
      quote(NODE_FOLDER),
      quote(helper.root .. "/spec/support/ali_oss/client.js"),
      quote(folder .. "/jobs.json")))
   assert(status == 0, output)
   local results = {}
   for line in (output .. "\n"):gmatch "({[^\n]*})\n" do
      results[#results + 1] = cjson.decode(line)
   end
   assert(#results == #jobs, output)
   return results
end

local function hex(bytes)
   return (bytes:gsub(".", function(byte)
      return ("%02x"):format(byte:byte())
   end))
end

local KEYS = {
   "plain.bin", "a/b/c/d.txt", "with space", "two  spaces /x", "plus+plus",
   "per%cent", "%41-looks-encoded", "hash#tag", "question?mark", "a&b=c;d",
   "colon:at@comma,", "quote'\"back`tick", "(paren)[bracket]{brace}",
   "star*bang!dollar$", "tilde~under_dash-dot.", "back\\slash", "pipe|caret^",
   "less<more>", "\231\155\174\229\189\149/\230\150\135\228\187\182.txt",
   "\240\159\152\128 emoji", "caf\195\169", "double//slash", "trailing/",
   "tab\tkey", "x-oss-process", "a.b..c", ".hidden", "..dots", ("k"):rep(1023),
}

describe("the local OSS and the official client", function()
   local server, contents

   lazy_setup(function()
      install_client()
      server = oss.start()
      server:set { cnames = { ["downloads.example.com"] = server.bucket } }
      contents = {}
      for i, key in ipairs(KEYS) do
         contents[key] = ("content %d of %s"):format(i, key)
         server:put(key, contents[key])
      end
   end)

   lazy_teardown(function()
      if server then
         server:stop()
      end
      helper.cleanup()
   end)

   --- Every key in one way; what comes back is what was stored.
   local function all_keys(template)
      local jobs = {}
      for i, key in ipairs(KEYS) do
         jobs[i] = { key = key }
         for name, value in pairs(template) do
            jobs[i][name] = value
         end
      end
      for i, result in ipairs(official(server, jobs)) do
         local key = KEYS[i]
         assert.are.equal(200, result.status, ("%s: %s %s"):format(key,
            tostring(result.code), tostring(result.message)))
         assert.are.equal(hex(contents[key]), result.body, key)
      end
   end

   for _, style in ipairs { "host", "address", "path", "cname" } do
      it("serves every key to V4 headers, " .. style .. " style", function()
         all_keys { how = "get", v4 = true, style = style }
      end)

      it("serves every key to V1 headers, " .. style .. " style", function()
         all_keys { how = "get", v4 = false, style = style }
      end)
   end

   it("serves every key to V4 URLs", function()
      all_keys { how = "url", v4 = true }
   end)

   it("serves every key to V1 URLs", function()
      all_keys { how = "url", v4 = false }
   end)

   it("serves every key to a client with a security token", function()
      local token = server.security_token
      all_keys { how = "get", v4 = true, token = token }
      all_keys { how = "get", v4 = false, token = token }
      all_keys { how = "url", v4 = true, token = token }
      all_keys { how = "url", v4 = false, token = token }
   end)

   --- Jobs that must fail, each with its status and code.
   local function refused(cases)
      local jobs = {}
      for i, case in ipairs(cases) do
         jobs[i] = case.job
      end
      for i, result in ipairs(official(server, jobs)) do
         local case = cases[i]
         assert.are.equal(case.code, result.code, case.what)
         assert.are.equal(case.status, result.status, case.what)
      end
   end

   local function four_ways(what, status, code, changes)
      local cases = {}
      for _, how in ipairs { "get", "url" } do
         for _, v4 in ipairs { true, false } do
            local job = { how = how, v4 = v4, key = "plain.bin" }
            for name, value in pairs(changes) do
               job[name] = value
            end
            cases[#cases + 1] = { job = job, status = status, code = code,
               what = what .. (v4 and ", V4 " or ", V1 ") .. how }
         end
      end
      refused(cases)
   end

   it("refuses a wrong secret", function()
      four_ways("wrong secret", 403, "SignatureDoesNotMatch",
         { secret = "not the secret" })
   end)

   it("refuses an unknown access key", function()
      four_ways("unknown key", 403, "InvalidAccessKeyId", { id = "LTAIother" })
   end)

   it("refuses a token that it never issued", function()
      four_ways("foreign token", 403, "InvalidSecurityToken",
         { token = "some other token" })
   end)

   it("refuses a token that has expired", function()
      local old = server.security_token
      server:rotate_token()
      four_ways("old token", 403, "SecurityTokenExpired", { token = old })
      all_keys { how = "get", v4 = true, token = server.security_token }
   end)

   it("refuses to do without a token when it wants one", function()
      server:require_token(true)
      finally(function()
         server:require_token(false)
      end)
      four_ways("no token", 403, "AccessDenied", {})
   end)

   it("refuses another region than its own", function()
      refused {
         { job = { how = "get", v4 = true, key = "plain.bin",
            region = "oss-cn-beijing" }, status = 400,
            code = "InvalidArgument", what = "header" },
         { job = { how = "url", v4 = true, key = "plain.bin",
            region = "oss-cn-beijing" }, status = 400,
            code = "InvalidArgument", what = "URL" },
      }
   end)

   it("refuses a clock that is off, in headers", function()
      server:set { clock = 3600 }
      finally(function()
         server:set { clock = 0 }
      end)
      refused {
         { job = { how = "get", v4 = true, key = "plain.bin" }, status = 403,
            code = "RequestTimeTooSkewed", what = "V4" },
         { job = { how = "get", v4 = false, key = "plain.bin" }, status = 403,
            code = "RequestTimeTooSkewed", what = "V1" },
      }
   end)

   it("refuses a URL after its time", function()
      server:set { clock = 3600 }
      finally(function()
         server:set { clock = 0 }
      end)
      four_ways("expired", 403, "AccessDenied", { how = "url", expires = 60 })
   end)

   it("refuses a URL to which something was added", function()
      refused {
         { job = { how = "url", v4 = true, key = "plain.bin",
            append = "&extra=1" }, status = 403,
            code = "SignatureDoesNotMatch", what = "V4" },
         { job = { how = "url", v4 = false, key = "plain.bin",
            append = "&versionId=1" }, status = 403,
            code = "SignatureDoesNotMatch", what = "V1" },
      }
   end)

   it("knows what is not there", function()
      refused {
         { job = { how = "get", v4 = true, key = "missing" }, status = 404,
            code = "NoSuchKey", what = "key" },
         { job = { how = "get", v4 = true, key = "x", bucket = "no-bucket" },
            status = 404, code = "NoSuchBucket", what = "bucket" },
         { job = { how = "get", v4 = true, key = "plain.bin",
            query = { versionId = "7" } }, status = 404,
            code = "NoSuchVersion", what = "version" },
      }
   end)

   it("serves ranges, heads, versions and override headers", function()
      server:put("versioned", "old", { version_id = "V1" })
      server:put("versioned", "new", { version_id = "V2" })
      local results = official(server, {
         { how = "get", v4 = true, key = "plain.bin",
            headers = { Range = "bytes=0-6" } },
         { how = "head", v4 = true, key = "plain.bin" },
         { how = "get", v4 = true, key = "versioned" },
         { how = "get", v4 = true, key = "versioned",
            query = { versionId = "V1" } },
         { how = "get", v4 = false, key = "versioned",
            query = { versionId = "V1" } },
         { how = "url", v4 = true, key = "plain.bin",
            query = { ["response-content-type"] = "text/x; a=b" } },
         { how = "url", v4 = false, key = "plain.bin",
            query = { response = { ["content-type"] = "text/x; a=b" } } },
         { how = "get", v4 = true, key = "plain.bin",
            headers = { ["x-oss-traffic-limit"] = "819200" } },
      })
      assert.are.equal(206, results[1].status)
      assert.are.equal(hex "content", results[1].body)
      assert.are.equal(200, results[2].status)
      assert.are.equal(hex "new", results[3].body)
      assert.are.equal("V2", results[3].headers["x-oss-version-id"])
      assert.are.equal(hex "old", results[4].body)
      assert.are.equal(hex "old", results[5].body)
      assert.are.equal("text/x; a=b", results[6].headers["content-type"])
      assert.are.equal("text/x; a=b", results[7].headers["content-type"])
      assert.are.equal(200, results[8].status)
   end)
end)

describe("the local OSS and the signatures of the official SDKs", function()
   local socket = require "socket"
   local server, vectors

   lazy_setup(function()
      server = oss.start()
      vectors = cjson.decode(helper.read(helper.root
         .. "/spec/vectors/oss-signatures.json")).vectors
   end)

   lazy_teardown(function()
      if server then
         server:stop()
      end
   end)

   local function encode(text, keep)
      return (text:gsub("[^%w%-_%.~" .. (keep or "") .. "]", function(char)
         return ("%%%02X"):format(char:byte())
      end))
   end

   local function text_of(value)
      return type(value) == "string" and value or nil -- JSON's null is no nil
   end

   --- Host and request target of a vector whose signature is in a header.
   local function header_target(vector)
      local parts = {}
      for i, pair in ipairs(vector.query) do
         local value = text_of(pair[2])
         parts[i] = encode(pair[1]) .. (value and "=" .. encode(value) or "")
      end
      local path = "/" .. encode(text_of(vector.object) or "", "/")
      local host = vector.endpoint
      if vector.style == "path" then
         path = "/" .. vector.bucket .. path
      elseif vector.style == "vhost" then
         host = vector.bucket .. "." .. host
      end
      return host, path .. (#parts > 0 and "?" .. table.concat(parts, "&")
         or "")
   end

   --- Another signature of the same form.
   local function spoil(text, signature)
      local at = text:find(signature, 1, true)
      local first = signature:sub(1, 1) == "a" and "b" or "a"
      return text:sub(1, at - 1) .. first .. text:sub(at + 1)
   end

   local function request_of(vector, spoiled)
      local expect, lines = vector.expect, {}
      local host, target
      if expect.url then
         host, target = expect.url:match "^https?://([^/]*)(/.*)$"
         if spoiled then
            target = spoil(target, encode(expect.signature))
         end
      else
         host, target = header_target(vector)
         lines[1] = "Authorization: " .. (spoiled
            and spoil(expect.authorization, expect.signature)
            or expect.authorization)
      end
      for name, value in pairs(vector.headers) do
         if not name:lower():match "^host$"
            and not name:lower():match "^content%-length$" then
            lines[#lines + 1] = name .. ": " .. value
         end
      end
      return ("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
         .. "Content-Length: 0\r\n%s\r\n\r\n"):format(vector.method, target,
         host, table.concat(lines, "\r\n"))
   end

   local function exchange(request)
      local connection = assert(socket.tcp())
      connection:settimeout(60)
      assert(connection:connect("127.0.0.1", server.port))
      assert(connection:send(request))
      local reply, _, partial = connection:receive "*a"
      connection:close()
      reply = reply or partial
      local hidden = reply:match "x%-oss%-err: ([^\r]*)"
      if hidden then
         reply = reply .. require "mime".unb64(hidden)
      end
      return tonumber(reply:match "^HTTP/1.1 (%d+)"),
         reply:match "<Code>(%w+)</Code>", reply
   end

   local function adapt(vector)
      server:set {
         allow_path_style = true, region = vector.region,
         clock = vector.unix_time - os.time(),
         keys = { [vector.access_key_id] = vector.access_key_secret },
         tokens = { [text_of(vector.security_token) or "none"] = "valid" },
         buckets = { [vector.bucket] = true },
         cnames = { ["static.example.com"] = vector.bucket },
      }
   end

   -- What is looked at only after the signature was found right.
   local LATER = { NoSuchKey = true, NoSuchVersion = true,
      NotImplemented = true, MethodNotAllowed = true,
      InvalidObjectName = true }

   it("accepts them all, and none that differs", function()
      local checked = 0
      for _, vector in ipairs(vectors) do
         -- a request for the list of buckets has no bucket, and no place here
         if text_of(vector.bucket) then
            checked = checked + 1
            adapt(vector)
            local _, code, reply = exchange(request_of(vector))
            assert.is_true(LATER[code], vector.name .. ": " .. reply)
            _, code = exchange(request_of(vector, true))
            assert.are.equal("SignatureDoesNotMatch", code, vector.name)
         end
      end
      assert.is_true(checked > 100)
   end)
end)

describe("the local OSS", function()
   local server, url
   local THOUSAND = ("0123456789"):rep(100)
   local STANDARD = "x-oss-range-behavior: standard"

   lazy_setup(function()
      server = oss.start { https = true }
      url = server.endpoint .. "/public-bucket/"
      server:put("thousand", THOUSAND, { bucket = "public-bucket" })
      server:put("empty", "", { bucket = "public-bucket" })
   end)

   lazy_teardown(function()
      if server then
         server:stop()
      end
      helper.cleanup()
   end)

   before_each(function()
      server:clear()
      server:reset_log()
   end)

   after_each(function()
      helper.cleanup()
   end)

   local RANGES = {
      { "bytes=0-499", "0-499", "0-499" },
      { "bytes=500-999", "500-999", "500-999" },
      { "bytes=500-", "500-999", "500-999" },
      { "bytes=-1", "999-999", "999-999" },
      { "bytes=-1000", "0-999", "0-999" },
      { "bytes=500-2000", "whole", "500-999" },
      { "bytes=0-1000", "whole", "0-999" },
      { "bytes=1000-2000", "whole", "invalid" },
      { "bytes=1000-", "whole", "invalid" },
      { "bytes=-2000", "whole", "0-999" },
      { "byte=0-499", "whole", "whole" },
      { "bytes=9-1", "whole", "whole" },
      { "bytes=-", "whole", "whole" },
      { "bytes=a-b", "whole", "whole" },
   }

   local function check_range(reply, expected)
      if expected == "whole" then
         assert.are.equal(200, reply.status)
         assert.are.equal(THOUSAND, reply.body)
         assert.is_nil(reply.headers["content-range"])
      elseif expected == "invalid" then
         assert.are.equal(416, reply.status)
         assert.are.equal("InvalidRange", reply.code)
      else
         local first, last = expected:match "(%d+)-(%d+)"
         assert.are.equal(206, reply.status)
         assert.are.equal(THOUSAND:sub(first + 1, last + 1), reply.body)
         assert.are.equal("bytes " .. expected .. "/1000",
            reply.headers["content-range"])
      end
   end

   for _, row in ipairs(RANGES) do
      it("reads '" .. row[1] .. "' as OSS does", function()
         check_range(curl(url .. "thousand", "-H", "Range: " .. row[1]),
            row[2])
         check_range(curl(url .. "thousand", "-H", "Range: " .. row[1],
            "-H", STANDARD), row[3])
      end)
   end

   it("has no range of an empty object", function()
      local reply = curl(url .. "empty", "-H", "Range: bytes=0-9",
         "-H", STANDARD)
      assert.are.equal(416, reply.status)
      reply = curl(url .. "empty", "-H", "Range: bytes=0-9")
      assert.are.equal(200, reply.status)
      assert.are.equal("0", reply.headers["x-oss-hash-crc64ecma"])
      assert.are.equal('"D41D8CD98F00B204E9800998ECF8427E"',
         reply.headers.etag)
   end)

   it("tells the CRC-64 of the whole object, with a part as well", function()
      server:put("hello", "hello world", { bucket = "public-bucket" })
      for _, range in ipairs { "bytes=0-", "bytes=3-5" } do
         local reply = curl(url .. "hello", "-H", "Range: " .. range)
         assert.are.equal("5981764153023615706",
            reply.headers["x-oss-hash-crc64ecma"])
         assert.are.equal('"5EB63BBBE01EEED093CB22BB8F5ACDC3"',
            reply.headers.etag)
         assert.are.equal("Normal", reply.headers["x-oss-object-type"])
      end
   end)

   it("numbers every answer and dates it", function()
      for _, name in ipairs { "thousand", "missing" } do
         local reply = curl(url .. name)
         assert.matches("^" .. ("[0-9A-F]"):rep(24) .. "$",
            reply.headers["x-oss-request-id"])
         assert.matches("GMT$", reply.headers.date)
      end
   end)

   it("stores objects as it is told", function()
      server:put("odd", "bytes", { bucket = "public-bucket", crc64 = false,
         etag = '"ODD"', type = "Symlink", content_type = "text/plain",
         headers = { ["x-oss-meta-a"] = "b" } })
      local reply = curl(url .. "odd")
      assert.is_nil(reply.headers["x-oss-hash-crc64ecma"])
      assert.are.equal('"ODD"', reply.headers.etag)
      assert.are.equal("Symlink", reply.headers["x-oss-object-type"])
      assert.are.equal("text/plain", reply.headers["content-type"])
      assert.are.equal("b", reply.headers["x-oss-meta-a"])
      server:put("odd", "bytes", { bucket = "public-bucket", crc64 = "123" })
      assert.are.equal("123",
         curl(url .. "odd").headers["x-oss-hash-crc64ecma"])
      server:remove("odd", { bucket = "public-bucket" })
      assert.are.equal("NoSuchKey", curl(url .. "odd").code)
   end)

   it("makes the same noise from the same seed", function()
      local one = server:put_random("one", 3 * 1024 * 1024 + 5, 7)
      local two = server:put_random("two", 3 * 1024 * 1024 + 5, 7)
      local other = server:put_random("other", 3 * 1024 * 1024 + 5, 8)
      assert.are.equal(3 * 1024 * 1024 + 5, one.size)
      assert.are.equal(one.crc64, two.crc64)
      assert.are_not.equal(one.crc64, other.crc64)
      assert.is_true(helper.same_file(server:path "one", two.path))
   end)

   it("minds conditions", function()
      local etag = curl(url .. "thousand").headers.etag
      local function with(header)
         return curl(url .. "thousand", "-H", header, "-r", "0-9")
      end
      assert.are.equal(206, with("If-Match: " .. etag).status)
      local reply = with 'If-Match: "other"'
      assert.are.equal(412, reply.status)
      assert.are.equal("PreconditionFailed", reply.code)
      assert.are.equal(304, with("If-None-Match: " .. etag).status)
      assert.are.equal(206, with('If-None-Match: "other"').status)
      assert.are.equal(412,
         with("If-Unmodified-Since: Tue, 05 Mar 2019 07:08:09 GMT").status)
   end)

   it("answers a HEAD that fails with the error in a header", function()
      local reply = curl(url .. "missing", "-I")
      assert.are.equal(404, reply.status)
      local xml = require "mime".unb64(reply.headers["x-oss-err"])
      assert.matches("<Code>NoSuchKey</Code>", xml)
   end)

   it("refuses what is not signed, except in the public bucket", function()
      server:put("secret", "x")
      local reply = curl(server.endpoint .. "/example-bucket/secret")
      assert.are.equal(403, reply.status)
      assert.are.equal("AccessDenied", reply.code)
   end)

   it("names the right endpoint to who asks at a wrong one", function()
      local reply = curl("http://public-bucket.oss-cn-beijing.aliyuncs.com:"
         .. server.port .. "/thousand", "--resolve",
         "public-bucket.oss-cn-beijing.aliyuncs.com:" .. server.port
         .. ":127.0.0.1")
      assert.are.equal("AccessDenied", reply.code)
      assert.matches("<Endpoint>oss%-cn%-hangzhou.aliyuncs.com</Endpoint>",
         reply.body)
   end)

   it("forbids buckets in the path of OSS's own host", function()
      local host = "oss-cn-hangzhou.aliyuncs.com:" .. server.port
      local reply = curl("http://" .. host .. "/public-bucket/thousand",
         "--resolve", host .. ":127.0.0.1")
      assert.are.equal("SecondLevelDomainForbidden", reply.code)
   end)

   it("speaks https with a certificate of its own authority", function()
      local reply = curl(server.https_endpoint .. "/public-bucket/thousand",
         "--cacert", server.ca_file)
      assert.are.equal(200, reply.status)
      reply = curl(server.https_endpoint .. "/public-bucket/thousand")
      assert.are.equal(60, reply.exit)
   end)

   it("keeps deleted versions and cold objects from readers", function()
      server:remove("gone", { bucket = "public-bucket",
         delete_marker = "M1" })
      local reply = curl(url .. "gone")
      assert.are.equal("NoSuchKey", reply.code)
      assert.are.equal("true", reply.headers["x-oss-delete-marker"])
      assert.are.equal(405, curl(url .. "gone?versionId=M1").status)
      server:put("cold", "x", { bucket = "public-bucket",
         storage_class = "Archive" })
      assert.are.equal("InvalidObjectState", curl(url .. "cold").code)
   end)

   it("checks the traffic limit", function()
      local function with(limit)
         return curl(url .. "thousand", "-H", "x-oss-traffic-limit: " .. limit)
      end
      assert.are.equal(200, with("819200").status)
      assert.are.equal("InvalidArgument", with("819199").code)
      assert.are.equal("InvalidArgument", with("838860801").code)
      assert.are.equal("InvalidArgument", with("fast").code)
   end)

   it("logs requests in the order of arrival", function()
      curl(url .. "thousand", "-r", "3-5")
      curl(url .. "missing")
      assert.is_true(server:settle())
      local requests = server:requests()
      assert.are.equal(2, #requests)
      assert.are.equal("GET", requests[1].method)
      assert.are.equal("thousand", requests[1].key)
      assert.are.equal("bytes=3-5", requests[1].range)
      assert.are.equal(206, requests[1].status)
      assert.are.equal(3, requests[1].bytes_sent)
      assert.are.equal(1, requests[1].connection)
      assert.are.equal(2, requests[2].connection)
      assert.are.equal(404, requests[2].status)
      assert.are.equal(1, #server:requests "missing")
      server:reset_log()
      assert.are.equal(0, #server:requests())
   end)

   describe("with a fault", function()
      local function fault(action, match)
         action.match = match
         return server:fault(action)
      end

      local function get(...)
         return curl(url .. "thousand", ...)
      end

      it("fails with a status, a code and headers", function()
         fault { status = 503, code = "DownloadTrafficRateLimitExceeded",
            headers = { ["Retry-After"] = "1",
               ["x-oss-qos-delay-time"] = "100" } }
         local reply = get()
         assert.are.equal(503, reply.status)
         assert.are.equal("DownloadTrafficRateLimitExceeded", reply.code)
         assert.are.equal("1", reply.headers["retry-after"])
         assert.are.equal("100", reply.headers["x-oss-qos-delay-time"])
         assert.are.equal(200, get().status)
      end)

      it("fails with a body that is not OSS's", function()
         fault { status = 502, body = "html" }
         fault { status = 500, body = "" }
         fault { status = 500, body = "<Error><Code>" }
         assert.matches("<html>", get().body)
         assert.are.equal("", get().body)
         assert.are.equal("<Error><Code>", get().body)
      end)

      it("ends a body early", function()
         fault { truncate = 400 }
         local reply = get()
         assert.are.equal(18, reply.exit)
         assert.are.equal("1000", reply.headers["content-length"])
         assert.are.equal(THOUSAND:sub(1, 400), reply.body)
      end)

      it("ends a body before its first byte", function()
         fault { truncate = 0 }
         local reply = get("-r", "0-99")
         assert.are.equal(18, reply.exit)
         assert.are.equal(206, reply.status)
         assert.are.equal("", reply.body)
      end)

      it("resets a connection", function()
         fault { reset = 400 }
         local reply = get()
         assert.are.equal(56, reply.exit)
         assert.is_true(#reply.body <= 400)
      end)

      it("drops a connection without an answer", function()
         fault { drop = true }
         local reply = get()
         assert.is_true(reply.exit == 52 or reply.exit == 56)
         assert.is_nil(reply.status)
      end)

      it("stalls", function()
         fault { stall = 400 }
         local reply = get("--max-time", "4")
         assert.are.equal(28, reply.exit)
         assert.are.equal(THOUSAND:sub(1, 400), reply.body)
         assert.is_true(server:settle())
      end)

      it("answers late", function()
         fault { delay = 0.3 }
         local before = helper.now()
         assert.are.equal(200, get().status)
         assert.is_true(helper.now() - before >= 0.3)
      end)

      it("sends slowly", function()
         server:put_random("slow", 300000, 1, { bucket = "public-bucket" })
         fault({ rate = 200000 }, { key = "slow" })
         local before = helper.now()
         assert.are.equal(300000, #curl(url .. "slow").body)
         assert.is_true(helper.now() - before >= 0.4)
      end)

      it("flips a bit", function()
         fault { flip = 500 }
         local body = get().body
         assert.are.equal(1000, #body)
         assert.are.equal(THOUSAND:sub(1, 500) .. "1" .. THOUSAND:sub(502),
            body)
         fault { flip = 7 }
         assert.are.equal("01234566", get("-r", "0-7").body)
      end)

      it("lies about the ETag and the CRC-64", function()
         fault { etag = '"X"', crc64 = "1" }
         local reply = get("-r", "0-9")
         assert.are.equal('"X"', reply.headers.etag)
         assert.are.equal("1", reply.headers["x-oss-hash-crc64ecma"])
         fault { crc64 = false }
         assert.is_nil(get().headers["x-oss-hash-crc64ecma"])
         fault { remove_header = "ETag" }
         assert.is_nil(get().headers.etag)
      end)

      it("lies about the range", function()
         fault { content_range = "bytes 1-10/1000" }
         local reply = get("-r", "0-9")
         assert.are.equal(206, reply.status)
         assert.are.equal("bytes 1-10/1000", reply.headers["content-range"])
         assert.are.equal("0123456789", reply.body)
         fault { content_range = false }
         assert.is_nil(get("-r", "0-9").headers["content-range"])
         fault { remove_header = "Content-Range" }
         assert.is_nil(get("-r", "0-9").headers["content-range"])
      end)

      it("sends less, or more, than was asked", function()
         fault { short = 3 }
         local reply = get("-r", "0-9")
         assert.are.equal("7", reply.headers["content-length"])
         assert.are.equal("bytes 0-9/1000", reply.headers["content-range"])
         assert.are.equal("0123456", reply.body)
         fault { long = 3 }
         reply = get("-r", "0-9")
         assert.are.equal("13", reply.headers["content-length"])
         assert.are.equal("0123456789012", reply.body)
      end)

      it("ignores the range", function()
         fault { ignore_range = true }
         local reply = get("-r", "0-9")
         assert.are.equal(200, reply.status)
         assert.are.equal(THOUSAND, reply.body)
      end)

      it("redirects", function()
         fault { redirect = "http://127.0.0.1:1/elsewhere" }
         local reply = get()
         assert.are.equal(302, reply.status)
         assert.are.equal("http://127.0.0.1:1/elsewhere",
            reply.headers.location)
      end)

      it("compresses what should not be", function()
         fault { gzip = true }
         local reply = get("-r", "0-9")
         assert.are.equal(200, reply.status)
         assert.are.equal("gzip", reply.headers["content-encoding"])
         assert.is_nil(reply.headers.etag)
         assert.is_nil(reply.headers["content-length"])
         assert.are.equal("\31\139", reply.body:sub(1, 2))
      end)

      it("plays an expired token, a changed object, a skewed clock", function()
         fault { expired_token = true }
         fault { changed = true }
         local reply = get()
         assert.are.equal(403, reply.status)
         assert.are.equal("SecurityTokenExpired", reply.code)
         reply = get()
         assert.are.equal(412, reply.status)
         assert.are.equal("PreconditionFailed", reply.code)
         fault { skew = 86400 }
         local sooner = os.date("!%a, %d %b %Y", os.time() + 86400)
         local date = get().headers.date:sub(1, #sooner)
         local later = os.date("!%a, %d %b %Y", os.time() + 86400)
         assert.is_true(date == sooner or date == later)
      end)

      it("acts on the requests that match, as often as it says", function()
         local id = fault({ status = 500 }, { nth = 2, times = 2,
            key = "thousand", range_start = 10 })
         local seen = {}
         for i = 1, 5 do
            get "-r0-1"
            seen[i] = get("-r", "10-11").status
         end
         assert.are.same({ 206, 500, 500, 206, 206 }, seen)
         assert.are.equal(2, server:fired(id))
      end)

      it("acts on every second request for ever", function()
         fault({ status = 500 }, { every = 2, times = false })
         local seen = {}
         for i = 1, 6 do
            seen[i] = get().status
         end
         assert.are.same({ 500, 200, 500, 200, 500, 200 }, seen)
         server:clear()
         assert.are.equal(200, get().status)
      end)

      it("acts on one connection", function()
         fault({ status = 500 }, { connection = 2, times = false })
         assert.are.equal(200, get().status)
         assert.are.equal(500, get().status)
         assert.are.equal(200, get().status)
      end)

      it("has no name that is not known", function()
         assert.has_error(function()
            server:fault { tuncate = 3 }
         end)
         assert.has_error(function()
            server:fault { truncate = 3, match = { kye = "x" } }
         end)
         assert.has_error(function()
            server:fault { match = { key = "x" } }
         end)
      end)
   end)
end)

describe("the raw server", function()
   local THOUSAND = ("0123456789"):rep(100)
   local server

   after_each(function()
      if server then
         server:stop()
         server = nil
      end
      helper.cleanup()
   end)

   local function start(script)
      script.object = { bytes = THOUSAND }
      server = raw.start(script)
      return server
   end

   local function get(...)
      return curl(server.endpoint .. "/example-bucket/x", ...)
   end

   it("answers right when nothing else was said", function()
      start {}
      local reply = get("-r", "10-19")
      assert.are.equal(206, reply.status)
      assert.are.equal("bytes 10-19/1000", reply.headers["content-range"])
      assert.are.equal("0123456789", reply.body)
      assert.are.equal(server.object.crc64,
         reply.headers["x-oss-hash-crc64ecma"])
      assert.are.equal(THOUSAND, get().body)
      local requests = server:requests()
      assert.are.equal(2, #requests)
      assert.are.equal("bytes=10-19", requests[1].range)
      assert.are.equal(2, server:connections())
   end)

   it("cuts an answer at any byte, with a FIN or a RST", function()
      start { { cut = 9 }, { cut = 40, ["then"] = "rst" } }
      local bytes, head = server:response()
      assert.are.equal(1000, #bytes - head)
      assert.are_not.equal(0, get().exit)
      assert.are.equal(56, get().exit)
      assert.are.equal(200, get().status)
   end)

   it("cuts a body where it is told", function()
      start {}
      local _, head = server:response({}, "bytes=0-99")
      server:stop()
      start { { cut = head + 33 } }
      local reply = get("-r", "0-99")
      assert.are.equal(18, reply.exit)
      assert.are.equal(THOUSAND:sub(1, 33), reply.body)
   end)

   it("falls silent", function()
      start { { cut = 300, ["then"] = "silence" } }
      assert.are.equal(28, get("--max-time", "4").exit)
   end)

   it("sends chunks, more than it said, and what came before", function()
      start {
         { chunked = 7 }, { chunked = 7, chunk_end = false, ["then"] = "fin" },
         { extra = 5, ["then"] = "fin" },
         { before = "HTTP/1.1 100 Continue\r\n\r\n" },
      }
      local reply = get()
      assert.are.equal(THOUSAND, reply.body)
      assert.is_nil(reply.headers["content-length"])
      assert.are.equal(18, get().exit)
      assert.are.equal(THOUSAND, get().body)
      assert.are.equal(200, get().status)
   end)

   it("sends headers that are too much", function()
      start { { header_line = 65536 }, { endless_headers = true } }
      assert.are.equal(65536 - #"x-long: ",
         #get().headers["x-long"] + 2)
      assert.are_not.equal(0, get().exit)
   end)

   it("sends errors of any size, and garbage", function()
      start { { error = 503, code = "ServiceUnavailable",
         body_size = 10 * 1024 * 1024 },
         { send = "\0\1\2garbage", ["then"] = "fin" } }
      local reply = get()
      assert.are.equal(503, reply.status)
      assert.are.equal("ServiceUnavailable", reply.code)
      assert.are.equal(10 * 1024 * 1024, #reply.body)
      assert.are_not.equal(0, get().exit)
   end)

   it("speaks before it is asked", function()
      start { { after = "connect", send = "HTTP/1.1 408 Timeout\r\n"
         .. "Content-Length: 0\r\n\r\n", ["then"] = "fin" } }
      assert.is_true(get().status == 408 or server:connections() == 1)
      assert.are.equal(200, get().status)
   end)

   it("changes headers, and matches ranges", function()
      start {
         { match = { range_start = 500 }, times = false,
            headers = { ETag = '"other"', ["Content-Range"] = false } },
      }
      assert.are_not.equal('"other"', get("-r", "0-9").headers.etag)
      for _ = 1, 2 do
         local reply = get("-r", "500-509")
         assert.are.equal('"other"', reply.headers.etag)
         assert.is_nil(reply.headers["content-range"])
      end
   end)

   it("drips", function()
      start { { drip = 0.001, drip_bytes = 100 } }
      assert.are.equal(THOUSAND, get().body)
   end)
end)

describe("the processes of the local OSS", function()
   helper.guard()

   it("go with the process that started them, and so does the folder",
      function()
         local child = helper.spawn { code = [[
            local server = require "spec.support.oss".start()
            io.write(server.folder, " ", server.endpoint, "\n")
            io.stdout:flush()
            while true do
               require "socket".sleep(1)
            end
         ]] }
         local folder, endpoint = helper.eventually(function()
            return child:output():match "^%S+ %S+\n"
         end, 60):match "^(%S+) (%S+)"
         assert.is_true(helper.exists(folder))
         assert.are.equal(404, curl(endpoint .. "/public-bucket/x").status)
         child:kill "KILL"
         assert.is_true(helper.eventually(function()
            return not helper.exists(folder)
         end, 60))
         assert.is_true(helper.eventually(function()
            return curl(endpoint .. "/public-bucket/x").exit == 7
         end, 60))
      end)
end)
