--- ossdl in OpenResty, or nginx with its Lua module: the same functions, and
-- waiting yields to nginx.
--
-- Make a client once per worker, in init_worker_by_lua, or on first use. One
-- that was made in init_by_lua belongs to the master process: after the fork
-- its calls return an error of kind "forked".
--
-- Two requests in one worker that want the same object in the same file share
-- one transfer, with the options of the first one. With lua_check_client_abort
-- on, a download ends when the client of its request goes away and nobody else
-- waits for it; that takes the request's ngx.on_abort handler, unless one is
-- already set.

-- luacheck: globals ngx

local client = require "ossdl.client"
local flights = require "ossdl.flights"
local ossdl = require "ossdl"
local sign = require "ossdl.sign"

---@class resty.ossdl
local _M = {
   _NAME = "resty.ossdl",
   _VERSION = ossdl._VERSION,
   credentials = ossdl.credentials,
   error = ossdl.error,
   now = ossdl.now,
}

-- Phases that belong to a request whose client may go away.
local ABORTABLE = { access = true, content = true, rewrite = true }

-- The transfers of each request, by its context: one handler cancels all.
local KEY = "ossdl.transfers"

local function watch_request(transfer)
   if not ABORTABLE[ngx.get_phase()] then
      return
   end
   local context = ngx.ctx
   local transfers = context[KEY]
   if not transfers then
      transfers = setmetatable({}, { __mode = "k" })
      context[KEY] = transfers
      ngx.on_abort(function()
         for running in pairs(transfers) do
            running:cancel()
         end
      end)
   end
   transfers[transfer] = true
end

local ENVIRONMENT = {
   loop = "resty",
   flights = flights,
   -- Without lua_check_client_abort, on_abort declines; so be it.
   on_start = function(transfer)
      pcall(watch_request, transfer)
   end,
}

-- Callable as _M.new(options) and as _M:new(options).
local function argument(first, second)
   if first == _M then
      return second
   end
   return first
end

--- A client: see ossdl.new.
---@return ossdl.Client?
---@return ossdl.Error? err
function _M.new(first, second)
   local made, err = client.new(argument(first, second), 3, ENVIRONMENT)
   return made, err
end

--- Downloads one object; the light thread yields meanwhile.
---@return ossdl.Result?
---@return ossdl.Error? err
function _M.download(first, second)
   local result, err = client.download(argument(first, second), 3, ENVIRONMENT)
   return result, err
end

--- The headers that sign a request.
---@return table<string, string>? headers
---@return ossdl.Error? err
function _M.sign(first, second)
   local headers, err = sign.headers(argument(first, second), 3)
   return headers, err
end

--- A signed URL.
---@return string? url
---@return ossdl.Error? err
function _M.presign(first, second)
   local url, err = sign.url(argument(first, second), 3)
   return url, err
end

return _M
