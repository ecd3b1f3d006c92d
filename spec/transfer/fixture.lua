--- What the specs of this folder share: a local OSS, a folder per test, and
-- downloads that stop half way.

local busted = require "busted"
local ossdl = require "ossdl"

local helper = require "spec.helper"
local oss = require "spec.support.oss"

local fixture = {}

fixture.KIB = 1024
fixture.MIB = 1024 * 1024


--- Options of a download of `key` to `file`.
local function options(server, key, file, extra)
   local all = server:options { object = key, file = file, proxy = "" }
   for name, value in pairs(extra or {}) do
      all[name] = value
   end
   return all
end

local Fixture = {}

--- A place for the file of a test.
---@return string
function Fixture.target()
   return helper.folder() .. "/target"
end

--- Options for ossdl.download.
function Fixture:options(key, file, extra)
   return options(self.oss, key, file, extra)
end

--- Options for ossdl.new: no bucket, object or file in them.
function Fixture:client_options(extra)
   local all = self.oss:options { proxy = "" }
   for name, value in pairs(extra or {}) do
      all[name] = value
   end
   return all
end

--- Downloads and gives what ossdl.download gives.
function Fixture:download(key, file, extra)
   return ossdl.download(self:options(key, file, extra))
end

--- Downloads, and fails unless the file is the object.
function Fixture:fetch(key, file, extra)
   local result, err = self:download(key, file, extra)
   assert(result, tostring(err))
   self:check(key, file, extra)
   return result
end

--- Fails unless the file is the object, and nothing lies beside it.
function Fixture:check(key, file, extra)
   local object = self.oss:path(key, extra)
   if not helper.same_file(object, file) then
      error(("%s is not %s"):format(file, key), 2)
   end
   for _, ending in ipairs { ".part", ".cp" } do
      if helper.exists(file .. ending) then
         error(file .. ending .. " was left behind", 2)
      end
   end
end

-- What a request asks for in a download that is to be interrupted.
local STEP = 512 * 1024

--- Downloads until exactly `bytes` have come, a multiple of 512 KiB, and
-- cancels. Gives the error.
function Fixture:interrupt(key, file, bytes, extra)
   -- What lies behind that does not come, so time plays no part.
   local size = helper.size(self.oss:path(key))
   for start = bytes, size - 1, STEP do
      self.oss:fault { match = { key = key, range_start = start,
         times = false }, stall = 0 }
   end
   -- With a limit, however high, no connection is judged to be slow.
   local all = { part_size = STEP, max_rate = 1e12, progress_interval = 0.01,
      on_progress = function(p)
         return p.bytes_done < bytes
      end }
   for name, value in pairs(extra or {}) do
      all[name] = value
   end
   local result, err = self:download(key, file, all)
   self.oss:clear()
   assert(not result, "the download was not interrupted")
   assert(err.kind == "cancelled", tostring(err))
   return err
end

--- Downloads at `rate` bytes per second until `act` has done what it wants.
--
-- It is called with each progress; true lifts the limit, false cancels.
---@return table? result
---@return table? err
function Fixture:slowly(key, file, rate, act, extra)
   local client = assert(ossdl.new(self:client_options { max_rate = rate }))
   local all = { object = key, file = file, progress_interval = 0.01,
      on_progress = function(p)
         local verdict = act(p)
         if verdict then
            client:set_max_rate(0)
         end
         return verdict
      end }
   for name, value in pairs(extra or {}) do
      all[name] = value
   end
   local ok, result, err = pcall(client.download, client, all)
   client:close()
   if not ok then
      error(result, 0)
   end
   return result, err
end

--- The requests for a key, once all have ended.
function Fixture:requests(key)
   assert(self.oss:settle(60), "requests are still in progress")
   return self.oss:requests(key)
end

--- Bytes of bodies that the service has sent for a key.
function Fixture:bytes_sent(key)
   assert(self.oss:settle(60), "requests are still in progress")
   return self.oss:bytes_sent(key)
end

--- First byte and length of a logged request's range.
function fixture.range(request)
   local first, last = request.range:match "^bytes=(%d+)%-(%d+)$"
   return tonumber(first), tonumber(last) - tonumber(first) + 1
end

local function forget(self)
   self.oss:clear()
   self.oss:set { clock = 0 }
   self.oss:require_token(false)
   self.oss:reset_log()
end

--- A local OSS for the enclosing `describe`, in `.oss`; nothing that a test
-- starts may be left after it. Options are those of oss.start.
---@param given table?
---@return table
function fixture.new(given)
   local self = setmetatable({}, { __index = Fixture })
   busted.lazy_setup(function()
      self.oss = oss.start(given)
      self.oss:put("warm-up", "warm up")
      assert(self:download("warm-up", self.target()))
      helper.cleanup()
   end)
   busted.lazy_teardown(function()
      if self.oss then
         self.oss:stop()
      end
   end)
   helper.guard()
   busted.before_each(function()
      forget(self)
   end)
   return self
end

--- Runs `callback` and gives what it raised, or nil.
function fixture.raised(callback)
   local ok, problem = pcall(callback)
   if ok then
      return nil
   end
   return problem
end

fixture.quick = os.getenv "TORTURE" ~= "full"

return fixture
