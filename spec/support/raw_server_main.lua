--- The process behind raw_server.lua: `lua raw_server_main.lua FOLDER`.
--
-- One thread, one coroutine per connection; a coroutine yields what it waits
-- for: "read", "write", or only a time.

local cjson = require "cjson"
local socket = require "socket"

local response = require "spec.support.raw_response"

local folder = assert(arg[1], "usage: raw_server_main.lua FOLDER")

local HEAD_LIMIT = 256 * 1024
local ENDLESS_LIMIT = 256 * 1024 * 1024
local LINGER_SECONDS = 5
local SEND_BYTES = 64 * 1024

local function read_script()
   local file = assert(io.open(folder .. "/script.json", "rb"))
   local script = cjson.decode(file:read "*a")
   file:close()
   return script
end

local script = read_script()
local log = assert(io.open(folder .. "/log", "ab"))
log:setvbuf "no"

local function write_log(entry)
   entry.time = socket.gettime()
   log:write(cjson.encode(entry) .. "\n")
end

local function wait(kind, seconds)
   return coroutine.yield(kind, seconds and socket.gettime() + seconds)
end

-- Choosing a behaviour --------------------------------------------------------

local used = {}

local function fits(behaviour, request)
   local match = behaviour.match
   if (behaviour.after == "connect") ~= (request == nil) then
      return false
   end
   return match == nil or (
      (match.range_start == nil or match.range_start == request.range_start)
      and (match.method == nil or match.method == request.method))
end

local function left(i)
   local times = script.behaviours[i].times
   if times == nil then
      times = 1
   end
   return times == false or (used[i] or 0) < times
end

--- The next behaviour that is left for this; for the rest, the default.
local function choose(request)
   for i, behaviour in ipairs(script.behaviours) do
      if left(i) then
         if fits(behaviour, request) then
            used[i] = (used[i] or 0) + 1
            return behaviour, i
         elseif request == nil then
            return nil -- the next one waits for a request
         end
      end
   end
   if request or script.default.after == "connect" then
      return script.default, 0
   end
end

-- Sending ---------------------------------------------------------------------

local function send(connection, bytes)
   local at = 1
   while at <= #bytes do
      local stop = math.min(at + SEND_BYTES - 1, #bytes)
      local last, problem, partial = connection:send(bytes, at, stop)
      at = (last or partial or at - 1) + 1
      if problem == "timeout" then
         wait "write"
      elseif problem then
         return nil, at - 1
      end
   end
   return true, at - 1
end

local function drip(connection, bytes, behaviour)
   local step = behaviour.drip_bytes or 1
   for at = 1, #bytes, step do
      if not send(connection, bytes:sub(at, at + step - 1)) then
         return nil, at - 1
      end
      wait(nil, behaviour.drip)
   end
   return true, #bytes
end

local function send_endless(connection, head)
   local line = "x-endless: " .. ("0"):rep(1000) .. "\r\n"
   local ok, sent = send(connection, head:gsub("\r\n$", ""))
   while ok and sent < ENDLESS_LIMIT do
      ok = send(connection, line)
      sent = sent + #line
   end
   return ok, sent
end

-- Ending ----------------------------------------------------------------------

--- Reads until the other side closes; for `seconds`, or for ever.
local function drain(connection, seconds)
   local limit = seconds and socket.gettime() + seconds
   repeat
      local _, problem = connection:receive(4096)
      if problem == "closed" then
         return "client"
      end
      coroutine.yield("read", limit)
   until limit and socket.gettime() >= limit
end

local endings = {}

--- A clean end: what was sent arrives, whatever else the client still sends.
function endings.fin(connection)
   connection:shutdown "send"
   drain(connection, LINGER_SECONDS)
end

function endings.rst(connection)
   wait(nil, 0.05) -- so that the client has read what was sent
   connection:setoption("linger", { on = true, timeout = 0 })
end

function endings.silence(connection)
   drain(connection)
end

-- A connection ----------------------------------------------------------------

local function parse(head)
   local method, uri = head:match "^(%S+) (%S+)"
   local headers = {}
   for name, value in head:gmatch "\n([^:\r\n]+):%s*([^\r\n]*)" do
      headers[name:lower()] = value
   end
   return {
      method = method or "", uri = uri or "", headers = headers,
      range = headers.range,
      range_start = tonumber((headers.range or ""):match "^bytes=(%d+)%-"),
   }
end

--- The next request; what was read beyond it stays in the state.
local function read_request(connection, state)
   while true do
      local stop = select(2, state.buffer:find("\r\n\r\n", 1, true))
      if stop then
         local head = state.buffer:sub(1, stop)
         state.buffer = state.buffer:sub(stop + 1)
         return parse(head)
      end
      local bytes, problem, partial = connection:receive(4096)
      state.buffer = state.buffer .. (bytes or partial or "")
      if problem == "closed" or #state.buffer > HEAD_LIMIT then
         return nil
      elseif problem == "timeout" and not state.buffer:find("\r\n\r\n", 1,
         true) then
         wait "read"
      end
   end
end

--- Plays a behaviour; true when the connection may serve another request.
local function play(connection, number, request, behaviour, index)
   if behaviour.delay then
      wait(nil, behaviour.delay)
   end
   local bytes, head = response.build(script.object, request, behaviour)
   local ending = behaviour["then"] or (behaviour.cut and "fin")
   if behaviour.cut then
      bytes = bytes:sub(1, behaviour.cut)
   end
   local ok, sent
   if behaviour.endless_headers then
      ok, sent = send_endless(connection, bytes:sub(1, head))
      ending = ending or "fin"
   elseif behaviour.drip then
      ok, sent = drip(connection, bytes, behaviour)
   else
      ok, sent = send(connection, bytes)
   end
   write_log { event = "sent", connection = number, bytes = sent,
      behaviour = index }
   if ok and ending and ending ~= "keep" then
      endings[ending](connection)
      return false
   end
   return ok
end

local function serve(connection, number)
   local state = { buffer = "" }
   write_log { event = "open", connection = number }
   local behaviour, index = choose(nil)
   local going = true
   if behaviour then
      going = play(connection, number, { method = "GET" }, behaviour, index)
   end
   while going do
      local request = read_request(connection, state)
      if not request then
         break
      end
      behaviour, index = choose(request)
      write_log { event = "request", connection = number,
         method = request.method, uri = request.uri, range = request.range,
         headers = request.headers, behaviour = index }
      going = play(connection, number, request, behaviour, index)
   end
   write_log { event = "close", connection = number }
   connection:close()
end

-- The loop --------------------------------------------------------------------

local tasks = {} -- connection -> { routine, waits for, until }

local function resume(connection, task)
   local ok, kind, limit = coroutine.resume(task.routine, connection,
      task.number)
   if not ok then
      io.stderr:write(debug.traceback(task.routine, tostring(kind)), "\n")
      connection:close()
   end
   if not ok or coroutine.status(task.routine) == "dead" then
      tasks[connection] = nil
      return
   end
   task.kind, task.limit = kind, limit
end

local opened = 0

local function accept(listener)
   local connection = listener:accept()
   if connection then
      opened = opened + 1
      connection:settimeout(0)
      connection:setoption("tcp-nodelay", true)
      tasks[connection] = { routine = coroutine.create(serve),
         number = opened }
      resume(connection, tasks[connection])
   end
end

local function waiting(listener)
   local readers, writers, limit = { listener }, {}, nil
   for connection, task in pairs(tasks) do
      if task.kind == "read" then
         readers[#readers + 1] = connection
      elseif task.kind == "write" then
         writers[#writers + 1] = connection
      end
      if task.limit and (not limit or task.limit < limit) then
         limit = task.limit
      end
   end
   return readers, writers, limit
end

local function step(listener)
   local readers, writers, limit = waiting(listener)
   local pause = limit and math.max(limit - socket.gettime(), 0)
   local readable, writable = socket.select(readers, writers, pause)
   local now = socket.gettime()
   local due = {}
   for connection, task in pairs(tasks) do
      if readable[connection] or writable[connection]
         or (task.limit and task.limit <= now) then
         due[#due + 1] = connection
      end
   end
   for _, connection in ipairs(due) do
      if tasks[connection] then
         resume(connection, tasks[connection])
      end
   end
   if readable[listener] then
      accept(listener)
   end
end

local function main()
   local listener = assert(socket.bind("127.0.0.1", 0, 1024))
   listener:settimeout(0)
   local _, port = listener:getsockname()
   local file = assert(io.open(folder .. "/port.new", "wb"))
   file:write(("%d"):format(tonumber(port)))
   file:close()
   assert(os.rename(folder .. "/port.new", folder .. "/port"))
   while true do
      step(listener)
   end
end

main()
