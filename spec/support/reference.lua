--- What is made from the schema for people and editors: the README's tables of
-- options, and lua/ossdl/options.d.lua. `make reference` writes both.

local options = require "ossdl.options"

local reference = {}

local COLUMNS = 80
local README, TYPES = "README.md", "lua/ossdl/options.d.lua"

-- In the order of the README.
reference.scopes = { "client", "transfer", "sign" }

local function words(option)
   local list = {}
   for word in option.type:gmatch "[^|]+" do
      if word ~= "choice" then
         list[#list + 1] = word
      end
   end
   return list
end

local function default_cell(option)
   if option.default_doc then
      return option.default_doc
   elseif option.required then
      return "**required**"
   elseif option.default == nil then
      return ""
   elseif type(option.default) == "number" then
      return "`" .. options.numeral(option.default) .. "`"
   end
   return ("`%s`"):format(type(option.default) == "string" and ("%q"):format(option.default)
      or tostring(option.default))
end

local function values_cell(option)
   local parts = {}
   for _, word in ipairs(words(option)) do
      parts[#parts + 1] = (word == "map" or word == "list") and "table" or word
   end
   if option.min then
      parts[1] = ("%s, %s to %s"):format(parts[1], options.numeral(option.min), options.numeral(option.max))
   end
   if option.unit then
      parts[1] = parts[1] .. " " .. option.unit
   end
   for _, choice in ipairs(option.choices or {}) do
      parts[#parts + 1] = ("`%q`"):format(choice)
   end
   return table.concat(parts, " or ")
end

--- The README's table of one scope, as Markdown.
---@param scope "client"|"transfer"|"sign"
---@return string
function reference.markdown(scope)
   local lines = { "| option | values | default | meaning |", "|---|---|---|---|" }
   for _, option in ipairs(options.list) do
      if option.scope == scope then
         lines[#lines + 1] = ("| `%s` | %s | %s | %s |"):format(option.name, values_cell(option),
            default_cell(option), option.doc)
      end
   end
   return table.concat(lines, "\n") .. "\n"
end

-- What an editor calls the types of the schema, where it is not the same.
local EDITOR_TYPES = { path = "string", map = "table<string, string|number>", list = "string[]" }

local FUNCTIONS = {
   credentials = "ossdl.Provider", loop = "ossdl.LoopWait",
   on_progress = "fun(progress: ossdl.Progress): any",
}

local function editor_type(option)
   local parts, seen = {}, {}
   local function add(part)
      if not seen[part] then
         seen[part] = true
         parts[#parts + 1] = part
      end
   end
   for _, word in ipairs(words(option)) do
      if word == "function" then
         add(assert(FUNCTIONS[option.name], option.name))
      elseif word == "table" and option.name == "credentials" then
         add "ossdl.Credentials"
      else
         add(EDITOR_TYPES[word] or word)
      end
   end
   for _, choice in ipairs(option.choices or {}) do
      add(("%q"):format(choice))
   end
   return table.concat(parts, "|")
end

-- A comment of as many lines as the text needs.
local function add_comment(lines, text)
   local line = "---"
   for word in text:gmatch "%S+" do
      if #line + 1 + #word > COLUMNS then
         lines[#lines + 1] = line
         line = "---"
      end
      line = line .. " " .. word
   end
   lines[#lines + 1] = line
end

local function add_class(lines, name, parent, wanted)
   lines[#lines + 1] = ("\n---@class %s%s"):format(name, parent and ": " .. parent or "")
   for _, option in ipairs(options.list) do
      if wanted(option) then
         add_comment(lines, option.doc)
         lines[#lines + 1] = ("---@field %s? %s"):format(option.name, editor_type(option))
      end
   end
end

--- The classes of options, for editors. None is required there: a client may
-- have what its transfers need.
---@return string
function reference.types()
   local lines = { "---@meta ossdl.options", "", "-- Made from schema.lua by `make reference`." }
   add_class(lines, "ossdl.TransferOptions", nil, function(option)
      return option.scope == "transfer"
   end)
   add_class(lines, "ossdl.ClientOptions", "ossdl.TransferOptions", function(option)
      return option.scope == "client"
   end)
   add_class(lines, "ossdl.SignOptions", nil, function(option)
      return option.sign or option.scope == "sign"
   end)
   return table.concat(lines, "\n") .. "\n"
end

local function read(path)
   local file = assert(io.open(path))
   local text = file:read "*a"
   file:close()
   return text
end

local function write(path, text)
   local file = assert(io.open(path, "w"))
   assert(file:write(text))
   assert(file:close())
end

--- The README with its tables as they should be.
---@param readme string
---@return string
function reference.updated(readme)
   local count = 0
   local text = readme:gsub("| option | values | default | meaning |\n.-\n\n", function()
      count = count + 1
      return reference.markdown(reference.scopes[count]) .. "\n"
   end)
   assert(count == #reference.scopes, "the README has lost a table of options")
   return text
end

function reference.write()
   write(README, reference.updated(read(README)))
   write(TYPES, reference.types())
end

--- Whether both files are as the schema has them.
---@return boolean readme, boolean types
function reference.is_current()
   local readme = read(README)
   return reference.updated(readme) == readme, read(TYPES) == reference.types()
end

return reference
