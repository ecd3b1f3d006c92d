--- The pull-through cache of examples/openresty, as one command starts it.

local http = require "socket.http"
local ltn12 = require "ltn12"
local helper = require "spec.helper"

local SIZE = 20 * 1024 * 1024

describe("the pull-through cache", function()
   local base, pid, log

   lazy_setup(function()
      math.randomseed(os.time() + math.floor(os.clock() * 1e6))
      local port = 20000 + math.random(0, 9999)
      base = ("http://127.0.0.1:%d"):format(port)
      log = os.tmpname()
      -- Ends by itself, should this process be killed.
      local pipe = assert(io.popen(
         ("PORT=%d SIZE=%d RATE=4000000 timeout 300 examples/openresty/run >%s 2>&1 & echo $!")
            :format(port, SIZE, log)))
      pid = pipe:read("*n")
      pipe:close()
      assert(helper.eventually(function() return (http.request(base .. "/")) end, 60), "it does not start: see " .. log)
   end)

   lazy_teardown(function()
      os.execute(("kill %d"):format(pid))
      helper.eventually(function() return not http.request(base .. "/") end, 30)
      os.remove(log)
   end)

   local function get(path)
      local chunks = {}
      local _, status = http.request { url = base .. path, sink = ltn12.sink.table(chunks) }
      return status, table.concat(chunks)
   end

   -- The stream has no end: what came until it was cut is enough.
   local function events()
      local pipe = io.popen(("curl -sN --max-time 1 %s/status"):format(base))
      local text = pipe:read("*a")
      pipe:close()
      return text
   end

   it("serves the page, which needs nothing from elsewhere", function()
      local status, page = get("/")
      assert.equal(200, status)
      assert.truthy(page:find("EventSource", 1, true))
      assert.is_nil(page:find("https?://"))
   end)

   it("answers 202 first, tells the progress, and then serves the object", function()
      local status, text = get("/models/llm/weights.bin")
      assert.equal(202, status)
      assert.truthy(text:find('href="/"', 1, true))
      assert.truthy(helper.eventually(function()
         return events():find('"key":"llm\\/weights.bin"', 1, true)
      end, 60), "no event for the download")
      assert.truthy(helper.eventually(function()
         return (get("/models/llm/weights.bin")) == 200
      end, 120), "the object does not come")
      local _, bytes = get("/models/llm/weights.bin")
      assert.equal(SIZE, #bytes)
      assert.truthy(events():find('"state":"done"', 1, true))
   end)

   it("says why a key that does not exist does not come", function()
      assert.equal(202, (get("/models/missing")))
      assert.truthy(helper.eventually(function()
         return events():find("NoSuchKey", 1, true)
      end, 60), "no event tells of the error")
   end)
end)
