--- Errors of kind "credentials". Why a provider failed may be any value; one of
-- our errors also tells whether it may go better later.

local error_module = require "ossdl.error"

local failure = {}

--- A reason in words, without its kind, since another error will quote it.
---@param reason any
---@return string
function failure.text(reason)
   return error_module.is(reason) and reason.message or error_module.line(reason)
end

--- True when the same call may succeed later.
---@param reason any
---@return boolean
function failure.passes(reason)
   return error_module.is(reason) and reason.retryable or false
end

---@param text string
---@param reason? any what it comes from
---@return ossdl.Error
function failure.new(text, reason)
   return error_module.new {
      kind = "credentials", message = text, resumable = true, retryable = failure.passes(reason),
   }
end

return failure
