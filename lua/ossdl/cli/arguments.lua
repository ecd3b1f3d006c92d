--- From words on a command line to options. Each option of the schema is one
-- here, too, `part_size` as `--part-size`; nothing about it is repeated.

local options = require "ossdl.options"

local arguments = {}

local UNITS = { [""] = 1, k = 2 ^ 10, m = 2 ^ 20, g = 2 ^ 30 }

-- Where the parts of a pair meet.
local SEPARATORS = { headers = ":%s*", query = "=" }

-- What stands for one value of an option in the usage line.
local PLACEHOLDERS = { headers = "NAME:VALUE", query = "NAME=VALUE", additional_headers = "NAME" }

-- The command names these by itself, or has no use for them.
local ELSEWHERE = {
   bucket = true, object = true, file = true, on_progress = true, progress_interval = true, loop = true, now = true,
}

local ADVICE = "arguments can be read by every user of the machine; set %s in the environment instead"
local SECRETS = {
   access_key_id = ADVICE:format "OSS_ACCESS_KEY_ID",
   access_key_secret = ADVICE:format "OSS_ACCESS_KEY_SECRET",
   security_token = ADVICE:format "OSS_SESSION_TOKEN",
   credentials = ADVICE:format "OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET",
   proxy = ADVICE:format "https_proxy or http_proxy",
}

--- Options of `ossdl get`.
---@param option ossdl.Option
function arguments.downloads(option)
   return option.scope ~= "sign"
end

--- Options of `ossdl presign`.
---@param option ossdl.Option
function arguments.signatures(option)
   return option.sign or option.scope == "sign"
end

--- No option left out.
function arguments.all()
   return true
end

--- Those that a person is told about.
---@param option ossdl.Option
function arguments.shown(option)
   return not option.secret
end

local function flag_of(name)
   return "--" .. (name:gsub("_", "-"))
end

-- 8388608, 8M, 0.5; nil for what is no number.
local function number_of(text, option)
   local digits, suffix = text:match "^(%d+%.?%d*)(%a?)$"
   local factor = digits and UNITS[suffix:lower()]
   if not factor or suffix ~= "" and not (option.unit or ""):find "^bytes" then
      return nil
   end
   return tonumber(digits) * factor
end

-- A converter for argparse: the value, or nil and what is wrong.
local function converter(option)
   local is_number = option.type == "integer" or option.type == "number"
   return function(text)
      local value = is_number and number_of(text, option) or text
      local complaint = options.complaint(option.name, value)
      if complaint then
         return nil, (complaint:gsub("^bad option '[^']*'", "bad " .. flag_of(option.name)))
      end
      return value
   end
end

local function doc(option)
   local default = option.default_doc or option.default
   local shown = option.type:find "boolean" and "" or default and (" Default: %s."):format(tostring(default)) or ""
   return (option.doc .. shown):gsub("`", "")
end

-- A converter for argparse that lets through what is a pair with a new name.
local function pair_converter(flag, option_name)
   local seen = {}
   return function(text)
      local name = text:match("^(.-)" .. SEPARATORS[option_name])
      if not name or name == "" then
         return nil, ("bad %s (%s expected)"):format(flag, PLACEHOLDERS[option_name])
      end
      local key = option_name == "headers" and name:lower() or name
      if seen[key] then
         return nil, ("%s gives '%s' twice"):format(flag, (name:gsub("%c", "?")))
      end
      seen[key] = true
      return text
   end
end

-- An option that is given once for each pair or name.
local function add_repeated(command, option)
   local separator = SEPARATORS[option.name]
   local function add(values, _, text)
      local list = values[option.name] or {}
      values[option.name] = list
      if separator then
         local name, value = text:match("^(.-)" .. separator .. "(.*)$")
         list[name] = value
      else
         list[#list + 1] = text
      end
   end
   local flag = (flag_of(option.name):gsub("s$", ""))
   local added = command:option(flag):target(option.name):count "*":action(add)
      :description(doc(option) .. " May be repeated."):argname(PLACEHOLDERS[option.name])
   if separator then
      added:convert(pair_converter(flag, option.name))
   end
end

-- --name and --no-name, where they are not what happens anyway.
local function add_switch(command, option)
   local flag = flag_of(option.name)
   if option.type == "boolean" and option.default ~= true then
      command:flag(flag):target(option.name):action "store_true":description(doc(option))
   end
   if option.default ~= false then
      command:flag("--no" .. flag:sub(2)):target(option.name):action "store_false"
         :description(option.off_doc)
   end
end

-- "SIZE", "SECONDS", "v4|v1|none", "INTEGER|auto": one value in the usage.
local function placeholder(option)
   local unit = option.unit and option.unit:gsub("^bytes.*", "size"):upper()
   local words = { option.type ~= "choice" and (unit or option.type:gsub("boolean|", ""):upper()) or nil }
   for _, choice in ipairs(option.choices or {}) do
      words[#words + 1] = choice
   end
   return table.concat(words, "|")
end

local function add_value(command, option)
   local added = command:option(flag_of(option.name)):target(option.name):argname(placeholder(option))
      :description(option.value_doc or doc(option))
   -- Completion knows what argparse checks by itself.
   if option.type == "choice" then
      added:choices(option.choices)
   else
      added:convert(converter(option))
   end
end

-- Takes a secret only to say where it belongs.
local function add_secret(command, option)
   command:option(flag_of(option.name)):target(option.name):hidden(true):convert(function()
      return nil, SECRETS[option.name]
   end)
end

--- Adds the options of the schema that a command wants.
---@param command table argparse's
---@param wanted fun(option: ossdl.Option): boolean?
---@param also fun(option: ossdl.Option): boolean? has to want it, too
function arguments.add_options(command, wanted, also)
   for _, option in ipairs(options.list) do
      if wanted(option) and also(option) and not ELSEWHERE[option.name] then
         if option.secret then
            add_secret(command, option)
         elseif option.type == "map" or option.type == "list" then
            add_repeated(command, option)
         else
            if option.type:find "boolean" then
               add_switch(command, option)
            end
            if option.type ~= "boolean" then
               add_value(command, option)
            end
         end
      end
   end
end

--- Adds the argument that names the object.
---@param command table argparse's
function arguments.add_url(command)
   command:argument("url", "The object, oss://BUCKET/KEY; the key as it is, without escapes.")
      :argname "oss://BUCKET/KEY":convert(function(text)
      if text:find "^oss://[^/]+/." then
         return text
      end
      return nil, "the object is written oss://BUCKET/KEY"
   end)
end

--- The options among parsed arguments, bucket and object included.
---@param given table
---@return table
function arguments.values(given)
   local values = {}
   for name in pairs(options.by_name) do
      if not ELSEWHERE[name] then
         values[name] = given[name]
      end
   end
   values.bucket, values.object = given.url:match "^oss://([^/]+)/(.+)$"
   return values
end

return arguments
