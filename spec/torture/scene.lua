--- What the scenarios of this folder share. Each ends in one of two ways: the
--- file is the object, or there is a clear error and no file.

local ossdl = require "ossdl"
local helper = require "spec.helper"

local scene = {}

--- Everything, or a sample that is quick.
scene.full = os.getenv("TORTURE") == "full"

--- helper.guard(), after one failed download: what libraries and sanitizers
--- open once and keep is there before anything is counted.
function scene.guard()
   helper.guard {
      warm_up = function()
         local folder = helper.folder()
         ossdl.download {
            endpoint = "http://127.0.0.1:1", region = "cn-hangzhou", signature = "none", proxy = "",
            bucket = "bucket", object = "object", file = folder .. "/target", max_retries = 0,
         }
      end,
   }
end

--- Ends all references that compiled code may keep (LuaJIT), and collects.
function scene.collect()
   if rawget(_G, "jit") then require("jit").flush() end
   collectgarbage()
   collectgarbage()
end

--- In full: the list. Else some of it, spread evenly, with both ends.
---@param list any[]
---@param count integer
---@return any[]
function scene.sample(list, count)
   if scene.full or #list <= count then return list end
   local some = {}
   for i = 0, count - 1 do
      some[#some + 1] = list[1 + math.floor(i * (#list - 1) / (count - 1) + 0.5)]
   end
   return some
end

---@return string
function scene.read(path)
   local file = assert(io.open(path, "rb"))
   local bytes = file:read("*a")
   file:close()
   return bytes
end

function scene.write(path, bytes)
   local file = assert(io.open(path, "wb"))
   file:write(bytes)
   file:close()
end

--- Downloads and checks the promise.
---@param options table  of ossdl.download
---@param bytes string   the object
---@param note string    for the message of a failure
---@return table? result, table? err
function scene.download(options, bytes, note)
   os.remove(options.file)
   local result, err = ossdl.download(options)
   if result then
      assert(scene.read(options.file) == bytes, note .. ": a wrong file and a success")
      assert(not helper.exists(options.file .. ".part"), note .. ": the partial file is left")
      assert(not helper.exists(options.file .. ".cp"), note .. ": the checkpoint is left")
   else
      assert(not helper.exists(options.file), note .. ": an error and a file: " .. tostring(err))
      assert(ossdl.error.is(err) and #err.message > 10, note .. ": not a clear error")
   end
   return result, err
end

--- Noise that is the same each time.
---@return string
function scene.noise(size, seed)
   local state, out = seed or 1, {}
   for i = 1, size do
      state = (state * 1103515245 + 12345) % 2147483648
      out[i] = string.char(math.floor(state / 65536) % 256)
   end
   return table.concat(out)
end

return scene
