--- What specs share: temporary folders, children, comparison, leak checks.

local lfs = require "lfs"

local process = require "spec.support.process"

local helper = {}

helper.root = process.root
helper.eventually = process.eventually
helper.now = process.now
helper.sleep = process.sleep
helper.quote = process.quote
helper.shell = process.shell
helper.read = process.read
helper.write = process.write

local SETTLE_SECONDS = 15

--- The interpreter to start children with: of our kind, instrumented as we
-- are when a sanitizer runs the specs.
helper.interpreter = os.getenv "OSSDL_LUA"
   or lfs.symlinkattributes("/proc/self/exe", "target")

-- Folders and files -----------------------------------------------------------

local folders = {}

--- A new temporary folder; `helper.cleanup` and `helper.guard` remove it.
---@return string
function helper.folder()
   local folder = process.folder "spec"
   folders[#folders + 1] = folder
   return folder
end

--- Removes the folders that were made, and what is in them.
function helper.cleanup()
   for i = #folders, 1, -1 do
      process.remove_folder(folders[i])
      folders[i] = nil
   end
end

--- The names in a folder, sorted, without "." and "..".
---@param folder string
---@return string[]
function helper.files(folder)
   local names = {}
   for name in lfs.dir(folder) do
      if name ~= "." and name ~= ".." then
         names[#names + 1] = name
      end
   end
   table.sort(names)
   return names
end

--- Whether a file or folder is there.
function helper.exists(path)
   return lfs.symlinkattributes(path, "mode") ~= nil
end

--- The size of a file in bytes, nil when there is none.
function helper.size(path)
   return lfs.attributes(path, "size")
end

--- Whether two files hold the same bytes.
function helper.same_file(one, other)
   local _, status = process.shell(("cmp -s %s %s"):format(
      process.quote(one), process.quote(other)))
   return status == 0
end

--- The SHA-256 of a file, hexadecimal.
function helper.sha256(path)
   local output = process.shell("sha256sum <" .. process.quote(path))
   return assert(output:match "^%x+", output)
end

--- Overwrites bytes in the middle of a file, which keeps its length.
---@param path string
---@param offset integer
---@param bytes string
function helper.patch(path, offset, bytes)
   local file = assert(io.open(path, "r+b"))
   file:seek("set", offset)
   assert(file:write(bytes))
   assert(file:close())
end

--- Inverts one bit of the byte at `offset`.
function helper.flip(path, offset)
   local file = assert(io.open(path, "rb"))
   file:seek("set", offset)
   local byte = file:read(1):byte()
   file:close()
   helper.patch(path, offset,
      string.char(byte % 2 == 0 and byte + 1 or byte - 1))
end

--- Cuts a file, or lengthens it with zero bytes.
function helper.truncate(path, size)
   local output, status = process.shell(("truncate -s %d %s"):format(size,
      process.quote(path)))
   assert(status == 0, output)
end

-- Children --------------------------------------------------------------------

local function environment(more)
   local env = { LUA_PATH = package.path, LUA_CPATH = package.cpath,
      LUA_PATH_5_4 = package.path, LUA_CPATH_5_4 = package.cpath }
   for name, value in pairs(more or {}) do
      env[name] = value
   end
   return env
end

local children = {}

--- Starts a Lua program as a child, with our module paths.
--
-- options.code or options.file  the program
-- options.args                  its arguments
-- options.env                   more environment
-- The child has pid(), status(), wait(seconds), kill("KILL"), output(),
-- errors() and stop(); `helper.guard` stops what was left.
---@param options table
---@return spec.Child
function helper.spawn(options)
   local folder = helper.folder()
   local file = options.file
   if not file then
      file = folder .. "/program.lua"
      process.write(file, options.code)
   end
   local argv = { helper.interpreter, file }
   for _, word in ipairs(options.args or {}) do
      argv[#argv + 1] = word
   end
   local child = process.start(argv, { folder = folder,
      env = environment(options.env) })
   children[#children + 1] = child
   return child
end

--- Runs a Lua program to its end; nil for `how` when the time was up.
---@param options table  as for spawn; seconds: default 120
---@return string output
---@return string errors
---@return string? how  "exit" or "signal"
---@return integer? number
function helper.run(options)
   local child = helper.spawn(options)
   local how, number = child:wait(options.seconds or 120)
   local output, errors = child:output(), child:errors()
   child:stop()
   return output, errors, how, number
end

--- Ends the children that still run.
function helper.stop_children()
   for i = #children, 1, -1 do
      children[i]:stop()
      children[i] = nil
   end
end

-- Leaks -----------------------------------------------------------------------

--- How many threads this process has.
---@return integer
function helper.threads()
   return #helper.files "/proc/self/task"
end

--- The open descriptors: what each is, by number.
---@return table<integer, string>
function helper.descriptors()
   local open = {}
   for name in lfs.dir "/proc/self/fd" do
      local path = "/proc/self/fd/" .. name
      local target = tonumber(name) and lfs.symlinkattributes(path, "target")
      if target and not target:match "^/proc/%d+/fd$" then
         open[tonumber(name)] = target
      end
   end
   return open
end

local function collect()
   collectgarbage()
   collectgarbage()
end

--- What there is now: threads and descriptors.
function helper.snapshot()
   collect()
   return { threads = helper.threads(), descriptors = helper.descriptors() }
end

local function count(set)
   local n = 0
   for _ in pairs(set) do
      n = n + 1
   end
   return n
end

local function new_descriptors(before, now)
   local lines = {}
   for number, target in pairs(now) do
      if before[number] ~= target then
         lines[#lines + 1] = ("%d %s"):format(number, target)
      end
   end
   return table.concat(lines, ", ")
end

--- Nil when nothing is left of what was started since `before`; else a
-- sentence about it. Waits for threads and descriptors to go.
---@param before table  from snapshot
---@param seconds number?  default 15
---@return string?
function helper.leaks(before, seconds)
   local leaked
   process.eventually(function()
      collect()
      local threads, now = helper.threads(), helper.descriptors()
      leaked = nil
      if threads > before.threads then
         leaked = ("%d threads, %d before"):format(threads, before.threads)
      elseif count(now) > count(before.descriptors) then
         leaked = "descriptors left open: "
            .. new_descriptors(before.descriptors, now)
      end
      return leaked == nil
   end, seconds or SETTLE_SECONDS)
   return leaked
end

--- Checks around each test of the enclosing `describe` that threads and
-- descriptors are back to what they were; then stops children and removes
-- folders. Call it first in the block: `after_each` runs in reverse order.
--
-- options.warm_up  is called once before the first test, for what a library
-- opens once and keeps.
---@param options table?
function helper.guard(options)
   local busted = require "busted"
   local before
   if options and options.warm_up then
      busted.lazy_setup(options.warm_up)
   end
   busted.before_each(function()
      before = helper.snapshot()
   end)
   busted.after_each(function()
      helper.stop_children()
      local leaked = helper.leaks(before)
      helper.cleanup()
      if leaked then
         error("the test left something behind: " .. leaked, 0)
      end
   end)
end

return helper
