--- Checks what a maker of providers is given, where the program calls it: a
-- mistake that went unnoticed would mean other credentials than were wanted.

local argument = {}

local function listed(known)
   local names = {}
   for name in pairs(known) do
      names[#names + 1] = name
   end
   table.sort(names)
   return "'" .. table.concat(names, "', '") .. "'"
end

local function unknown(maker, key, known)
   if type(key) ~= "string" then
      return ("options of credentials.%s are named: a key of type %s is not known"):format(maker, type(key))
   end
   return ("unknown option '%s' of credentials.%s (known: %s)"):format((key:sub(1, 64):gsub("%c", "?")), maker,
      listed(known))
end

-- What is wrong with one option, or nil. Never shows a value.
local function complaint(maker, key, value, known)
   local wanted = known[key]
   if not wanted then
      return unknown(maker, key, known)
   elseif type(value) ~= wanted then
      return ("bad option '%s' of credentials.%s (%s expected, got %s)"):format(key, maker, wanted, type(value))
   end
end

--- Raises that the argument is not what it should be.
---@param maker string a function of ossdl.credentials
---@param expected string
---@param got string
---@param level integer of error(), as seen from this function
function argument.refuse(maker, expected, got, level)
   error(("bad argument to credentials.%s (%s expected, got %s)"):format(maker, expected, got), level)
end

--- Checks a table of options. Raises.
---@param maker string a function of ossdl.credentials
---@param given any
---@param known table<string, string> the type of each option
---@param level integer of error(), as seen from this function
function argument.check(maker, given, known, level)
   if type(given) ~= "table" then
      argument.refuse(maker, "table of the options " .. listed(known), type(given), level + 1)
   end
   -- Of several mistakes always the same one.
   local first
   for key, value in pairs(given) do
      local text = complaint(maker, key, value, known)
      if text and (not first or text < first) then
         first = text
      end
   end
   if first then
      error(first, level)
   end
end

return argument
