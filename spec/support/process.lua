--- Processes for specs: started, watched, ended for certain.
--
-- Everything runs under `tool run` (tool.c), which holds the reading end of a
-- pipe whose writing end is ours: when the spec's process goes, even by
-- SIGKILL, so do the processes it started and the folders it made.
--
-- Works the same in Lua 5.4 and LuaJIT, with LuaSocket for its clock only.

local socket = require "socket"

local process = {}

local here = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$") or "."

--- The absolute path of a folder that exists.
local function absolute(path)
   local pipe = assert(io.popen("cd " .. path .. " && pwd"))
   local found = pipe:read "*l"
   pipe:close()
   return assert(found, "no folder " .. path)
end

process.support = absolute("'" .. here .. "'")
process.root = process.support:gsub("/spec/support$", "")

--- A word as the shell takes it, whatever is in it.
---@param word string
---@return string
function process.quote(word)
   return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

local quote = process.quote

--- Monotonic enough for limits; seconds.
process.now = socket.gettime
process.sleep = socket.sleep

--- The contents of a file, or nil.
---@param path string
---@return string?
function process.read(path)
   local file = io.open(path, "rb")
   if not file then
      return nil
   end
   local bytes = file:read "*a"
   file:close()
   return bytes
end

--- Writes a file; raises when it cannot.
---@param path string
---@param bytes string
function process.write(path, bytes)
   local file = assert(io.open(path, "wb"))
   assert(file:write(bytes))
   assert(file:close())
end

--- Turns whole numbers into integers, in place: Lua 5.4 reads floats in JSON.
function process.integers(value)
   if type(value) == "number" and value == math.floor(value) then
      return math.floor(value)
   elseif type(value) == "table" then
      for name, inner in pairs(value) do
         value[name] = process.integers(inner)
      end
   end
   return value
end

--- Polls until `condition` gives something true, at most `seconds`.
---@param condition fun(): any
---@param seconds number?  default 30
---@return any # what `condition` gave, or nil when the time was up
function process.eventually(condition, seconds)
   local limit = process.now() + (seconds or 30)
   local pause = 0.002
   repeat
      local value = condition()
      if value then
         return value
      end
      process.sleep(pause)
      pause = math.min(pause * 1.5, 0.05)
   until process.now() > limit
   return condition() or nil
end

-- A sanitizer that is preloaded into the spec's process is for the module
-- under test, not for nginx, curl or the shell.
local CLEAN = "unset LD_PRELOAD; "

--- Runs a shell command to its end.
---@param command string
---@return string output # standard output and error
---@return integer status # exit code
function process.shell(command)
   local pipe = assert(io.popen(CLEAN .. "{ " .. command
      .. "\n} 2>&1 </dev/null; code=$?; echo; echo $code", "r"))
   local text = pipe:read "*a"
   pipe:close()
   local output, status = text:match "^(.*)\n(%d+)\n$"
   return output or text, tonumber(status) or -1
end

local interpreter_path

--- The program that runs this very Lua: for children of the support's own,
-- which need nothing that is wrapped around the interpreter of the specs.
---@return string
function process.interpreter()
   if not interpreter_path then
      local output = process.shell "readlink /proc/$PPID/exe"
      interpreter_path = assert(output:match "^(/[^\n]*)", output)
   end
   return interpreter_path
end

local tool_path

local function tool_build(path)
   local source = process.support .. "/tool.c"
   local made = path .. "." .. math.floor(process.now() * 1e6)
   local output, status = process.shell(("mkdir -p %s && cc -O2 -std=c11 "
      .. "-o %s %s -lcrypto -llzma && mv %s %s"):format(
         quote(path:match "^(.*)/"), quote(made), quote(source),
         quote(made), quote(path)))
   if status ~= 0 then
      error("cannot compile " .. source .. ":\n" .. output, 0)
   end
end

--- The path of the helper program, compiled when it is missing or old.
---@return string
function process.tool()
   if tool_path then
      return tool_path
   end
   local path = process.root .. "/build/support/tool"
   local _, fresh = process.shell(("test %s -nt %s"):format(quote(path),
      quote(process.support .. "/tool.c")))
   if fresh ~= 0 then
      tool_build(path)
   end
   tool_path = path
   return path
end

--- Runs the helper program and gives its one line of output.
---@param ... string|number
---@return string
function process.ask(...)
   local words = { quote(process.tool()) }
   for i = 1, select("#", ...) do
      words[#words + 1] = quote((select(i, ...)))
   end
   local output, status = process.shell(table.concat(words, " "))
   if status ~= 0 then
      error(output, 0)
   end
   return (output:gsub("%s+$", ""))
end

--- Size, CRC-64 (decimal) and MD5 (hexadecimal, nil above 64 MiB) of a file.
local function sums(line)
   local size, crc64, md5 = line:match "^(%d+) (%d+) (%S+)$"
   return tonumber(size), crc64, md5 ~= "-" and md5 or nil
end

function process.sum(path)
   return sums(process.ask("sum", path))
end

function process.seed(path, size, seed)
   return sums(process.ask("seed", path, ("%d"):format(size),
      ("%d"):format(seed)))
end

--- A new temporary folder; its name begins with "ossdl-".
---@param name string?
---@return string
function process.folder(name)
   local base = os.getenv "TMPDIR" or "/tmp"
   return process.ask("folder", base .. "/ossdl-" .. (name or "spec") .. "-")
end

--- Removes a folder that `process.folder` made.
---@param folder string
function process.remove_folder(folder)
   assert(folder:match "/ossdl%-[^/]+$", "not a folder of ours: " .. folder)
   process.shell("rm -rf " .. quote(folder))
end

---@class spec.Child
---@field folder string  where its pid, status, output and errors are written
local Child = {}
Child.__index = Child

--- The process id, once it started.
---@return integer?
function Child:pid()
   if not self.known_pid then
      local text = process.read(self.folder .. "/pid")
      if text then
         local pid, supervisor = text:match "^(%d+) (%d+)"
         self.known_pid, self.supervisor = tonumber(pid), tonumber(supervisor)
      end
   end
   return self.known_pid
end

--- How it ended: "exit", code or "signal", number; nil while it runs.
---@return string? how
---@return integer? number
function Child:status()
   local text = process.read(self.folder .. "/status")
   if not text then
      return nil
   end
   local how, number = text:match "^(%a+) (%d+)"
   return how, tonumber(number)
end

--- Waits for its end; nil when the time is up.
---@param seconds number?
function Child:wait(seconds)
   process.eventually(function()
      return self:status()
   end, seconds)
   return self:status()
end

--- Sends a signal: "KILL", "STOP", "CONT", ...
---@param signal string?
function Child:kill(signal)
   if self:pid() and not self:status() then
      os.execute(CLEAN .. ("kill -%s %d 2>/dev/null"):format(
         signal or "KILL", self:pid()))
   end
end

--- Standard output so far.
function Child:output()
   return process.read(self.folder .. "/stdout") or ""
end

--- Standard error so far.
function Child:errors()
   return process.read(self.folder .. "/stderr") or ""
end

--- Ends it if it runs, and removes its folder when it was made for it.
function Child:stop()
   if self.pipe then
      -- The end of the pipe would do, if no other child had inherited it.
      if self:pid() then
         os.execute(CLEAN .. ("kill -TERM %d 2>/dev/null"):format(
            self.supervisor))
      end
      self.pipe:close()
      self.pipe = nil
   end
   if self.own_folder then
      process.remove_folder(self.folder)
      self.own_folder = false
   end
end

local function command_line(argv, options, child)
   local words = { CLEAN .. "exec", quote(process.tool()), "run",
      "-p", quote(child.folder .. "/pid"),
      "-s", quote(child.folder .. "/status") }
   if options.remove then
      words[#words + 1] = "-d " .. quote(options.remove)
   end
   words[#words + 1] = "-- env"
   for name, value in pairs(options.env or {}) do
      words[#words + 1] = quote(name .. "=" .. value)
   end
   for _, word in ipairs(argv) do
      words[#words + 1] = quote(word)
   end
   words[#words + 1] = (">%s 2>%s"):format(quote(child.folder .. "/stdout"),
      quote(child.folder .. "/stderr"))
   return table.concat(words, " ")
end

--- Starts a command and returns at once.
--
-- options.folder  where pid, status, stdout and stderr go; default: a new one
-- options.remove  a folder that is removed when the command ended
-- options.env     more environment
---@param argv string[]
---@param options table?
---@return spec.Child
function process.start(argv, options)
   options = options or {}
   local child = setmetatable({
      folder = options.folder or process.folder "child",
      own_folder = not options.folder,
   }, Child)
   child.pipe = assert(io.popen(command_line(argv, options, child), "w"))
   local started = process.eventually(function()
      return child:pid() or child:status()
   end)
   if not started then
      local errors = child:errors()
      child:stop()
      error("cannot start " .. argv[1] .. ": " .. errors, 0)
   end
   return child
end

--- A TCP port that was free a moment ago.
---@return integer
function process.free_port()
   local listener = assert(socket.bind("127.0.0.1", 0))
   local _, port = listener:getsockname()
   listener:close()
   return tonumber(port)
end

return process
