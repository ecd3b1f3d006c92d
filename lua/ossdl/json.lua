--- JSON by lua-cjson, which only some uses need: it is loaded by the first of
-- them. Neither function raises, and no message quotes what is decoded.

local json = {}

local MISSING = "%s needs lua-cjson: apt-get install lua-cjson, or luarocks install lua-cjson"

local function load_cjson(purpose)
   local found, cjson = pcall(require, "cjson.safe")
   if not found then
      return nil, MISSING:format(purpose)
   end
   return cjson
end

--- The table that a text stands for.
---@param text string
---@param purpose string what needs it, to begin a message with
---@return table?
---@return string? why only when lua-cjson is missing
function json.decode(text, purpose)
   local cjson, why = load_cjson(purpose)
   if not cjson then
      return nil, why
   end
   local value = cjson.decode(text)
   return type(value) == "table" and value or nil
end

--- The function that turns a table into its text.
---@param purpose string
---@return (fun(value: table): string)?
---@return string? why lua-cjson is missing
function json.encoder(purpose)
   local cjson, why = load_cjson(purpose)
   return cjson and cjson.encode, why
end

return json
