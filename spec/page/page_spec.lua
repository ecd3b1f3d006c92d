--- The page of the pull-through cache, as someone sees it who watches a
--- download: in a real browser, with an OSS that is slow and then fails.
---
--- Pictures go to build/page; they are there to be looked at.

local http = require "socket.http"
local ltn12 = require "ltn12"

local browser = require "spec.page.browser"
local helper = require "spec.helper"
local oss = require "spec.support.oss"
local process = require "spec.support.process"

local KEY = "llm/weights.bin"
local SIZE = 64 * 1024 * 1024
local RATE = 120000 -- bytes per second of a connection; with eight it would take more than a minute
local LIMIT = 90    -- seconds for whatever is waited for
local SIZES = { wide = { 1280, 800 }, narrow = { 390, 844 } }

-- What the page tells about each download, and how long its bar is.
local ROWS = [[
   return [...document.querySelectorAll("article")].map(row => {
      const text = name => row.querySelector(name).textContent;
      const width = name => row.querySelector(name).getBoundingClientRect().width;
      return { key: text(".key"), state: text(".state"), trouble: text(".trouble"),
         facts: [...row.querySelectorAll(".facts span")].map(e => e.textContent).join("; "),
         bar: width(".fill") / width(".track") };
   });
]]

-- What sticks out of the page or is cut off by the box it is in.
local CUT = [[
   const out = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
   for (const e of document.querySelectorAll("body *:not(script):not(style)")) {
      const box = e.getBoundingClientRect();
      if (box.right > innerWidth + 0.5 || box.left < -0.5 || e.clientWidth && e.scrollWidth > e.clientWidth)
         out.push(e.tagName + "." + e.className);
   }
   return out.join(", ");
]]

describe("the page of the pull-through cache", function()
   local server, cache, folder, base, page

   lazy_setup(function()
      server = oss.start {}
      server:put_random(KEY, SIZE)
      -- The worker of nginx is another user, who must get to what is in here.
      folder = process.folder "page"
      process.shell("mkdir -p build/page && chmod 755 " .. helper.quote(folder))
      local port = ("%d"):format(process.free_port())
      base = "http://127.0.0.1:" .. port
      cache = process.start({ "examples/openresty/run" }, { remove = folder, env = {
         TMPDIR = folder, PORT = port, OSS_ENDPOINT = server.endpoint, OSS_REGION = server.region,
         BUCKET = server.bucket, OSS_ACCESS_KEY_ID = server.access_key_id,
         OSS_ACCESS_KEY_SECRET = server.access_key_secret } })
      assert(helper.eventually(function() return cache:status() or http.request(base .. "/") end, LIMIT)
         and not cache:status(), "the cache does not start: " .. cache:errors())
      page = browser.start()
   end)

   lazy_teardown(function()
      if page then page:stop() end
      if cache then
         cache:kill "TERM"
         cache:wait(LIMIT)
         cache:stop()
      end
      if server then server:stop() end
      if folder then process.remove_folder(folder) end
      assert(not page or helper.eventually(function() return #page:processes() == 0 end, LIMIT),
         "a process of the browser is left")
   end)

   local function get(path)
      local chunks = {}
      local _, status, headers = http.request { url = base .. path, sink = ltn12.sink.table(chunks) }
      return status, table.concat(chunks), headers
   end

   local function row(key)
      for _, it in ipairs(page:run(ROWS)) do
         if it.key == key then return it end
      end
   end

   --- Waits until the row of a key is as `condition` wants it, and gives it.
   local function watch(key, what, condition)
      local last
      local found = helper.eventually(function()
         last = row(key)
         return last and condition(last) and last
      end, LIMIT)
      return found or error(("the page never shows %s; at last: %s"):format(what,
         last and table.concat({ last.state, last.facts, last.trouble, last.bar }, " | ") or "nothing"), 0)
   end

   local function is_done(it) return it.state == "done" and it.bar > 0.999 end

   --- Takes a picture in each size, and sees that nothing is cut.
   local function look(name)
      for size, pixels in pairs(SIZES) do
         page:resize(pixels[1], pixels[2])
         assert.equal("", page:run(CUT), "cut or sticking out at this width: " .. size)
         page:screenshot(("build/page/%s-%s.png"):format(name, size))
      end
   end

   --- How many requests that were refused with 503 were made again and answered. Where a
   --- range begins tells which one it is: its end moves when idle connections take a share.
   local function answered_again()
      local refused, count = {}, 0
      server:settle(LIMIT)
      for _, request in ipairs(server:requests(KEY)) do
         local start = (request.range or ""):match "bytes=(%d+)" or ""
         if request.status == 503 then
            refused[start] = true
         elseif request.status == 206 and refused[start] then
            count = count + 1
         end
      end
      return count
   end

   it("says that there is nothing yet", function()
      page:open(base .. "/")
      assert.truthy(helper.eventually(function()
         return page:run "return document.getElementById('link').textContent" == "live"
      end, LIMIT), "the page gets no events")
      assert.truthy(page:run("return document.body.innerText"):find("Nothing yet", 1, true))
      look "empty"
   end)

   it("shows a download that moves, fails, is tried again and ends", function()
      server:fault { match = { key = KEY, times = false }, rate = RATE }

      local status, text, headers = get("/models/" .. KEY)
      assert.equal(202, status)
      assert.equal("1", headers["retry-after"])
      assert.truthy(text:find('<a href="/">', 1, true))

      local first = watch(KEY, "a bar that has begun", function(it) return it.bar > 0 end)
      watch(KEY, "a bar that grows", function(it) return it.bar > first.bar end)
      watch(KEY, "rate, time left and connections", function(it)
         return it.facts:find "%d [KM]iB/s" and it.facts:find "%d %a+ left" and it.facts:find "%d connections?"
      end)
      look "running"

      -- What is under way goes on slowly; whatever is asked from now on is refused.
      server:clear()
      local outage = server:fault { match = { key = KEY, times = false }, status = 503, body = "xml",
         code = "ServiceUnavailable" }
      local failing = watch(KEY, "the error", function(it) return it.trouble ~= "" end)
      look "trouble"
      assert.equal("running", failing.state)
      assert.truthy(failing.trouble:find("ServiceUnavailable", 1, true), failing.trouble)
      assert.truthy(failing.facts:find "%d retr", failing.facts)
      assert.is_true(failing.bar > 0 and failing.bar < 1)
      assert.is_true(server:fired(outage) > 0)

      server:clear()
      local done = watch(KEY, "the end", is_done)
      look "done"
      assert.equal("", done.trouble)
      assert.truthy(done.facts:find("100.0 %; 64.0 MiB of 64.0 MiB", 1, true), done.facts)
      assert.is_true(answered_again() > 0, "no refused request was made again")

      local code, bytes = get("/models/" .. KEY)
      assert.equal(200, code)
      assert.is_true(bytes == helper.read(server:path(KEY)), "the cache serves other bytes")
   end)

   it("says why an object does not come, and takes it when it is asked again", function()
      local key = "missing <b>bold</b>&amp; a rather long name that needs more than one line.bin"
      local path = "/models/" .. key:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
      assert.equal(202, (get(path)))
      local failed = watch(key, "the failure", function(it) return it.state == "failed" end)
      assert.truthy(failed.trouble:find("NoSuchKey", 1, true), failed.trouble)
      look "failed"
      page:prefer "dark"
      look "dark"
      page:prefer "light"

      server:put(key, "here it is")
      -- A download that has just failed may not have ended yet.
      watch(key, "the end", function(it)
         return is_done(it) or get(path) and false
      end)
      local status, bytes = get(path)
      assert.equal(200, status)
      assert.equal("here it is", bytes)
   end)
end)
