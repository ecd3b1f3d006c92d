--- The ways to wait, each with the real library: what differs between them.
--
-- `loops.all` are those that are here, by name; each has `name` and
-- `run(functions)`, which runs every function in a coroutine of the loop and
-- comes back when all have ended.

local loops = {}

local function run_blocking(functions)
   for _, callback in ipairs(functions) do
      callback()
   end
end

local function run_cqueues(functions)
   local controller = require "cqueues".new()
   for _, callback in ipairs(functions) do
      controller:wrap(callback)
   end
   assert(controller:loop())
end

local function run_luv(functions)
   local uv = require "luv"
   local failure
   for _, callback in ipairs(functions) do
      -- A timer, since a coroutine must be started by the running loop.
      local timer = uv.new_timer()
      timer:start(0, 0, function()
         timer:close()
         coroutine.wrap(function()
            local ok, err = pcall(callback)
            if not ok then
               failure = failure or err
            end
         end)()
      end)
   end
   uv.run()
   assert(not failure, failure)
end

local function run_copas(functions)
   local copas = require "copas"
   local running = #functions
   for _, callback in ipairs(functions) do
      copas.addthread(function()
         callback()
         running = running - 1
      end)
   end
   -- Older versions have a copas.loop() that never ends.
   while running > 0 do
      copas.step(0.05)
   end
end

local function nap_cqueues(seconds)
   require "cqueues".sleep(seconds)
end

-- Old versions have no way to sleep.
local function nap_copas()
   local copas = package.loaded.copas
   return copas and copas.sleep
end

local function nap_luv(seconds)
   local uv = require "luv"
   local thread = coroutine.running()
   local timer = uv.new_timer()
   timer:start(math.ceil(seconds * 1000), 0, function()
      timer:close()
      assert(coroutine.resume(thread))
   end)
   coroutine.yield()
end

local KNOWN = {
   { name = "blocking", run = run_blocking },
   { name = "cqueues", run = run_cqueues, nap = nap_cqueues },
   { name = "luv", run = run_luv, nap = nap_luv },
   { name = "copas", run = run_copas, nap = nap_copas() },
}

--- The loop of this name, or nil and why not.
function loops.find(name)
   for _, loop in ipairs(KNOWN) do
      if loop.name == name then
         local ok, err = pcall(require, name == "blocking" and "ossdl" or name)
         if ok then
            return loop
         elseif tostring(err):find("not found", 1, true) then
            return nil, name .. " is not installed for this interpreter"
         end
         error(err, 0)
      end
   end
end

return loops
