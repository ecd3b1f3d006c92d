-- luacheck: std ngx_lua, globals ngx
--- How OSS reads a Range header: with `x-oss-range-behavior: standard` as the
-- RFC says, by default with the whole object for what does not fit into it.

local range = {}

local function parse(text)
   local first, last = text:match "^bytes=(%d*)%-(%d*)$"
   if not first or (first == "" and last == "") then
      return nil
   end
   first, last = tonumber(first), tonumber(last)
   if first and last and last < first then
      return nil
   end
   return first, last
end

--- What to serve of an object of `size` bytes.
--
-- Gives "whole", or "part" with the first and last byte, or "invalid" (416).
---@return string kind
---@return integer? first
---@return integer? last
function range.resolve(text, size, standard)
   if not text then
      return "whole"
   end
   local first, last = parse(text)
   if not first and not last then
      return "whole"
   end
   local fits
   if not first then
      fits = last >= 1 and last <= size
      if standard and (last == 0 or size == 0) then
         return "invalid"
      end
      first, last = math.max(size - last, 0), size - 1
   else
      fits = first < size and (last or 0) < size
      if standard and first >= size then
         return "invalid"
      end
      last = math.min(last or size - 1, size - 1)
   end
   if not fits and not standard then
      return "whole"
   end
   return "part", first, last
end

return range
