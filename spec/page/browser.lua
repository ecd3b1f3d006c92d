--- A headless Chromium that a spec drives, over the WebDriver protocol.
--
-- Browser and driver are both children of the spec, not one of the other, so
-- both are gone when the spec is. What they write goes to a folder of theirs.

local cjson = require "cjson"
local http = require "socket.http"
local lfs = require "lfs"
local ltn12 = require "ltn12"
local mime = require "mime"

local process = require "spec.support.process"

local browser = {}

local LIMIT = 60 -- seconds to start; a command has LuaSocket's own limit

-- It talks to the page and to nobody else.
local COMMAND = [[exec chromium --headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run \
   --disable-background-networking --disable-component-update --disable-sync --disable-extensions \
   --disable-dev-shm-usage --disable-breakpad --no-proxy-server --remote-debugging-port=0 \
   --user-data-dir="$HOME/profile" about:blank]]

---@class spec.Browser
local Browser = {}
Browser.__index = Browser

--- One command to the driver; gives its value, raises what it complains of.
local function ask(self, method, path, given)
   local body, parts = given and cjson.encode(given) or "", {}
   local _, status = http.request {
      url = self.driver_url .. path, method = method,
      headers = { ["Content-Type"] = "application/json", ["Content-Length"] = #body },
      source = ltn12.source.string(body), sink = ltn12.sink.table(parts),
   }
   if status ~= 200 then
      error(("the browser: %s %s: %s %s"):format(method, path, tostring(status), table.concat(parts)), 0)
   end
   return cjson.decode(table.concat(parts)).value
end

local function command(self, method, name, given)
   return ask(self, method, ("/session/%s/%s"):format(self.session, name), given)
end

--- Opens a page, and waits until it is loaded.
function Browser:open(url) command(self, "POST", "url", { url = url }) end

--- Runs JavaScript in the page and gives what it returns.
function Browser:run(script)
   return command(self, "POST", "execute/sync", { script = script, args = { cjson.null } })
end

--- Gives the page a size; a window itself cannot be as narrow as a telephone.
function Browser:resize(width, height)
   command(self, "POST", "goog/cdp/execute", { cmd = "Emulation.setDeviceMetricsOverride",
      params = { width = width, height = height, deviceScaleFactor = 1, mobile = width < 600 } })
end

--- Shows the page as one who prefers "dark" or "light" sees it.
function Browser:prefer(scheme)
   command(self, "POST", "goog/cdp/execute", { cmd = "Emulation.setEmulatedMedia",
      params = { features = { { name = "prefers-color-scheme", value = scheme } } } })
end

--- Writes what is to be seen to a PNG file.
function Browser:screenshot(path)
   process.write(path, (mime.unb64(command(self, "GET", "screenshot"))))
end

--- The ids of the processes that were started with this browser's folder.
function Browser:processes()
   local found = {}
   for name in lfs.dir "/proc" do
      local words = name:match "^%d+$" and process.read("/proc/" .. name .. "/cmdline") or ""
      if words:find(self.folder, 1, true) then found[#found + 1] = name end
   end
   return found
end

--- Ends browser and driver, and removes the folder.
function Browser:stop()
   if self.driver then self.driver:stop() end
   if self.chromium then self.chromium:stop() end
   process.remove_folder(self.folder)
end

local function wait_for(child, what, condition)
   local found = process.eventually(function() return condition() or child:status() and "ended" end, LIMIT)
   assert(found and found ~= "ended", what .. " does not start:\n" .. child:output() .. child:errors())
   return found
end

local function launch(self)
   local options = { env = { HOME = self.folder, TMPDIR = self.folder } }
   self.chromium = process.start({ "sh", "-c", COMMAND }, { env = options.env, remove = self.folder })
   local port = wait_for(self.chromium, "chromium", function()
      return (process.read(self.folder .. "/profile/DevToolsActivePort") or ""):match "^(%d+)\n"
   end)
   self.driver = process.start({ "chromedriver", "--port=0", "--log-path=" .. self.folder .. "/log" }, options)
   self.driver_url = "http://127.0.0.1:" .. wait_for(self.driver, "chromedriver", function()
      return self.driver:output():match "started successfully on port (%d+)"
   end)
   self.session = ask(self, "POST", "/session", { capabilities = { alwaysMatch = {
      ["goog:chromeOptions"] = { debuggerAddress = "127.0.0.1:" .. port } } } }).sessionId
end

--- Starts one; raises when it cannot.
---@return spec.Browser
function browser.start()
   local self = setmetatable({ folder = process.folder "browser" }, Browser)
   local ok, err = pcall(launch, self)
   if not ok then self:stop() end
   return ok and self or error(err, 0)
end

return browser
