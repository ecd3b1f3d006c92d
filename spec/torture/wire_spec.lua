--- What a network and a server can do to an answer.

local helper = require "spec.helper"
local raw = require "spec.support.raw_server"
local scene = require "spec.torture.scene"

local BYTES = scene.noise(6000)
local PART = 2000

describe("on the wire", function()
   local healthy

   lazy_setup(function()
      healthy = raw.start { object = { bytes = BYTES } }
   end)

   lazy_teardown(function()
      healthy:stop()
   end)

   scene.guard()

   -- What came of an error does not stand in the way of the next run.
   local function recovers(options, note)
      options.endpoint, options.max_retries = healthy.endpoint, nil
      local result, err = scene.download(options, BYTES, note .. ", then a good server")
      assert(result, ("%s, then a good server: %s"):format(note, tostring(err)))
   end

   local function with(script, run)
      script.object = { bytes = BYTES }
      local server = raw.start(script)
      local ok, message = pcall(run, server, server:options {
         object = "object", file = helper.folder() .. "/target", part_size = PART, threads = 2,
         proxy = "", durable = false,
         stall_timeout = script[1] and script[1]["then"] == "silence" and 0.3 or 2, connect_timeout = 5,
         max_retries = script[1] and script[1].times == false and 1 or 6,
      })
      server:stop()
      if not ok then error(message, 0) end
   end

   local function survives(note, behaviour, expect)
      with({ behaviour }, function(_, options)
         local result, err = scene.download(options, BYTES, note)
         if expect == "ok" then assert(result, note .. ": " .. tostring(err)) end
         if expect and expect ~= "ok" then
            assert(err and err.kind == expect, ("%s: expected %s, got %s"):format(note, expect, tostring(err)))
         end
         if err then recovers(options, note) end
      end)
   end

   -- One range of the whole answer: its line, its headers, its body.
   for _, ending in ipairs { "fin", "rst", "silence" } do
      for _, request in ipairs { "the first", "a later" } do
         it(("%s at every interesting byte of %s answer ends in the right file"):format(ending, request), function()
            local head = 0
            with({}, function(server)
               local _
               _, head = server:response({}, "bytes=0-1999")
            end)
            local cuts = {}
            for at = 0, head + 2 do cuts[#cuts + 1] = at end
            for _, at in ipairs { 999, 1000, PART - 1 } do cuts[#cuts + 1] = head + at end
            for _, at in ipairs(scene.sample(cuts, ending == "silence" and 4 or 10)) do
               local start = request == "the first" and 0 or PART
               survives(("%s after %d bytes of %s answer"):format(ending, at, request), {
                  cut = at, ["then"] = ending, match = { range_start = start },
               }, "ok")
            end
         end)
      end
   end

   local once = {
      { "a status line of nonsense", { send = "what?\r\n\r\n" } },
      { "garbage instead of HTTP", { send = scene.noise(3000, 7) } },
      { "an empty answer", { send = "", ["then"] = "fin" } },
      { "an informational answer first", { before = "HTTP/1.1 100 Continue\r\n\r\n" } },
      { "a header line of 64 KiB", { header_line = 65536 } },
      { "endless headers", { endless_headers = true } },
      { "headers that drip", { drip = 0.005, drip_bytes = 1, cut = 200 } },
      { "a body that ends early though its length says more", { cut = 900 } },
      { "503 with XML", { error = 503, code = "ServiceUnavailable" } },
      { "503 with HTML", { status = "HTTP/1.1 503 Busy", body = "<html>busy</html>",
         headers = { ["Content-Type"] = "text/html" } } },
      { "503 without a body", { status = "HTTP/1.1 503 Busy", body = "" } },
      { "503 with 10 MB of body", { error = 503, code = "InternalError", body_size = 10 * 1024 * 1024 } },
      { "500", { error = 500, code = "InternalError" } },
      { "408", { error = 408, code = "RequestTimeout" } },
      { "429", { error = 429, code = "QpsLimitExceeded" } },
      { "a length header that is no number", { headers = { ["Content-Length"] = "many" } } },
   }
   for _, case in ipairs(once) do
      it(case[1] .. ", once, costs a retry and no more", function()
         for _, start in ipairs { 0, PART } do
            local behaviour = { match = { range_start = start } }
            for name, value in pairs(case[2]) do behaviour[name] = value end
            survives(case[1], behaviour, "ok")
         end
      end)
   end

   -- For ever. What comes of it when it is the first answer that is such; what
   -- when it is a later one, if that is another thing.
   local forever = {
      { "a wrong start in Content-Range", { headers = { ["Content-Range"] = "bytes 1-2000/6000" } }, "protocol" },
      { "a wrong end in Content-Range", { headers = { ["Content-Range"] = "bytes 2000-3998/6000" } }, "protocol" },
      { "a wrong total in Content-Range", { headers = { ["Content-Range"] = "bytes 2000-3999/6001" } },
         "protocol", "changed" },
      { "no Content-Range", { headers = { ["Content-Range"] = false } }, "protocol" },
      { "a Content-Range of nonsense", { headers = { ["Content-Range"] = "bytes x-y/z" } }, "protocol" },
      { "no ETag", { headers = { ETag = false } }, "protocol" },
      { "a weak ETag", { headers = { ETag = 'W/"abc"' } }, "protocol" },
      { "another ETag", { headers = { ETag = '"other"' } }, "changed" },
      { "a CRC that is no number", { headers = { ["x-oss-hash-crc64ecma"] = "12x" } }, "protocol" },
      { "another CRC", { headers = { ["x-oss-hash-crc64ecma"] = "12" } }, "protocol" },
      { "200 and the whole object", { ignore_range = true }, "ok", "protocol" },
      { "200 for a part", { status = "HTTP/1.1 200 OK" }, "checksum", "protocol" },
      { "204", { status = "HTTP/1.1 204 No Content", body = "" }, "protocol" },
      { "302", { status = "HTTP/1.1 302 Found", body = "",
         headers = { Location = "http://127.0.0.1:1/" } }, "service" },
      { "304", { status = "HTTP/1.1 304 Not Modified", body = "" }, "protocol" },
      { "412", { error = 412, code = "PreconditionFailed" }, "changed" },
      { "416", { error = 416, code = "InvalidRange" }, "ok", "changed" },
      { "403", { error = 403, code = "AccessDenied" }, "service" },
      { "404", { error = 404, code = "NoSuchKey" }, "service" },
      { "gzip that nobody asked for", { chunked = 500, headers = { ["Content-Encoding"] = "gzip" } }, "protocol" },
      { "a chunked answer", { chunked = 700 }, "ok" },
      { "a chunked answer without its end", { chunked = 700, chunk_end = false, ["then"] = "fin" }, "ok" },
      { "two lengths", { raw_headers = { "Content-Length: 5" } }, "protocol" },
      { "bytes after the end", { extra = 50 }, "ok" },
      { "503", { error = 503, code = "ServiceUnavailable" }, "service" },
   }
   for _, case in ipairs(forever) do
      it(case[1] .. ", again and again, never makes a wrong file", function()
         for _, start in ipairs { 0, PART } do
            local behaviour = { match = { range_start = start }, times = false }
            for name, value in pairs(case[2]) do behaviour[name] = value end
            survives(case[1], behaviour, start > 0 and case[4] or case[3])
         end
      end)
   end

   -- All answers agree, so that one of them alone cannot tell.
   local everywhere = {
      { "another ETag", { headers = { ETag = '"other"' } }, "ok" },
      { "another CRC", { headers = { ["x-oss-hash-crc64ecma"] = "12" } }, "checksum" },
      { "no CRC", { headers = { ["x-oss-hash-crc64ecma"] = false } }, "ok" },
      { "200 and the whole object", { ignore_range = true }, "ok" },
      { "200 and a part as if it were the whole", { status = "HTTP/1.1 200 OK" }, "checksum" },
      { "another body of the right length", { body = ("x"):rep(PART) }, "checksum" },
      { "silence in the body", { body = "", headers = { ["Content-Length"] = "2000" }, ["then"] = "silence" },
         "timeout" },
      { "an end in the headers", { cut = 100 }, "network" },
      { "garbage", { send = scene.noise(3000, 7), ["then"] = "fin" }, "protocol" },
   }
   for _, case in ipairs(everywhere) do
      it(case[1] .. ", in each answer, never makes a wrong file", function()
         local behaviour = { times = false }
         for name, value in pairs(case[2]) do behaviour[name] = value end
         survives(case[1], behaviour, case[3])
      end)
   end

   -- What a second request may hear about an object that was replaced.
   local replaced = {
      { "416, because it is shorter", { error = 416, code = "InvalidRange", headers = {
         ["Content-Range"] = "bytes */1000" } } },
      { "412", { error = 412, code = "PreconditionFailed" } },
   }
   for _, case in ipairs(replaced) do
      local behaviour = { match = { range_start = PART } }
      for name, value in pairs(case[2]) do behaviour[name] = value end

      it(case[1] .. ", once, ends the download as changed", function()
         survives(case[1], behaviour, "changed")
      end)

      it(case[1] .. ", once, starts it over when that is wanted", function()
         with({ behaviour }, function(_, options)
            options.on_change = "restart"
            local result, err = scene.download(options, BYTES, case[1])
            assert(result, tostring(err))
            assert.truthy(result.restarted:find("changed", 1, true))
         end)
      end)
   end

   -- Seconds since 1970 that a request was signed at.
   local function signed_at(request)
      local year, month, day, hour, minute, second =
         request.headers["x-oss-date"]:match "^(%d%d%d%d)(%d%d)(%d%d)T(%d%d)(%d%d)(%d%d)Z$"
      return os.time { year = year, month = month, day = day, hour = hour, min = minute, sec = second }
   end

   for _, minutes in ipairs { 20, -20 } do
      it(("a clock that is off by %d minutes is corrected by the server's"):format(minutes), function()
         local date = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 60 * minutes)
         for _, start in ipairs { 0, PART } do
            with({ { match = { range_start = start }, error = 403, code = "RequestTimeTooSkewed",
               headers = { Date = date } } }, function(server, options)
                  options.threads = 1
                  local result, err = scene.download(options, BYTES, "skew")
                  assert(result, tostring(err))
                  assert.equal(1, result.retries)
                  local requests = server:requests()
                  local first, last = signed_at(requests[1]), signed_at(requests[#requests])
                  assert.is_true(math.abs(last - first - 60 * minutes) < 60)
               end)
         end
      end)
   end

   it("a clock that no answer can set right ends the download", function()
      survives("skew", { times = false, error = 403, code = "RequestTimeTooSkewed" }, "service")
   end)

   it("an expired token is replaced by the provider's next one", function()
      for _, start in ipairs { 0, PART } do
         with({ { match = { range_start = start }, error = 403, code = "SecurityTokenExpired" } },
            function(server, options)
               options.threads, options.access_key_id, options.access_key_secret = 1, nil, nil
               local asked = 0
               options.credentials = function()
                  asked = asked + 1
                  return { access_key_id = "LTAIraw", access_key_secret = "x", security_token = "token" .. asked }
               end
               local result, err = scene.download(options, BYTES, "expired token")
               assert(result, tostring(err))
               assert.equal(2, asked)
               local requests = server:requests()
               assert.equal("token1", requests[1].headers["x-oss-security-token"])
               assert.equal("token2", requests[#requests].headers["x-oss-security-token"])
            end)
      end
   end)

   it("a bit flipped anywhere in a body is noticed, and the file is right", function()
      local places = {}
      for at = 0, PART - 1 do places[#places + 1] = at end
      for _, at in ipairs(scene.sample(places, 6)) do
         local byte = BYTES:byte(PART + at + 1)
         local flipped = byte % 2 == 0 and byte + 1 or byte - 1
         local body = BYTES:sub(PART + 1, PART + at) .. string.char(flipped) .. BYTES:sub(PART + at + 2, 2 * PART)
         survives("bit flipped at " .. at, { match = { range_start = PART }, body = body }, "ok")
      end
   end)

   it("a bit flipped anywhere in the headers never makes a wrong file", function()
      local text, head
      with({}, function(server) text, head = server:response({}, "bytes=2000-3999") end)
      local places = {}
      for at = 1, head do
         for bit = 0, 7 do places[#places + 1] = { at, bit } end
      end
      for _, place in ipairs(scene.sample(places, 30)) do
         local at, bit = place[1], 2 ^ place[2]
         local byte = text:byte(at)
         local flipped = math.floor(byte / bit) % 2 == 0 and byte + bit or byte - bit
         survives(("bit %d of byte %d of the headers"):format(place[2], at), {
            match = { range_start = PART },
            send = text:sub(1, at - 1) .. string.char(flipped) .. text:sub(at + 1),
         })
      end
   end)
end)
