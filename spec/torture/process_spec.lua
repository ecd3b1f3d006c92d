--- What may happen to the process that downloads, at a chosen moment.
--- Kills at random moments are in ../transfer/kill_spec.lua.

local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"
local scene = require "spec.torture.scene"

local MIB = fixture.MIB

-- A download by a process of its own. `die` kills it with any signal;
-- `act(p)` is what a test adds.
local PROGRAM = [==[
local ossdl = require "ossdl"
local options = { proxy = "", progress_interval = 0.01 }
for i = 1, #arg, 2 do
   options[arg[i]] = tonumber(arg[i + 1]) or arg[i + 1]
end
local function die(signal)
   os.execute("kill -" .. signal .. " $PPID")
end
local function note(text)
   -- Whole from the moment that it is there.
   local file = assert(io.open(options.file .. ".note.new", "w"))
   file:write(text)
   file:close()
   assert(os.rename(options.file .. ".note.new", options.file .. ".note"))
end
local act = function() end
%s
options.on_progress = function(p) return act(p) end
local result, err = ossdl.download(options)
assert(result, tostring(err))
io.write(("%%d"):format(result.resumed))
os.exit(0 * #{ die, note })
]==]

describe("a process that downloads", function()
   local test = fixture.new()

   local function words(file, extra)
      local list = {}
      local options = test:options("object", file, extra)
      options.proxy = nil
      for name, value in pairs(options) do
         list[#list + 1] = name
         list[#list + 1] = tostring(value)
      end
      return list
   end

   local function start(file, act, extra)
      return helper.spawn { code = PROGRAM:format(act or ""), args = words(file, extra) }
   end

   -- Runs it to its end: "signal" or "exit", the number, what it wrote.
   local function run(file, act, extra)
      local child = start(file, act, extra)
      local how, number = child:wait(120)
      return how, number, child:output() .. child:errors()
   end

   local function noted(file)
      return helper.eventually(function()
         return helper.read(file .. ".note")
      end, 60)
   end

   local function copy(from, to)
      local output, status = helper.shell(("cp %s %s"):format(helper.quote(from), helper.quote(to)))
      assert(status == 0, output)
   end

   -- How often a state that passes quickly is tried for.
   local ATTEMPTS = 20

   -- Calls `try` with what an interrupted download left, the same each time,
   -- until it gives something true.
   local function until_hit(file, try)
      for _, ending in ipairs { ".part", ".cp" } do
         copy(file .. ending, file .. ending .. ".kept")
      end
      for _ = 1, ATTEMPTS do
         if try() then return true end
         os.remove(file)
         for _, ending in ipairs { ".part", ".cp" } do
            copy(file .. ending .. ".kept", file .. ending)
         end
      end
   end

   describe("and is killed while it reads back what is there", function()
      for _, threads in ipairs(scene.full and { 1, 2, 8 } or { 1 }) do
         it(("with %d threads, goes on and has lost nothing"):format(threads), function()
            test.oss:put_random("object", 65 * MIB)
            local file = test.target()
            test:interrupt("object", file, 64 * MIB, { threads = 4 })
            local hit = until_hit(file, function()
               return run(file, [==[
                  act = function(p)
                     if p.state == "verifying" and p.bytes_done < p.bytes_total then die "KILL" end
                  end
               ]==], { threads = threads }) == "signal"
            end)
            assert(hit, "reading back was never seen")
            assert.is_false(helper.exists(file))
            test.oss:reset_log()
            local result = test:fetch("object", file)
            assert.is_true(result.resumed >= 64 * MIB)
            assert.is_true(test:bytes_sent "object" <= MIB)
         end)
      end
   end)

   it("and is killed while it finishes, is right in the next run", function()
      test.oss:put_random("object", 17 * MIB)
      local file = test.target()
      test:interrupt("object", file, 16 * MIB)
      local hit = until_hit(file, function()
         return run(file, [==[
            act = function(p)
               if p.bytes_done == p.bytes_total then die "KILL" end
            end
         ]==]) == "signal"
      end)
      assert(hit, "the end was never seen")
      test:fetch("object", file)
   end)

   it("and is killed between the rename and the removal of the checkpoint, is right in the next run", function()
      if os.getenv "OSSDL_SANITIZER" or not helper.shell("strace -V"):find("strace -- version", 1, true) then
         pending "this needs strace, and no sanitizer"
         return
      end
      test.oss:put_random("object", 3 * MIB)
      local file, program = test.target(), helper.folder() .. "/program.lua"
      helper.write(program, PROGRAM:format "")
      local command = { "timeout 60 strace -f -qq -o /dev/null -P", helper.quote(file .. ".cp"),
         "-e inject=?unlink,?unlinkat:signal=KILL", helper.quote(helper.interpreter), helper.quote(program) }
      for _, word in ipairs(words(file)) do
         command[#command + 1] = helper.quote(word)
      end
      local output = helper.shell(table.concat(command, " "))
      if output:find("ptrace", 1, true) then
         pending "this needs ptrace"
         return
      end
      assert.is_true(helper.same_file(test.oss:path "object", file), output)
      assert.is_true(helper.exists(file .. ".cp"))
      assert.is_false(helper.exists(file .. ".part"))
      test:fetch("object", file)
   end)

   describe("and finds the checkpoint of a download that is complete", function()
      -- What lies at .part meanwhile, and how much of it is of use.
      local PARTS = {
         { "nothing", 0, function() end },
         { "an empty file", 0, function(part) helper.write(part, "") end },
         { "zeros", 0, function(part)
            helper.write(part, "")
            helper.truncate(part, 3 * MIB)
         end },
         { "half of the object", MIB, function(part)
            copy(test.oss:path "object", part)
            helper.truncate(part, MIB + 5000)
         end },
         { "the object", 3 * MIB, function(part) copy(test.oss:path "object", part) end },
      }

      -- A complete download of which the checkpoint stays, as a kill between
      -- rename and removal leaves it: by another name, until it is done.
      local function leave(file)
         test.oss:put_random("object", 3 * MIB, 1)
         test:slowly("object", file, 32 * MIB, function()
            if helper.exists(file .. ".cp") then
               os.execute(("ln %s.cp %s.kept 2>/dev/null"):format(helper.quote(file), helper.quote(file)))
               return true
            end
         end)
         test:check("object", file)
         assert(os.rename(file .. ".kept", file .. ".cp"))
      end

      for _, part in ipairs(PARTS) do
         it("and at .part " .. part[1] .. ", ends right", function()
            local file = test.target()
            leave(file)
            part[3](file .. ".part")
            assert.equal(part[2], test:fetch("object", file).resumed)
         end)
      end

      it("and another object meanwhile, ends with that", function()
         local file = test.target()
         leave(file)
         test.oss:put_random("object", 3 * MIB, 2)
         assert.equal(0, test:fetch("object", file).resumed)
      end)
   end)

   -- What ends it in its midst: the code, and how it ends.
   local ENDINGS = {
      { "SIGTERM", 'die "TERM"', "signal", 15 },
      { "SIGHUP", 'die "HUP"', "signal", 1 },
      { "os.exit in on_progress", "os.exit(7)", "exit", 7 },
      { "os.exit in on_progress that closes the state", "os.exit(7, true)", "exit", 7 },
   }
   for _, ending in ipairs(scene.sample(ENDINGS, 2)) do
      it("and ends in the midst by " .. ending[1] .. ", goes on in the next run", function()
         test.oss:put_random("object", 8 * MIB)
         local file = test.target()
         local how, number, output = run(file, ([==[
            act = function(p)
               if p.bytes_done > 4 * 1024 * 1024 then %s end
            end
         ]==]):format(ending[2]), { max_rate = 16 * MIB, threads = 2, part_size = MIB })
         assert.equal(ending[3], how, output)
         assert.equal(ending[4], number, output)
         assert.is_false(helper.exists(file))
         assert.is_true(test:fetch("object", file).resumed > 0)
      end)
   end

   it("and has started another program, leaves the target to the next run when it is killed", function()
      test.oss:put_random("object", 8 * MIB)
      local file = test.target()
      local child = start(file, [==[
         local sleeper
         act = function(p)
            if not sleeper then
               local pipe = io.popen "sleep 600 </dev/null >/dev/null 2>&1 & echo $!"
               sleeper = pipe:read "*l"
               pipe:close()
               note(sleeper)
            end
         end
      ]==], { max_rate = MIB })
      local sleeper = tonumber((assert(noted(file), "no download begins")))
      child:kill "KILL"
      child:wait(60)
      local _, lives = helper.shell(("kill -0 %d"):format(sleeper))
      local ok, problem = pcall(test.fetch, test, "object", file)
      helper.shell(("kill %d"):format(sleeper))
      assert.equal(0, lives)
      assert(ok, problem)
   end)

   it("and is killed while others wait for its target, is taken over by one of them", function()
      test.oss:put_random("object", 5 * MIB)
      local file = test.target()
      local holder = start(file, [==[
         act = function(p)
            if p.bytes_done > 2.5 * 1024 * 1024 then note "held" end
         end
      ]==], { threads = 2, part_size = MIB, max_rate = 4 * MIB })
      assert(noted(file), "no download begins")
      local waiting = {}
      for i = 1, scene.full and 8 or 2 do
         waiting[i] = start(file, nil, { busy = "wait" })
      end
      holder:kill "KILL"
      assert.equal("signal", (holder:wait(60)))
      local resumed = 0
      for _, child in ipairs(waiting) do
         local how, number = child:wait(120)
         assert.equal("exit", how, child:errors())
         assert.equal(0, number, child:errors())
         resumed = math.max(resumed, tonumber(child:output()))
      end
      assert.is_true(resumed > 0)
      test:check("object", file)
   end)

   if rawget(_G, "jit") then
      it("and has forked, finishes, and gives the target free while the child lives on", function()
         test.oss:put_random("object", 4 * MIB)
         local file = test.target()
         local how, number, output = run(file, [==[
            local ffi = require "ffi"
            ffi.cdef "int fork(void); int pause(void); int kill(int, int);"
            local pid
            act = function()
               if not pid then
                  pid = ffi.C.fork()
                  while pid == 0 do ffi.C.pause() end
                  note(("%d"):format(pid))
               end
            end
         ]==], { max_rate = 8 * MIB })
         local pid = tonumber(helper.read(file .. ".note"))
         local complete = helper.exists(file)
         local result, err = test:download("object", file)
         helper.shell(("kill -KILL %d"):format(assert(pid, output)))
         assert.equal("exit", how, output)
         assert.equal(0, number, output)
         assert.is_true(complete)
         assert(result, tostring(err))
         test:check("object", file)
      end)

      it("and has forked, is still told of the end when the child polls, too", function()
         test.oss:put_random("object", 2 * MIB)
         local file = test.target()
         local child = helper.spawn { code = [==[
            local ffi = require "ffi"
            local ossdl = require "ossdl"
            ffi.cdef [[
               int fork(void); int waitpid(int, int *, int); void _exit(int);
               struct pollfd { int fd; short events; short revents; };
               int poll(struct pollfd *, unsigned long, int);
            ]]
            local options = { proxy = "" }
            for i = 1, #arg, 2 do
               options[arg[i]] = tonumber(arg[i + 1]) or arg[i + 1]
            end
            local object, file = options.object, options.file
            options.object, options.file = nil, nil
            local client = assert(ossdl.new(options))
            local transfer = assert(client:start { object = object, file = file, progress_interval = 3600 })
            local fd = assert(transfer:pollfd())
            local pid = ffi.C.fork()
            if pid == 0 then
               transfer:poll()
               ffi.C._exit(0)
            end
            ffi.C.waitpid(pid, nil, 0)
            local one = ffi.new("struct pollfd[1]", { { fd = fd, events = 1 } })
            repeat
               assert(ffi.C.poll(one, 1, 30000) == 1, "nothing was heard for half a minute")
            until transfer:poll()
            assert(transfer:result())
         ]==], args = words(file, { max_rate = 2 * MIB }) }
         local how, number = child:wait(120)
         assert.equal("exit", how)
         assert.equal(0, number, child:errors())
         test:check("object", file)
      end)
   end
end)
