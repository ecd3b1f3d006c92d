--- A disk that fails under a whole download: at any call, once or for ever.
--
-- Each time: the file is the object, or there is a clear error and no file;
-- and afterwards, the disk being well again, a download in the same folder ends
-- right and fetches nothing again that was on the disk.

local ossdl = require "ossdl"

local faults = require "spec.torture.faults"
local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"
local process = require "spec.support.process"
local scene = require "spec.torture.scene"

local KIB, MIB = fixture.KIB, fixture.MIB

local SIZE = 4 * MIB + 4321
local SMALL = 200 * KIB
local PART = 256 * KIB
local THREADS = 4

-- One local OSS for all of this file.
local test = fixture.new()

lazy_setup(function()
   test.oss:put_random("object", SIZE, 7)
   test.oss:put_random("small", SMALL, 8)
   test.oss:put_random("big", 9 * MIB, 9)
end)

-- Name, rule of faults.c, what the message advises; `nothing` when no byte can be
-- kept, so that nothing may be left.
local FAILING = {
   { "no room in the midst", rule = "write:.part:5:0:ENOSPC", advice = "free some space" },
   { "no room for a record of the checkpoint", rule = "write:.cp:4:0:ENOSPC", advice = "free some space" },
   { "no room to reserve", rule = "allocate:.part:1:0:ENOSPC", advice = "free some space", nothing = true,
      requests = 1 },
   -- what the disk has of it, nobody knows: it is not kept
   { "an error of the disk at the sync", rule = "sync:.part:1:1:EIO", advice = "kernel's log", nothing = true },
   { "no room at the rename", rule = "rename:.part:1:1:ENOSPC", advice = "free some space" },
   -- from here on in full only
   { "no room for the header of the checkpoint", rule = "write:.cp:1:0:ENOSPC", advice = "free some space",
      nothing = true, requests = 1 },
   { "an error of the disk at a write", rule = "write:.part:6:1:EIO", advice = "kernel's log" },
   { "a file system that is read-only", rule = "open:.part:1:0:EROFS", advice = "read-only", nothing = true,
      requests = 0 },
   { "no room for a small object", rule = "write:.part:1:0:ENOSPC", advice = "free some space", nothing = true,
      key = "small", requests = 1 },
   { "no room once in the midst", rule = "write:.part:5:1:ENOSPC", advice = "free some space" },
   { "no room at the first write", rule = "write:.part:1:0:ENOSPC", advice = "free some space", nothing = true },
   { "no room at the last write", rule = "write:.part:17:0:ENOSPC", advice = "free some space" },
   { "a quota that is used up", rule = "write:.part:9:0:EDQUOT", advice = "quota" },
   { "a quota that forbids to reserve", rule = "allocate:.part:1:0:EDQUOT", advice = "quota", nothing = true,
      requests = 1 },
   { "no room for one record of the checkpoint", rule = "write:.cp:9:1:ENOSPC", advice = "free some space" },
   { "an error of the disk at all writes", rule = "write:.part:1:0:EIO", advice = "kernel's log",
      nothing = true },
   { "an error of the disk past the page cache", rule = "write:.part:3:1:EIO", advice = "kernel's log",
      options = { direct = true } },
   { "no room past the page cache", rule = "write:.part:3:0:ENOSPC", advice = "free some space",
      options = { direct = true } },
   { "a file system that becomes read-only", rule = "write:.part:7:0:EROFS", advice = "read-only" },
   { "a file system that is read-only at the rename", rule = "rename:.part:1:1:EROFS", advice = "read-only" },
   { "an error of the disk at the rename", rule = "rename:.part:1:1:EIO", advice = "kernel's log" },
   { "a checkpoint that cannot be created", rule = "open:.cp:1:0:EACCES", advice = "permissions", nothing = true,
      requests = 1 },
   { "a checkpoint that cannot be emptied", rule = "truncate:.cp:1:0:EIO", advice = "kernel's log",
      nothing = true, requests = 1 },
   { "too many open files", rule = "open:.part:1:0:EMFILE", advice = "ulimit -n", nothing = true, requests = 0 },
   { "an error of the disk at the sync of a small object", rule = "sync:.part:1:1:EIO", advice = "kernel's log",
      nothing = true, key = "small", requests = 1 },
   { "no room at the rename of a small object", rule = "rename:.part:1:1:ENOSPC", advice = "free some space",
      nothing = true, key = "small", requests = 1 },
}
local FAILING_QUICK = 5

-- The same for a download that goes on with what an earlier one has left.
local GOING_ON = {
   { "no room in the midst", rule = "write:.part:3:0:ENOSPC", advice = "free some space" },
   { "no room to reserve what is missing", rule = "allocate:.part:1:0:ENOSPC", advice = "free some space" },
   { "no room for a record of the checkpoint", rule = "write:.cp:1:0:ENOSPC", advice = "free some space" },
   { "a file system that is read-only now", rule = "open:.part:1:0:EROFS", advice = "read-only" },
   { "a checkpoint that must not be read", rule = "open:.cp:1:0:EACCES", advice = "permissions" },
   { "no room at the rename", rule = "rename:.part:1:1:ENOSPC", advice = "free some space" },
}

-- Name and rules of what must not matter at all.
local HARMLESS = {
   { "short writes, all of them", rules = { "write:.part:1:0:short", "write:.cp:1:0:short" } },
   { "interrupted calls", rules = { "write:.part:2:9:EINTR", "write:.cp:1:5:EINTR", "allocate:.part:1:3:EINTR",
      "sync:.part:1:3:EINTR", "sync:/d:1:3:EINTR", "open:.part:1:3:EINTR", "open:.cp:1:3:EINTR",
      "truncate:.cp:1:3:EINTR" } },
   -- from here on in full only
   { "a file system that cannot reserve", rules = { "allocate:.part:1:0:EOPNOTSUPP" } },
   { "short writes past the page cache", rules = { "write:.part:1:0:short" }, options = { direct = true } },
   { "a file system that knows no way past the page cache", rules = { "open:.part:2:0:EINVAL" },
      options = { direct = true } },
   { "a folder that cannot be synced", rules = { "sync:/d:1:0:EINVAL" } },
}
local HARMLESS_QUICK = 2

describe("a disk", function()
   -- A target in a folder of its own that is called "d".
   local function target()
      local folder = helper.folder() .. "/d"
      helper.shell("mkdir " .. helper.quote(folder))
      return folder .. "/target"
   end

   local function folder_of(file)
      return file:match "^(.*)/"
   end

   local function options(key, file, extra)
      local all = { bucket = test.oss.bucket, object = key, file = file, threads = THREADS, part_size = PART }
      for name, value in pairs(extra or {}) do
         all[name] = value
      end
      return all
   end

   -- Downloads in a child with these faults, each of which must have acted.
   local function download(key, file, rules, extra)
      local outcomes, hits = faults.downloads(test:client_options(), { options(key, file, extra) }, rules)
      local acted = table.concat(hits, "\n") .. "\n"
      for _, rule in ipairs(rules) do
         local call, ending = rule:match "^(%l+):([^:]*):"
         assert(acted:find(call .. " [^\n]*" .. ending:gsub("%p", "%%%0") .. "\n"), "no fault came of " .. rule)
      end
      return outcomes[1]
   end

   -- The disk is well again: all ends right, with what was kept.
   local function recover(key, file, kept, extra)
      local result, err = ossdl.download(test:options(key, file, options(key, file, extra)))
      assert(result, tostring(err))
      test:check(key, file)
      assert.equal(kept, result.resumed)
      return result
   end

   local function check_error(outcome, code, path, advice)
      assert(not outcome.result, "a success")
      assert.equal("io", outcome.error.kind, outcome.text)
      assert.equal(code, outcome.error.code, outcome.text)
      assert.truthy(outcome.text:find(path, 1, true), outcome.text)
      assert.truthy(outcome.text:find(advice, 1, true), outcome.text)
      assert.is_nil(outcome.text:find "%c")
   end

   -- Nothing was asked for twice, and no part after the error: each connection
   -- may have been in the midst of one, and each write that went well has let
   -- one more begin.
   local function check_requests(key, scenario)
      local requests = test:requests(key)
      local seen = {}
      for _, request in ipairs(requests) do
         local first = fixture.range(request)
         assert(not seen[first], "byte " .. first .. " was asked for again")
         seen[first] = true
      end
      local written = tonumber(scenario.rule:match "^write:[^:]*:(%d+):0:")
      assert.is_true(not written or #requests <= written - 1 + 2 * THREADS, #requests .. " requests")
      assert.equal(scenario.requests or #requests, #requests)
   end

   for i, scenario in ipairs(FAILING) do
      if scene.full or i <= FAILING_QUICK then
         it("with " .. scenario[1] .. " is told, and costs nothing that is on it", function()
            local key, file = scenario.key or "object", target()
            local call, ending, code = scenario.rule:match "^(%l+):([^:]*):%d+:%d+:(%u+)$"
            local outcome = download(key, file, { scenario.rule }, scenario.options)
            check_error(outcome, code, file .. ending, scenario.advice)
            check_requests(key, scenario)
            assert.is_false(helper.exists(file))
            if scenario.nothing then
               assert.same({}, helper.files(folder_of(file)))
            end
            assert.equal(not scenario.nothing, outcome.error.resumable)
            local kept = scenario.nothing and 0 or outcome.bytes_done
            if call == "rename" and not scenario.nothing then
               assert.equal(SIZE, kept)
            end
            recover(key, file, kept, scenario.options)
         end)
      end
   end

   for _, scenario in ipairs(scene.full and GOING_ON or {}) do
      it("with " .. scenario[1] .. " is told, and keeps what an earlier download has left", function()
         local file, half = target(), 2 * MIB
         local ending, code = scenario.rule:match "^%l+:([^:]*):%d+:%d+:(%u+)$"
         test:interrupt("object", file, half)
         local outcome = download("object", file, { scenario.rule })
         check_error(outcome, code, file .. ending, scenario.advice)
         assert.is_false(helper.exists(file))
         local result = test:fetch("object", file, options("object", file))
         assert.is_true(result.resumed >= math.max(half, outcome.bytes_done), result.resumed .. " bytes resumed")
      end)
   end

   for i, scenario in ipairs(HARMLESS) do
      if scene.full or i <= HARMLESS_QUICK then
         it("with " .. scenario[1] .. " serves as any other", function()
            local file = target()
            local outcome = download("object", file, scenario.rules, scenario.options)
            assert(outcome.result, outcome.text)
            test:check("object", file)
         end)
      end
   end

   it("that cannot sync the folder is told, but the file has its name, and nothing lies beside it", function()
      local file = target()
      local outcome = download("object", file, { "sync:/d:1:1:EIO" })
      check_error(outcome, "EIO", file, "kernel's log")
      assert.is_false(outcome.error.resumable)
      test:check("object", file)
      recover("object", file, 0)
   end)

   describe("that cannot read back", function()
      local HALF = 2 * MIB

      -- What fails, and how much of the half that is there need not come again;
      -- or that it ends in an error.
      local READING = {
         { "one block, fetches that block", rule = "read:.part:2:1:EIO", least = HALF - MIB, most = HALF - 1 },
         -- from here on in full only
         { "a record of the checkpoint, tells, and keeps all", rule = "read:.cp:2:1:EIO", fails = true },
         { "the checkpoint, tells, and keeps all", rule = "read:.cp:1:0:EIO", fails = true },
         { "anything, fetches all again", rule = "read:.part:1:0:EIO", least = 0, most = 0 },
         { "without being interrupted, fetches nothing again", rule = "read:.part:1:9:EINTR", least = HALF,
            most = HALF },
         { "much at a time, fetches nothing again", rule = "read:.part:1:0:short", least = HALF, most = HALF },
         { "past the page cache, fetches that block at most", rule = "read:.part:2:1:EIO", least = HALF - MIB,
            most = HALF, options = { direct = true } },
      }
      local READING_QUICK = 1

      for i, scenario in ipairs(READING) do
         if scene.full or i <= READING_QUICK then
            it(scenario[1], function()
               local file = target()
               test:interrupt("object", file, HALF)
               local outcome = download("object", file, { scenario.rule }, scenario.options)
               if scenario.fails then
                  check_error(outcome, "EIO", file .. ".cp", "kernel's log")
                  recover("object", file, HALF)
                  return
               end
               assert(outcome.result, outcome.text)
               test:check("object", file)
               local resumed = outcome.result.resumed
               assert.is_true(resumed >= scenario.least and resumed <= scenario.most, resumed .. " bytes resumed")
            end)
         end
      end

      if not scene.full then return end

      it("one block of a finished file, fetches that block with read_back", function()
         local file = target()
         local outcome = download("object", file, { "read:.part:3:1:EIO" }, { read_back = true })
         assert(outcome.result, outcome.text)
         test:check("object", file)
      end)

      it("a finished file, ever, gives no file its name with read_back", function()
         local file = target()
         local outcome = download("object", file, { "read:.part:1:0:EIO" }, { read_back = true })
         assert(not outcome.result, "a success, and nothing was read back")
         assert.equal("io", outcome.error.kind, outcome.text)
         assert.truthy(outcome.text:find(file .. ".part", 1, true), outcome.text)
         assert.is_false(helper.exists(file))
         assert(ossdl.download(test:options("object", file, options("object", file))))
         test:check("object", file)
      end)
   end)
end)

-- A file system in memory, of a mount namespace of its own: it goes with the
-- process that holds it, and only through that is it seen. Nil where that is
-- not allowed.
local function mount(size)
   local folder = helper.folder()
   local holder = process.start { "unshare", "--mount", "sh", "-c",
      ("mount -t tmpfs -o size=%s tmpfs %s && : >%s/ready && exec sleep 600"):format(size, folder, folder) }
   local inside = ("/proc/%d/root%s"):format(holder:pid() or 0, folder)
   local disk = { folder = inside, file = inside .. "/target" }

   function disk.stop()
      holder:stop()
   end

   function disk.remount(how)
      local output, status = process.shell(("nsenter --mount --target %d mount -o remount,%s %s"):format(
         holder:pid(), how, folder))
      assert(status == 0, output)
   end

   process.eventually(function()
      return holder:status() or helper.exists(inside .. "/ready")
   end)
   if not helper.exists(inside .. "/ready") then
      holder:stop()
      return nil
   end
   os.remove(inside .. "/ready")
   return disk
end

describe("a small disk", function()
   -- Runs `body` with a disk of 8 MiB, on which nothing but `left` bytes are free.
   local function with_disk(left, body)
      local disk = mount "8m"
      if not disk then
         pending "mounting a file system is not allowed here"
         return
      end
      finally(disk.stop)
      if left then
         helper.write(disk.folder .. "/filler", ("x"):rep(8 * MIB - left))
      end
      body(disk, disk.file)
   end

   local function fails(key, file, code, path)
      local result, err = test:download(key, file)
      assert(not result, "a success")
      assert.equal("io", err.kind, tostring(err))
      assert.equal(code, err.code, tostring(err))
      assert.truthy(err.message:find(path, 1, true), tostring(err))
      assert.is_false(helper.exists(file))
      return err
   end

   it("that has no room for the checkpoint is told, and leaves nothing", function()
      local pages = math.ceil(SIZE / 4096)
      with_disk(pages * 4096, function(disk, file)
         fails("object", file, "ENOSPC", file .. ".cp")
         assert.equal(1, #test:requests "object")
         assert.same({ "filler" }, helper.files(disk.folder))
         os.remove(disk.folder .. "/filler")
         test:fetch("object", file)
      end)
   end)

   it("that is mounted read-only is told before any request, and keeps what was there", function()
      with_disk(nil, function(disk, file)
         test:interrupt("object", file, 2 * MIB)
         test.oss:reset_log()
         disk.remount "ro"
         fails("object", file, "EROFS", file .. ".part")
         fails("object", file .. "2", "EROFS", file .. "2.part")
         assert.equal(0, #test:requests "object")
         disk.remount "rw"
         assert.equal(2 * MIB, test:fetch("object", file).resumed)
      end)
   end)

   if not scene.full then return end

   it("that an object does not fit on is told after one request, and leaves nothing", function()
      with_disk(nil, function(disk, file)
         fails("big", file, "ENOSPC", file .. ".part")
         assert.equal(1, #test:requests "big")
         assert.same({}, helper.files(disk.folder))
         disk.remount "size=16m"
         test:fetch("big", file)
      end)
   end)

   it("that becomes full in the midst of a small object is told, and leaves nothing", function()
      with_disk(100 * KIB, function(disk, file)
         fails("small", file, "ENOSPC", file .. ".part")
         assert.same({ "filler" }, helper.files(disk.folder))
         os.remove(disk.folder .. "/filler")
         test:fetch("small", file)
      end)
   end)
end)

describe("somebody else", function()
   -- So slow that it cannot be over before we have looked.
   local RATE = 128 * KIB

   -- Downloads, and does `deed` once, when some bytes have come.
   local function meanwhile(file, deed)
      local done = false
      local result, err = test:slowly("object", file, RATE, function(p)
         if not done and p.bytes_done > 0 then
            done = true
            deed()
            return true
         end
      end)
      assert(done, "the download was over too early")
      return result, err
   end

   local function shell(command, ...)
      local words = { command }
      for _, word in ipairs { ... } do
         words[#words + 1] = helper.quote(word)
      end
      local output, status = helper.shell(table.concat(words, " "))
      assert(status == 0, output)
   end

   local function target()
      local folder = helper.folder() .. "/d"
      shell("mkdir", folder)
      return folder .. "/target", folder
   end

   local function check_error(result, err, path)
      assert(not result, "a success")
      assert.equal("io", err.kind, tostring(err))
      assert.truthy(err.message:find(path, 1, true), tostring(err))
      assert.is_nil(tostring(err):find "%c")
   end

   it("may remove the folder: that is told, and the next download starts afresh", function()
      local file, folder = target()
      local result, err = meanwhile(file, function() shell("rm -r", folder) end)
      check_error(result, err, file .. ".part")
      assert.is_false(helper.exists(folder))
      shell("mkdir", folder)
      test:fetch("object", file)
   end)

   it("may move the folder away: that is told, and once it is back nothing is fetched again", function()
      local file, folder = target()
      local result, err = meanwhile(file, function() shell("mv", folder, folder .. "2") end)
      check_error(result, err, file .. ".part")
      assert.is_false(helper.exists(folder))
      shell("mv", folder .. "2", folder)
      assert.equal(SIZE, test:fetch("object", file).resumed)
   end)

   it("may put a folder at the target: that is told, and stays; afterwards nothing is fetched again", function()
      local file = target()
      local result, err = meanwhile(file, function() shell("mkdir", file) end)
      check_error(result, err, file)
      assert.equal("EISDIR", err.code)
      assert.is_true(err.resumable)
      shell("rmdir", file)
      assert.equal(SIZE, test:fetch("object", file).resumed)
   end)

   it("may put a link at the target: it is replaced, not followed", function()
      local file = target()
      helper.write(file .. ".precious", "precious")
      local result, err = meanwhile(file, function() shell("ln -s", file .. ".precious", file) end)
      assert(result, tostring(err))
      test:check("object", file)
      assert.equal("precious", helper.read(file .. ".precious"))
      local _, status = helper.shell("test -L " .. helper.quote(file))
      assert.equal(1, status)
   end)

   it("may put a link at the partial file: that is told, not followed, and afterwards refused", function()
      local file = target()
      helper.write(file .. ".precious", "precious")
      local result, err = meanwhile(file, function() shell("ln -sf", file .. ".precious", file .. ".part") end)
      check_error(result, err, file .. ".part")
      assert.is_false(helper.exists(file))
      result, err = test:download("object", file)
      check_error(result, err, file .. ".part")
      assert.equal("precious", helper.read(file .. ".precious"))
      os.remove(file .. ".part")
      test:fetch("object", file)
   end)
end)
