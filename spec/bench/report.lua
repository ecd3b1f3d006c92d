--- Tables and charts of what was measured: plain Markdown and plain SVG.

local report = {}

local function ratio(value, base)
   return base and base > 0 and ("%.2f"):format(value / base) or ""
end

--- One table per scenario. The ratio is to our own row, the first.
---@param result table # title, unit, rows { name, wall, cpu, memory, ... }
---@return string
function report.table(result)
   local lines = {
      ("### %s\n"):format(result.title),
      ("| program | wall s | x | CPU s%s | x | peak MiB |"):format(result.per or ""),
      "|---|---|---|---|---|---|",
   }
   local ours = result.rows[1]
   for _, row in ipairs(result.rows) do
      lines[#lines + 1] = ("| %s | %.2f | %s | %.2f | %s | %.1f |"):format(
         row.name, row.wall, ratio(row.wall, ours.wall), row.cpu, ratio(row.cpu, ours.cpu),
         row.memory / 1024)
   end
   for _, note in ipairs(result.notes or {}) do
      lines[#lines + 1] = "\n" .. note
   end
   return table.concat(lines, "\n") .. "\n"
end

local BAR, GAP, LEFT, WIDTH = 18, 8, 110, 420

--- Horizontal bars of one column.
---@param result table
---@param column string
---@param label string
---@return string
function report.chart(result, column, label)
   local most = 0
   for _, row in ipairs(result.rows) do most = math.max(most, row[column]) end
   local height = 40 + #result.rows * (BAR + GAP)
   local out = {
      ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">')
         :format(LEFT + WIDTH + 70, height),
      ('<rect width="100%%" height="100%%" fill="#fff"/><text x="8" y="20" font-weight="bold">%s, %s</text>')
         :format(result.title, label),
   }
   for i, row in ipairs(result.rows) do
      local y = 34 + (i - 1) * (BAR + GAP)
      local width = most > 0 and row[column] / most * WIDTH or 0
      out[#out + 1] = ('<text x="%d" y="%d" text-anchor="end">%s</text>'
         .. '<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>'
         .. '<text x="%.1f" y="%d">%.2f</text>'):format(
         LEFT - 8, y + 13, row.name, LEFT, y, width, BAR, i == 1 and "#d9480f" or "#868e96",
         LEFT + width + 6, y + 13, row[column])
   end
   out[#out + 1] = "</svg>\n"
   return table.concat(out, "\n")
end

return report
