--- Runs one command and tells what it cost.
--- CPU and memory are those of the command and its children, by GNU time.

local measure = {}

local function read(path)
   local file = assert(io.open(path))
   local text = file:read("*a")
   file:close()
   return text
end

---@param text string
---@return string
function measure.quote(text)
   return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Runs a shell command; raises with its output when it fails.
---@param command string
---@param folder string  for the logs
---@return table # wall, cpu (seconds), memory (KiB)
function measure.run(command, folder)
   local log, times = folder .. "/log", folder .. "/times"
   local ok = os.execute(("/usr/bin/time -f '%%e %%U %%S %%M' -o %s sh -c %s >%s 2>&1"):format(
      times, measure.quote("exec " .. command), log))
   if ok ~= true and ok ~= 0 then
      error(("%s failed:\n%s"):format(command, read(log):sub(-2000)))
   end
   local wall, user, system, memory = read(times):match("([%d.]+) ([%d.]+) ([%d.]+) (%d+)%s*$")
   return {
      wall = tonumber(wall),
      cpu = tonumber(user) + tonumber(system),
      memory = tonumber(memory),
   }
end

---@param values number[]
---@return number
function measure.median(values)
   local sorted = {}
   for i, value in ipairs(values) do sorted[i] = value end
   table.sort(sorted)
   local middle = math.floor(#sorted / 2)
   return #sorted % 2 == 1 and sorted[middle + 1] or (sorted[middle] + sorted[middle + 1]) / 2
end

return measure
