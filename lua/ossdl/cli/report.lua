--- What the command shows: one moving line on a terminal, which fits into 80
-- columns, lines of retries, and the result.

local report = {}

local MIB, GIB = 2 ^ 20, 2 ^ 30
local CLEAR = "\r\27[K"
local COLUMNS = 80

local function is_terminal()
   local status = os.execute "test -t 2"
   return status == true or status == 0
end

local function clock(seconds)
   seconds = math.floor(math.min(seconds, 359999) + 0.5)
   local hours, minutes = math.floor(seconds / 3600), math.floor(seconds / 60) % 60
   if hours > 0 then
      return ("%d:%02d:%02d"):format(hours, minutes, seconds % 60)
   end
   return ("%d:%02d"):format(minutes, seconds % 60)
end

local function count(number, one, many)
   return ("%d %s"):format(number, number == 1 and one or many or one .. "s")
end

-- How much of what.
local function amount(progress)
   local total, unit, name = progress.bytes_total, MIB, "MiB"
   if total >= 10 * GIB then
      unit, name = GIB, "GiB"
   end
   return ("%3d %%  %.1f of %.1f %s"):format(math.floor(100 * progress.bytes_done / math.max(total, 1)),
      progress.bytes_done / unit, total / unit, name)
end

--- One line of progress, without its end. What does not fit is left out from
-- the right: retries have lines of their own.
---@param progress ossdl.Progress
---@return string
function report.line(progress)
   local parts = {}
   if progress.bytes_total then
      parts[1] = amount(progress)
      parts[2] = ("%.1f MiB/s"):format(progress.rate / MIB)
      parts[3] = progress.eta and clock(progress.eta) .. " to go"
   else
      parts[1] = progress.state
   end
   parts[#parts + 1] = count(progress.connections, "connection")
   if progress.retries > 0 then
      parts[#parts + 1] = count(progress.retries, "retry", "retries")
   end
   local text = table.concat(parts, "  ")
   while #text > COLUMNS do
      parts[#parts] = nil
      text = table.concat(parts, "  ")
   end
   return text
end

local function nothing() end

--- What to show while a download runs: `show` is called now and then, `finish`
-- leaves the cursor at the start of a line. Why something is tried again is
-- told wherever it goes, once as long as it stays the same; the moving line
-- only on a terminal.
---@param quiet? boolean
---@return { show: fun(progress: ossdl.Progress), finish: fun() }
function report.progress(quiet)
   if quiet then
      return { show = nothing, finish = nothing }
   end
   local moving, told = is_terminal(), nil
   local clear = moving and CLEAR or ""
   return {
      show = function(progress)
         local reason = progress.last_error and tostring(progress.last_error)
         if reason and reason ~= told then
            told = reason
            io.stderr:write(clear, "ossdl: trying again: ", reason, "\n")
         end
         if moving then
            io.stderr:write(clear, report.line(progress))
            io.stderr:flush()
         end
      end,
      finish = function()
         io.stderr:write(clear)
      end,
   }
end

--- Writes a line to the standard output, as far as the disk behind it.
---@param text string
---@return boolean? ok
---@return string? err
function report.write(text)
   local ok, err = io.stdout:write(text, "\n")
   if ok then
      ok, err = io.stdout:flush()
   end
   return ok and true, err
end

--- The result in one line.
---@param result ossdl.Result
---@return string
function report.result(result)
   local text = ("%s: %d bytes in %.1f s (%.1f MiB/s), %s"):format(result.file, result.bytes, result.elapsed,
      (result.bytes - result.resumed) / MIB / math.max(result.elapsed, 0.001),
      result.verified and "CRC-64 verified" or "not verified against the service")
   if result.resumed > 0 then
      text = text .. (", %d of them from an earlier run"):format(result.resumed)
   end
   if result.restarted then
      text = text .. "; started afresh: " .. result.restarted
   end
   return text
end

return report
