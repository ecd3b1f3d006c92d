--- A pull-through cache in front of a bucket: what is on disk is served by
--- nginx itself, what is not is fetched first, once for all who ask for it.
---
---   /models/<key>  the object, or 202 and a link to the live page meanwhile
---   /status        the state of all downloads, as Server-Sent Events
---
--- What the page shows lives in the shared dictionary `downloads`, so that
--- every worker can tell it; the downloads themselves belong to the worker
--- that started them. Of a key, "s:KEY" is what is shown, and "b:KEY" is there
--- while somebody is at it.

-- luacheck: globals ngx

local cjson = require "cjson.safe"
local ossdl = require "resty.ossdl"

local cache = {}

local downloads = ngx.shared.downloads
local client -- of this worker, made in cache.init_worker

local KEEP = 600      -- seconds that a finished download stays on the page
local INTERVAL = 0.25 -- seconds between two events
local TROUBLE = 5     -- seconds that an error is shown once all goes well again

--- For init_worker_by_lua: threads do not survive the fork of the worker.
---@param options table  of ossdl.new, and `folder`
function cache.init_worker(options)
   cache.folder = options.folder
   options.folder = nil
   client = assert(ossdl.new(options))
end

--- A key may hold anything; a file name of ours holds only what is harmless.
local function path_of(key)
   return cache.folder .. "/" .. ngx.escape_uri(key):gsub("%.", "%%2E")
end

local function show(key, state)
   state.key = key
   downloads:set("s:" .. key, cjson.encode(state), KEEP)
end

--- Shows each step; `last` is filled with the newest.
local function on_progress(key, last)
   local retries, until_when = 0, 0
   return function(p)
      if p.retries > retries then
         retries, until_when = p.retries, ngx.now() + TROUBLE
      end
      last.state, last.done, last.total = p.state, p.bytes_done, p.bytes_total
      last.rate, last.eta = p.rate, p.eta
      last.connections, last.retries = p.connections, p.retries
      last.trouble = ngx.now() < until_when and tostring(p.last_error) or nil
      show(key, last)
      downloads:set("b:" .. key, true, KEEP)
   end
end

--- Runs in a timer: the request that asked is long answered.
local function fetch(premature, key, path)
   if premature then return end
   local last = {}
   show(key, { state = "opening" })
   local result, err = client:download {
      object = key, file = path, on_progress = on_progress(key, last), busy = "wait",
   }
   if result then
      show(key, {
         state = "done", done = result.bytes, total = result.bytes, elapsed = result.elapsed,
         retries = result.retries, resumed = result.resumed,
      })
   else
      show(key, {
         state = "failed", done = last.done, total = last.total, retries = last.retries, trouble = tostring(err),
      })
   end
   downloads:delete("b:" .. key)
end

local function is_there(path)
   local file = io.open(path)
   if file then file:close() end
   return file ~= nil
end

--- For location /models/.
function cache.get()
   local key = ngx.unescape_uri(ngx.var.request_uri:match("^/models/([^?]*)") or "")
   if key == "" then return ngx.exit(404) end
   local path = path_of(key)
   if is_there(path) then
      return ngx.exec("/cached/" .. ngx.escape_uri(path:match("[^/]+$")))
   end
   -- One download per key, whichever worker was asked.
   if downloads:add("b:" .. key, true, KEEP) then
      local ok, err = ngx.timer.at(0, fetch, key, path)
      if not ok then
         downloads:delete("b:" .. key)
         ngx.log(ngx.ERR, "cannot start a download: ", err)
         return ngx.exit(503)
      end
   end
   ngx.status = 202
   ngx.header["Retry-After"] = "1"
   ngx.header["Content-Type"] = "text/html; charset=utf-8"
   ngx.say('It is on its way: <a href="/">watch it come</a>, then ask again.')
end

local function states()
   local list = {}
   for _, name in ipairs(downloads:get_keys(400)) do
      -- What was listed may have expired by now.
      local state = name:sub(1, 2) == "s:" and downloads:get(name)
      if state then list[#list + 1] = cjson.decode(state) end
   end
   table.sort(list, function(a, b) return a.key < b.key end)
   return #list > 0 and cjson.encode(list) or "[]"
end

--- For location /status. Ends when the reader goes away or the worker exits.
function cache.status()
   ngx.header["Content-Type"] = "text/event-stream"
   ngx.header["Cache-Control"] = "no-store"
   while not ngx.worker.exiting() do
      if not (ngx.print("data: ", states(), "\n\n") and ngx.flush(true)) then return end
      ngx.sleep(INTERVAL)
   end
end

return cache
