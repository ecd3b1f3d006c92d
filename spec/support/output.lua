-- How busted reports here: a line for each test that failed or was skipped,
-- and at the end "N passed, N failed", as the C tests print it. Every line is
-- flushed at once, so that the output of a killed run tells how far it came.
--
-- OSSDL_RUNNING, when set, names a file that always holds the name of the test
-- that runs now: after a crash or a time limit spec/support/run_suite tells it.

local busted = require "busted"
local pretty = require "pl.pretty"

local function say(line)
   io.stdout:write(line, "\n")
   io.stdout:flush()
end

local function note_running(name)
   local path = os.getenv "OSSDL_RUNNING"
   local file = path and io.open(path, "w")
   if file then
      file:write(name, "\n")
      file:close()
   end
end

local function indented(text)
   return "    " .. tostring(text):gsub("%s+$", ""):gsub("\n", "\n    ")
end

local function place_of(test)
   local trace = test.element.trace or test.trace
   if not (trace and trace.short_src) then
      return ""
   end
   return (" (%s:%s)"):format(trace.short_src, tostring(trace.currentline))
end

local function message_of(test)
   local message = test.message
   if message == nil then
      return "an error without a message"
   elseif type(message) == "string" then
      return message
   end
   local meta = getmetatable(message)
   if meta and meta.__tostring then
      return tostring(message)
   end
   return pretty.write(message)
end

-- The stack tells where an error came from; a failed assertion says it itself.
local function show_failure(test)
   say(indented(message_of(test)))
   local trace = test.trace
   if test.isError and trace and trace.traceback then
      say(indented(trace.traceback:gsub("^\n", "")))
   end
   say("  FAILED: " .. test.name .. place_of(test))
end

return function()
   local handler = require "busted.outputHandlers.base" ()

   function handler.testStart(element)
      note_running(handler.getFullName(element))
      return nil, true
   end

   function handler.testEnd(_, _, status)
      if status == "pending" then
         local test = handler.pendings[#handler.pendings]
         local reason = type(test.message) == "string" and ": " .. test.message or ""
         say("  SKIPPED: " .. test.name .. reason)
      elseif status == "failure" then
         show_failure(handler.failures[#handler.failures])
      elseif status == "error" then
         show_failure(handler.errors[#handler.errors])
      end
      return nil, true
   end

   -- What fails outside of any test: a file that does not load, a set-up.
   function handler.failed(element)
      if element.descriptor ~= "it" then
         show_failure(handler.errors[#handler.errors])
      end
      return nil, true
   end

   function handler.suiteEnd()
      note_running("nothing: all tests had ended")
      say(("%d passed, %d failed"):format(handler.successesCount, handler.failuresCount + handler.errorsCount))
      return nil, true
   end

   busted.subscribe({ "test", "start" }, handler.testStart)
   busted.subscribe({ "test", "end" }, handler.testEnd)
   busted.subscribe({ "error" }, handler.failed)
   busted.subscribe({ "failure" }, handler.failed)
   busted.subscribe({ "suite", "end" }, handler.suiteEnd)
   return handler
end
