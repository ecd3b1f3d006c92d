local ossdl = require "ossdl"

local fixture = require "spec.transfer.fixture"
local raw = require "spec.support.raw_server"

local KIB, MIB = fixture.KIB, fixture.MIB

describe("a download that meets", function()
   local test = fixture.new()
   local SIZE = 4 * MIB

   before_each(function()
      test.oss:put_random("object", SIZE)
   end)

   -- Downloads through a fault, which must have acted `times`.
   local function through(fault, times, extra)
      fault.match = fault.match or { key = "object", times = times }
      local id = test.oss:fault(fault)
      local result = test:fetch("object", test.target(), extra)
      assert.equal(times, test.oss:fired(id))
      return result
   end

   for _, body in ipairs { "xml", "html", "" } do
      local name = body == "" and "no body" or body
      it("a burst of 503 with " .. name .. " tries again", function()
         local result = through({ status = 503, body = body }, 3)
         assert.equal(3, result.retries)
         assert.is_true(result.verified)
      end)
   end

   for _, status in ipairs { 500, 502, 504, 429, 408 } do
      it(("a %d in its midst tries again"):format(status), function()
         local result = through({ status = status, match = { key = "object",
            nth = 2 } }, 1)
         assert.equal(1, result.retries)
      end)
   end

   it("a refusal to be retried with the code BadRequest tries again",
      function()
         local result = through({ status = 400, code = "BadRequest" }, 1)
         assert.equal(1, result.retries)
      end)

   it("an end of the connection before the answer tries again", function()
      through({ drop = true }, 2)
   end)

   it("an end of the connection within the body goes on behind it",
      function()
         local result = through({ truncate = 300 * KIB }, 3, { threads = 1 })
         assert.equal(3, result.retries)
         assert.equal(SIZE, test:bytes_sent "object")
      end)

   it("a reset connection goes on", function()
      through({ reset = 300 * KIB }, 3)
   end)

   it("a reset before the first byte tries again", function()
      through({ reset = 0 }, 2)
   end)

   it("a connection that falls silent gives it up", function()
      local result = through({ stall = 100 * KIB, match = { key = "object",
         nth = 2 } }, 1, { stall_timeout = 0.5, threads = 1 })
      assert.is_true(result.retries >= 1)
   end)

   if not fixture.quick then
      -- The service gets half a minute for its first byte, whatever
      -- stall_timeout is.
      it("an answer that never begins gives it up", function()
         local result = through({ delay = 90 }, 1, { stall_timeout = 0.5 })
         assert.is_true(result.retries >= 1)
      end)
   end

   it("a body that is shorter than its headers say goes on", function()
      through({ headers = { ["Content-Length"] = "500000" },
         match = { key = "object", nth = 2 } }, 1)
   end)

   it("an answer for another range does not use it", function()
      through({ content_range = "bytes 7-1048582/" .. SIZE,
         match = { key = "object", nth = 2 } }, 1)
   end)

   it("an answer without Content-Range does not use it", function()
      through({ content_range = false,
         match = { key = "object", nth = 2 } }, 1)
   end)

   it("a server that once ignores the range does not use it", function()
      through({ ignore_range = true,
         match = { key = "object", nth = 2 } }, 1)
   end)

   -- Those under way when it comes may still be on their way to the server.
   it("Retry-After leaves the service alone with all connections", function()
      through({ status = 503, headers = { ["Retry-After"] = "3" }, match = { key = "object", nth = 10 } }, 1,
         { threads = 4, part_size = 64 * KIB })
      local refused, after, meanwhile = nil, 0, 0
      for _, request in ipairs(test:requests "object") do
         if request.status == 503 then
            refused = request.time
         elseif refused and request.time > refused + 1 then
            after = after + 1
            meanwhile = meanwhile + (request.time < refused + 2.9 and 1 or 0)
         end
      end
      assert(after > 0, "nothing was left to ask for")
      assert.equal(0, meanwhile)
   end)

   it("Retry-After waits and goes on", function()
      local result = through({ status = 503,
         headers = { ["Retry-After"] = "1" } }, 1, { threads = 1 })
      assert.equal(1, result.retries)
      local requests = test:requests "object"
      assert.is_true(requests[2].time - requests[1].time >= 0.9)
   end)

   it("x-oss-qos-delay-time waits and goes on", function()
      local result = through({ status = 503, code = "DownloadTrafficRateLimitExceeded",
         headers = { ["x-oss-qos-delay-time"] = "700" } }, 1, { threads = 1 })
      assert.equal(1, result.retries)
      local requests = test:requests "object"
      assert.is_true(requests[2].time - requests[1].time >= 0.6)
   end)

   it("an outage goes on when it is over", function()
      local id = test.oss:fault { match = { key = "object", nth = 2,
         times = false }, drop = true }
      local over, tried = false, 0
      local result = test:fetch("object", test.target(), { threads = 2,
         progress_interval = 0.01, on_progress = function(p)
            tried = p.retries
            if tried >= 3 and not over then
               over = true
               test.oss:clear()
            end
         end })
      assert.is_true(over)
      assert.is_true(result.retries >= 3)
      assert.is_true(test.oss:fired(id) >= 3)
   end)

   it("a link that breaks again and again is never given up while it moves",
      function()
         local id = test.oss:fault { match = { key = "object",
            times = false }, truncate = 200 * KIB }
         local result = test:fetch("object", test.target(),
            { max_retries = 1, threads = 4, part_size = MIB })
         assert.is_true(result.retries > 8)
         assert.is_true(test.oss:fired(id) > 8)
      end)

   it("refusals on one connection is not given up while another one moves",
      function()
         local half = 512 * KIB
         test.oss:put_random("object", 2 * half)
         local server = raw.start {
            object = { path = test.oss:path "object" },
            { match = { range_start = half }, times = 8, error = 503 },
            { match = { range_start = 0 }, drip = 0.005, drip_bytes = 512 },
         }
         local file = test.target()
         local result, err = ossdl.download(server:options {
            object = "object", file = file, proxy = "", threads = 2,
            part_size = half, max_retries = 5 })
         server:stop()
         assert(result, tostring(err))
         test:check("object", file)
         assert.is_true(result.retries >= 8)
      end)

   it("some broken requests of many goes on", function()
      test.oss:fault { match = { key = "object", every = 3, times = false },
         status = 503 }
      test.oss:fault { match = { key = "object", every = 4, times = false },
         reset = 10 * KIB }
      test:fetch("object", test.target(), { part_size = 300 * KIB })
   end)
end)

describe("a download gives up", function()
   local test = fixture.new()

   before_each(function()
      test.oss:put_random("object", 2 * MIB)
   end)

   it("after max_retries failures without a byte, and says how many",
      function()
         test.oss:fault { match = { key = "object", times = false },
            status = 503 }
         local result, err = test:download("object", test.target(),
            { max_retries = 2, threads = 1 })
         assert.is_nil(result)
         assert.equal("service", err.kind)
         assert.equal(503, err.status)
         assert.equal(3, err.attempts)
         assert.is_true(err.retryable)
         assert.equal("string", type(err.request_id))
         assert.equal(3, #test:requests "object")
      end)

   it("at the first failure when max_retries is 0", function()
      test.oss:fault { match = { key = "object", times = false },
         status = 500 }
      local _, err = test:download("object", test.target(),
         { max_retries = 0 })
      assert.equal("service", err.kind)
      assert.equal(500, err.status)
      assert.equal(1, err.attempts)
      assert.equal(1, #test:requests "object")
   end)

   it("and keeps what it has for the next run", function()
      local file = test.target()
      test.oss:fault { match = { key = "object", nth = 2, times = false },
         drop = true }
      local _, err = test:download("object", file,
         { max_retries = 1, threads = 1 })
      assert.equal("network", err.kind)
      assert.is_true(err.retryable)
      assert.is_true(err.resumable)
      test.oss:clear()
      local result = test:fetch("object", file)
      assert.is_true(result.resumed > 0)
   end)

   it("on a connection that always falls silent, with a timeout", function()
      test.oss:fault { match = { key = "object", times = false }, stall = 0 }
      local _, err = test:download("object", test.target(),
         { max_retries = 1, threads = 1, stall_timeout = 0.3 })
      assert.equal("timeout", err.kind)
      assert.is_true(err.retryable)
   end)

   it("on a server that always sends too much", function()
      local server = raw.start { object = { bytes = ("x"):rep(3 * MIB) },
         default = { headers = { ["Content-Length"] = "1048577" },
            extra = 1 } }
      local result, err = ossdl.download(server:options { object = "a",
         file = test.target(), max_retries = 1, threads = 1, proxy = "" })
      server:stop()
      assert.is_nil(result)
      assert.equal("protocol", err.kind)
   end)
end)

describe("an odd answer", function()
   local test = fixture.new()

   it("after an outage is tried again like the outage", function()
      test.oss:put_random("object", 3 * MIB)
      test.oss:fault { match = { key = "object", nth = 2, times = 4 }, status = 503 }
      test.oss:fault { match = { key = "object", nth = 6, times = 1 },
         content_range = "bytes 5-6/7" }
      local result = test:fetch("object", test.target(),
         { max_retries = 20, threads = 1, part_size = MIB })
      assert.equal(5, result.retries)
   end)
end)
