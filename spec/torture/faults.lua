--- Downloads in a child whose system calls fail as a spec wants; faults.c says
-- how the rules read.

local lfs = require "lfs"

local helper = require "spec.helper"
local process = require "spec.support.process"

local faults = {}

-- A download that takes longer hangs; a loaded machine is given its time.
local HANGS_SECONDS = 120

-- What the child does: all downloads of one client at once, to their ends.
local PROGRAM = [==[
local ossdl = require "ossdl"
local helper = require "spec.helper"
local given = dofile(arg[1])

-- What libraries and sanitizers open once, before anything is counted.
local warm = { object = "x", bucket = "bucket", file = arg[1] .. ".warm", max_retries = 0 }
ossdl.download { endpoint = "http://127.0.0.1:1", region = "cn-hangzhou", signature = "none", proxy = "",
   object = warm.object, bucket = warm.bucket, file = warm.file, max_retries = warm.max_retries }
local before = helper.snapshot()
helper.write(arg[1] .. ".armed", "")

local client = assert(ossdl.new(given.client))
local transfers, outcomes = {}, {}
for i, options in ipairs(given.downloads) do
   local transfer, err = client:start(options)
   transfers[i], outcomes[i] = transfer or false, { error = err }
end
for i, transfer in ipairs(transfers) do
   if transfer then
      transfer:wait()
      outcomes[i].bytes_done = transfer:progress().bytes_done
      outcomes[i].result, outcomes[i].error = transfer:result()
      transfer:close()
   end
end
client:close()

local function text(value)
   if type(value) ~= "table" then
      return type(value) == "string" and ("%q"):format(value) or tostring(value)
   end
   local parts = {}
   for name, inner in pairs(value) do
      parts[#parts + 1] = ("[%s] = %s"):format(text(name), text(inner))
   end
   return "{ " .. table.concat(parts, ", ") .. " }"
end

for _, outcome in ipairs(outcomes) do
   outcome.text = outcome.error and tostring(outcome.error)
end
helper.write(arg[1] .. ".outcome", "return " .. text { outcomes = outcomes, leaks = helper.leaks(before, 60) })
]==]

local function literal(value)
   if type(value) == "string" then return ("%q"):format(value) end
   if type(value) == "number" and value == math.floor(value) then return ("%d"):format(value) end
   if type(value) ~= "table" then return tostring(value) end
   local parts = {}
   for name, inner in pairs(value) do
      parts[#parts + 1] = ("[%s] = %s"):format(literal(name), literal(inner))
   end
   return "{ " .. table.concat(parts, ", ") .. " }"
end

--- Compiles faults.c when that was not done, or is old.
---@return string path
function faults.library()
   if not faults.path then
      local source = process.root .. "/spec/torture/faults.c"
      local path = process.root .. "/build/support/faults.so"
      local built, wanted = lfs.attributes(path, "modification"), lfs.attributes(source, "modification")
      if not built or built < wanted then
         local made = ("%s.%.0f"):format(path, process.now() * 1e6)
         local output, status = process.shell(("mkdir -p %s && cc -O2 -std=gnu11 -shared -fPIC -o %s %s -ldl"
            .. " && mv %s %s"):format(process.quote(path:match "^(.*)/"), process.quote(made),
            process.quote(source), process.quote(made), process.quote(path)))
         assert(status == 0, output)
      end
      faults.path = path
   end
   return faults.path
end

--- The run-time of the sanitizer that this process is under, or "".
--
-- The wrapper around the interpreter preloads it, and nothing else; so the
-- child is started without the wrapper, and gets it here.
local function sanitizer()
   local maps = assert(helper.read "/proc/self/maps")
   return maps:match "/[^%s]*/lib[at]san%.so[^%s]*" or ""
end

local function environment(rules, job)
   return {
      LD_PRELOAD = (sanitizer() .. " " .. faults.library()):gsub("^ ", ""),
      LUA_PATH = package.path, LUA_CPATH = package.cpath,
      LUA_PATH_5_4 = package.path, LUA_CPATH_5_4 = package.cpath,
      OSSDL_FAULTS = table.concat(rules, ";"),
      OSSDL_FAULTS_HITS = job .. ".hits",
      OSSDL_FAULTS_WHEN = job .. ".armed",
   }
end

local function lines_of(path)
   local lines = {}
   for line in (helper.read(path) or ""):gmatch "[^\n]+" do
      lines[#lines + 1] = line
   end
   return lines
end

--- Runs downloads in a child, and gives what came of each, in order: result or
-- error, error's text and bytes_done. It must end by itself, and leave no
-- thread and no descriptor behind.
---@param client table       options of ossdl.new
---@param downloads table[]  options of client:start
---@param rules string[]     see faults.c
---@return table[] outcomes
---@return string[] hits     "call path" of each fault that acted
function faults.downloads(client, downloads, rules)
   local folder = helper.folder()
   local job = folder .. "/job"
   helper.write(folder .. "/program.lua", PROGRAM)
   helper.write(job, "return " .. literal { client = client, downloads = downloads })
   local child = process.start({ process.interpreter(), folder .. "/program.lua", job },
      { folder = folder, env = environment(rules, job) })
   local how, number = child:wait(HANGS_SECONDS)
   local errors = child:errors()
   child:stop()
   assert(how == "exit" and number == 0, ("%s %s\n%s"):format(how or "it hangs", number or "", errors))
   local said = dofile(job .. ".outcome")
   assert(not said.leaks, "the child has left something: " .. tostring(said.leaks))
   return said.outcomes, lines_of(job .. ".hits")
end

return faults
