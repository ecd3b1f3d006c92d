--- Errors: what `nil, err` brings. A table, so that a program can compare
-- fields, that prints as one line, so that a person can read it.

local core = require "ossdl.core"

---@class ossdl.Error
---@field kind string what sort of trouble: a key of `ossdl.error.kinds`
---@field message string one sentence, one line, no secret
---@field code? string "NoSuchKey", "ENOSPC", "CURLE_28": for programs
---@field status? integer HTTP status, when the service answered
---@field request_id? string of the service's answer
---@field ec? string the service's diagnosis number
---@field errno? integer of a failed system call
---@field retryable boolean the same call may succeed later
---@field resumable boolean bytes already fetched are kept for the next call
---@field attempts integer requests made in vain before giving up

local error_module = {}

-- The binding makes its errors with the same metatable.
local Error = core.error_metatable

--- Every kind of error, and what it means.
---@type table<string, string>
error_module.kinds = {}
for name, meaning in pairs(core.meanings) do
   if name ~= "ok" then
      error_module.kinds[name] = meaning
   end
end

--- True for an error of this library.
---@param value any
---@return boolean
function error_module.is(value)
   return type(value) == "table" and getmetatable(value) == Error
end

--- An error made in Lua.
---@param fields table kind, message; code, retryable and resumable if any
---@return ossdl.Error
function error_module.new(fields)
   return setmetatable({
      kind = fields.kind,
      message = error_module.line(fields.message),
      code = fields.code,
      retryable = fields.retryable or false,
      resumable = fields.resumable or false,
      attempts = 0,
   }, Error)
end

--- Any value as one short line of text.
---@param value any
---@return string
function error_module.line(value)
   local text = value
   if type(value) ~= "string" then
      local ok, converted = pcall(tostring, value)
      text = ok and type(converted) == "string" and converted
         or "a " .. type(value) .. " that cannot be printed"
   end
   text = text:gsub("%c+", " ")
   if #text > 500 then
      text = text:sub(1, 497) .. "..."
   end
   return text
end

-- "404, request 5C3D...": what to quote when asking for help.
local function details(err)
   local parts = {}
   if err.status then
      parts[#parts + 1] = ("%d"):format(err.status)
   end
   if err.request_id then
      parts[#parts + 1] = "request " .. err.request_id
   end
   if err.ec then
      parts[#parts + 1] = "EC " .. err.ec
   end
   return #parts > 0 and " (" .. table.concat(parts, ", ") .. ")" or ""
end

Error.__name = "ossdl.error"

function Error.__tostring(err)
   local title = tostring(rawget(err, "code") or rawget(err, "kind"))
   return title .. ": " .. tostring(rawget(err, "message")) .. details(err)
end

function Error.__concat(left, right)
   return tostring(left) .. tostring(right)
end

return error_module
