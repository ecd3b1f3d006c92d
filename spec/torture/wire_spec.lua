--- What a network and a server can do to an answer.

local helper = require "spec.helper"
local raw = require "spec.support.raw_server"
local scene = require "spec.torture.scene"

local BYTES = scene.noise(6000)
local PART = 2000

describe("on the wire", function()
   scene.guard()

   local function with(script, run)
      script.object = { bytes = BYTES }
      local server = raw.start(script)
      local ok, message = pcall(run, server, server:options {
         object = "object", file = helper.folder() .. "/target", part_size = PART, threads = 2,
         proxy = "", durable = false,
         stall_timeout = 0.3, connect_timeout = 5,
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
      { "headers that drip", { drip = 0.05, drip_bytes = 1, cut = 200 } },
      { "a body that ends early though its length says more", { cut = 900 } },
      { "503 with XML", { error = 503, code = "ServiceUnavailable" } },
      { "503 with HTML", { status = 503, body = "<html>busy</html>", headers = { ["Content-Type"] = "text/html" } } },
      { "503 without a body", { status = 503, body = "" } },
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

   -- For ever: never a wrong file. The error, if any, is one of these.
   local forever = {
      { "a wrong start in Content-Range", { headers = { ["Content-Range"] = "bytes 1-2000/6000" } } },
      { "a wrong end in Content-Range", { headers = { ["Content-Range"] = "bytes 2000-3998/6000" } } },
      { "a wrong total in Content-Range", { headers = { ["Content-Range"] = "bytes 2000-3999/6001" } } },
      { "no Content-Range", { headers = { ["Content-Range"] = false } } },
      { "a Content-Range of nonsense", { headers = { ["Content-Range"] = "bytes x-y/z" } } },
      { "no ETag", { headers = { ETag = false } } },
      { "a weak ETag", { headers = { ETag = 'W/"abc"' } } },
      { "another ETag", { headers = { ETag = '"other"' } } },
      { "a CRC that is no number", { headers = { ["x-oss-hash-crc64ecma"] = "12x" } } },
      { "another CRC", { headers = { ["x-oss-hash-crc64ecma"] = "12" } } },
      { "200 and the whole object", { ignore_range = true } },
      { "200 for a part", { status = 200 } },
      { "204", { status = 204, body = "" } },
      { "302", { status = 302, body = "", headers = { Location = "http://127.0.0.1:1/" } } },
      { "304", { status = 304, body = "" } },
      { "412", { error = 412, code = "PreconditionFailed" } },
      { "416", { error = 416, code = "InvalidRange" } },
      { "403", { error = 403, code = "AccessDenied" } },
      { "404", { error = 404, code = "NoSuchKey" } },
      { "gzip that nobody asked for", { chunked = 500, headers = { ["Content-Encoding"] = "gzip" } } },
      { "a chunked answer", { chunked = 700 } },
      { "a chunked answer without its end", { chunked = 700, chunk_end = false, ["then"] = "fin" } },
      { "two lengths", { raw_headers = "Content-Length: 5\r\n" } },
      { "bytes after the end", { extra = 50 } },
      { "503", { error = 503, code = "ServiceUnavailable" } },
   }
   for _, case in ipairs(forever) do
      it(case[1] .. ", again and again, never makes a wrong file", function()
         for _, start in ipairs { 0, PART } do
            local behaviour = { match = { range_start = start }, times = false }
            for name, value in pairs(case[2]) do behaviour[name] = value end
            survives(case[1], behaviour)
         end
      end)
   end

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
