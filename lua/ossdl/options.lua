--- What to do with options: check, complete, explain. Pure: needs no C module.

local environment = require "ossdl.environment"

local options = {}

local EXACT = 9007199254740992 -- 2^53

---@type ossdl.Option[]
options.list = require "ossdl.schema"

---@type table<string, ossdl.Option>
options.by_name = {}
---@type table<string, ossdl.Option[]>
local by_scope = { client = {}, transfer = {}, sign = {} }
for _, option in ipairs(options.list) do
   options.by_name[option.name] = option
   table.insert(by_scope[option.scope], option)
end

-- What the same thing is called elsewhere.
local ELSEWHERE = {
   checkpointpath = "checkpoint",
   concurrency = "threads",
   connections = "threads",
   enablecheckpoint = "checkpoint",
   filename = "file",
   filepath = "file",
   insecure = "tls_verify",
   key = "object",
   objectkey = "object",
   path = "file",
   progress = "on_progress",
   progresscallback = "on_progress",
   resume = "checkpoint",
   ststoken = "security_token",
   threadnum = "threads",
   timeout = "stall_timeout",
}

-- Length of the shortest list of single-letter edits from a to b.
local function distance(a, b)
   local row = {}
   for j = 0, #b do
      row[j] = j
   end
   for i = 1, #a do
      local diagonal = row[0]
      row[0] = i
      for j = 1, #b do
         local cost = a:byte(i) == b:byte(j) and 0 or 1
         local best = math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
         diagonal, row[j] = row[j], best
      end
   end
   return row[#b]
end

local function plain(name)
   return (name:lower():gsub("[^%w]", ""))
end

--- The known name nearest to a wrong one. Nil when half of that, or more, would
-- have to change: then it was no slip, and a suggestion would mislead.
---@param wrong string
---@return string?
function options.nearest(wrong)
   local given = plain(wrong:sub(1, 64))
   local known, least = ELSEWHERE[given], #given / 2
   if known then
      return known
   end
   for _, option in ipairs(options.list) do
      local edits = distance(given, plain(option.name))
      if edits < least then
         known, least = option.name, edits
      end
   end
   return known
end

local function is_whole(value)
   return value == math.floor(value) and value >= -EXACT and value <= EXACT
end

-- Keys in a fixed order, so that two mistakes always give the same message.
local function sorted_keys(values)
   local keys = {}
   for key in pairs(values) do
      keys[#keys + 1] = key
   end
   table.sort(keys, function(a, b)
      return tostring(a) < tostring(b)
   end)
   return keys
end

-- A key as it may stand in a message.
local function shown(key)
   return (key:sub(1, 64):gsub("%c", "?"))
end

-- What is wrong in a table of names to strings or numbers, or nil. Values may
-- be secrets.
local function map_flaw(values)
   for _, name in ipairs(sorted_keys(values)) do
      local content = type(values[name])
      if type(name) == "number" then
         return ("index %s instead of a name"):format(tostring(name))
      elseif type(name) ~= "string" then
         return ("a %s instead of a name"):format(type(name))
      elseif content ~= "string" and content ~= "number" then
         return ("a %s as the value of '%s'"):format(content, shown(name))
      end
   end
end

local function is_map(value)
   return type(value) == "table" and not map_flaw(value)
end

-- What is wrong in a list of header names, or nil.
local function list_flaw(values)
   local keys = sorted_keys(values)
   for _, key in ipairs(keys) do
      if type(key) == "string" then
         return ("the name '%s' instead of an index"):format(shown(key))
      elseif type(key) ~= "number" then
         return ("a %s instead of an index"):format(type(key))
      end
   end
   for index = 1, #keys do
      local name = values[index]
      if name == nil then
         return "a list with gaps"
      elseif type(name) ~= "string" then
         return ("a %s as entry %d"):format(type(name), index)
      elseif not name:find "^[%w_-]+$" then
         return ("no header's name as entry %d"):format(index)
      end
   end
end

local function is_list(value)
   return type(value) == "table" and not list_flaw(value)
end

local function in_bounds(value, option)
   return value == value and value >= (option.min or -math.huge)
      and value <= (option.max or math.huge)
end

-- What may not be in a string, or nil.
local function forbidden(word, option)
   return option.without or word == "path" and "NUL bytes" or nil
end

local LETTERS = { ["upper-case letters"] = "^[A-Z]+$" }

local function consists_of(value, what)
   return not what or value:find(LETTERS[what]) ~= nil
end

local function is_free_of(value, what)
   if what == "control characters" then
      return not value:find "%c"
   end
   return not what or not value:find("\0", 1, true)
end

local checks = {}

function checks.string(value, option)
   return type(value) == "string" and (value ~= "" or option.empty or false)
      and is_free_of(value, forbidden("string", option)) and consists_of(value, option.of)
end

function checks.path(value, option)
   return type(value) == "string" and value ~= ""
      and is_free_of(value, forbidden("path", option))
end

function checks.integer(value, option)
   return type(value) == "number" and in_bounds(value, option)
      and is_whole(value)
end

function checks.number(value, option)
   return type(value) == "number" and in_bounds(value, option)
end

function checks.boolean(value)
   return type(value) == "boolean"
end

checks["function"] = function(value)
   return type(value) == "function"
end

function checks.table(value)
   return type(value) == "table"
end

checks.map = is_map
checks.list = is_list

function checks.choice()
   return false
end

-- One of them has to pass. Looked up once: starting a transfer is to cost little.
---@type table<ossdl.Option, function[]>
local checks_of = {}
for _, option in ipairs(options.list) do
   checks_of[option] = {}
   for word in option.type:gmatch "[^|]+" do
      table.insert(checks_of[option], checks[word])
   end
end

local names = {
   map = "table of names to strings or numbers",
   list = "list of header names",
}

--- A number as a person writes it.
---@param number number
---@return string
function options.numeral(number)
   return number == math.floor(number) and ("%.0f"):format(number)
      or ("%g"):format(number)
end

-- "string without NUL bytes that is not empty"
local function expected_text(word, option)
   local what = forbidden(word, option)
   if option.of then
      return word .. " of " .. option.of
   end
   return word .. (what and " without " .. what or "")
      .. (word == "string" and not option.empty and " that is not empty" or "")
end

-- "integer between 1 and 1024 or "auto""
local function expected(option)
   local parts = {}
   for word in option.type:gmatch "[^|]+" do
      local text = names[word] or word
      if word == "string" or word == "path" then
         text = expected_text(word, option)
      end
      if option.min then
         text = ("%s between %s and %s"):format(text, options.numeral(option.min),
            options.numeral(option.max))
      end
      if word ~= "choice" then
         parts[#parts + 1] = text
      end
   end
   for _, choice in ipairs(option.choices or {}) do
      parts[#parts + 1] = type(choice) == "string" and ("%q"):format(choice)
         or tostring(choice)
   end
   return table.concat(parts, " or ")
end

-- What can be wrong with any string, without showing it.
local function string_flaw(value)
   if value == "" then
      return "an empty string"
   elseif value:find("\0", 1, true) then
      return "a string with a NUL byte"
   elseif value:find "[\r\n]" then
      return "a string with a line break"
   elseif value:find "%c" then
      return "a string with a control character"
   end
end

local TABLE_FLAWS = { map = map_flaw, list = list_flaw }

-- What was given: enough to see the mistake, never a secret, and nothing long
-- enough to be one that strayed here.
local function given(value, option)
   local kind = type(value)
   local table_flaw = TABLE_FLAWS[option.type]
   local flaw = kind == "string" and string_flaw(value)
      or kind == "table" and table_flaw and table_flaw(value)
   if flaw then
      return flaw
   elseif option.secret then
      return kind
   elseif kind == "number" then
      return is_whole(value) and ("%.0f"):format(value) or tostring(value)
   elseif kind == "string" and #value <= 12 then
      return '"' .. value .. '"'
   elseif kind == "boolean" then
      return tostring(value)
   end
   return kind
end

local function is_valid(value, option)
   for _, choice in ipairs(option.choices or {}) do
      if value == choice then
         return true
      end
   end
   for _, passes in ipairs(checks_of[option]) do
      if passes(value, option) then
         return true
      end
   end
   return false
end

--- Why a value is not acceptable, or nil.
---@param name string
---@param value any
---@return string? complaint
function options.complaint(name, value)
   local option = options.by_name[name]
   if is_valid(value, option) then
      return nil
   end
   return ("bad option '%s' (%s expected, got %s)"):format(name,
      expected(option), given(value, option))
end

local function unknown(key)
   if type(key) ~= "string" then
      return ("options are named: a key of type %s is not known"):format(
         type(key))
   end
   local near = options.nearest(key)
   return ("unknown option '%s'"):format(shown(key)) .. (near and (" (did you mean '%s'?)"):format(near) or "")
end

-- Options that only make sense together.
local function combination(values)
   local id, secret = values.access_key_id, values.access_key_secret
   if id and not secret then
      return "option 'access_key_id' is given without 'access_key_secret'"
   elseif secret and not id then
      return "option 'access_key_secret' is given without 'access_key_id'"
   elseif values.security_token and not id then
      return "option 'security_token' is given without 'access_key_id'"
   elseif id and values.credentials then
      return "give either 'credentials' or 'access_key_id', not both"
   end
end

local function complaint_of_key(key, value, scope)
   local option = options.by_name[key]
   if not option then
      return unknown(key)
   elseif scope == "sign" then
      if option.scope ~= "sign" and not option.sign then
         return ("option '%s' has no meaning for a signature"):format(key)
      end
   elseif option.scope == "sign" then
      return ("option '%s' belongs to ossdl.sign and ossdl.presign"):format(key)
   elseif scope == "transfer" and option.scope ~= "transfer" then
      return ("option '%s' belongs to the client: give it to ossdl.new"):format(
         key)
   end
   return options.complaint(key, value)
end

-- Of several mistakes always the same one.
local function first_complaint(values, scope)
   for _, key in ipairs(sorted_keys(values)) do
      local complaint = complaint_of_key(key, values[key], scope)
      if complaint then
         return complaint
      end
   end
end

--- Checks a table of options and splits a copy of it by scope. Raises.
---@param values table
---@param scope "client"|"transfer"|"sign" "client" takes transfers', too
---@param level integer of error(), as seen from this function
---@return table client, table transfer, table sign
function options.parse(values, scope, level)
   if type(values) ~= "table" then
      error(("table of options expected, got %s"):format(type(values)), level)
   end
   local split = { client = {}, transfer = {}, sign = {} }
   for key, value in pairs(values) do
      if complaint_of_key(key, value, scope) then
         error(first_complaint(values, scope), level)
      end
      split[options.by_name[key].scope][key] = value
   end
   local complaint = combination(split.client)
   if complaint then
      error(complaint, level)
   end
   return split.client, split.transfer, split.sign
end

--- One way of writing a path, for two that mean the same.
---@param path string
---@return string
function options.tidy_path(path)
   local previous
   path = path:gsub("//+", "/")
   repeat
      previous = path
      path = path:gsub("/%./", "/"):gsub("^%./", "")
   until path == previous
   return path
end

-- The checkpoint may not lie where the data does.
local function collision(values)
   if type(values.checkpoint) ~= "string" then
      return nil
   end
   local checkpoint = options.tidy_path(values.checkpoint)
   local file = options.tidy_path(values.file)
   if checkpoint == file then
      return "bad option 'checkpoint' (it is the path of 'file'; choose "
         .. "another)"
   elseif checkpoint == file .. ".part" then
      return "bad option 'checkpoint' (the data is in that path, '<file>.part', "
         .. "until it is complete; choose another)"
   end
end

--- All options of a scope: the given ones, else the fallback's, else the
-- defaults. Raises when a required one is missing, or two of them collide.
---@param scope "client"|"transfer"
---@param values table
---@param fallback table
---@param level integer of error(), as seen from this function
---@return table
function options.complete(scope, values, fallback, level)
   local complete = {}
   for _, option in ipairs(by_scope[scope]) do
      local value = values[option.name]
      if value == nil then
         value = fallback[option.name]
      end
      if value == nil then
         value = option.default
      end
      if value == nil and option.required then
         error(("option '%s' is missing"):format(option.name), level)
      end
      complete[option.name] = value
   end
   local complaint = scope == "transfer" and collision(complete)
   if complaint then
      error(complaint, level)
   end
   return complete
end

--- Completes endpoint and region from the environment: both when neither is
-- given, the region when the endpoint does not tell it. Raises when there is
-- none.
---@param values table
---@param getenv fun(name: string): string?
---@param region_of fun(endpoint: string): string? what an endpoint tells
---@param level integer of error(), as seen from this function
function options.locate(values, getenv, region_of, level)
   local setting = environment(getenv)
   if values.region then
      return
   elseif values.endpoint then
      values.region = not region_of(values.endpoint)
         and setting "OSS_REGION" or nil
      return
   end
   values.endpoint = setting "OSS_ENDPOINT"
   values.region = setting "OSS_REGION"
   if not values.endpoint and not values.region then
      error("where is the bucket? Give 'endpoint' or 'region', or set "
         .. "OSS_ENDPOINT or OSS_REGION", level)
   end
end

return options
