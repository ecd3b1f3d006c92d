--- ossdl: downloads objects from Alibaba Cloud OSS, concurrently, resumably,
-- and never a wrong file.

local client = require "ossdl.client"
local core = require "ossdl.core"
local sign = require "ossdl.sign"

---@class ossdl
local ossdl = {
   _NAME = "ossdl",
   _VERSION = core.version,
   credentials = require "ossdl.credentials",
   error = require "ossdl.error",
}

--- A client: keeps its connections and serves many transfers. Options of
-- transfers given here are their defaults. A wrong option raises.
---@param options ossdl.ClientOptions
---@return ossdl.Client?
---@return ossdl.Error? err
function ossdl.new(options)
   local made, err = client.new(options, 3)
   return made, err
end

--- Downloads one object and waits for the end.
---@param options ossdl.ClientOptions and those of the transfer
---@return ossdl.Result?
---@return ossdl.Error? err
function ossdl.download(options)
   local result, err = client.download(options, 3)
   return result, err
end

--- The clock of the deadlines that a function of the option `loop` gets:
-- seconds that never go back; their zero means nothing.
---@return number
function ossdl.now()
   return core.now()
end

--- The headers that sign a request.
---@param options ossdl.SignOptions
---@return table<string, string>? headers
---@return ossdl.Error? err
function ossdl.sign(options)
   local headers, err = sign.headers(options, 3)
   return headers, err
end

--- A signed URL, good for options.expires seconds (3600).
---@param options ossdl.SignOptions
---@return string? url
---@return ossdl.Error? err
function ossdl.presign(options)
   local url, err = sign.url(options, 3)
   return url, err
end

return ossdl
