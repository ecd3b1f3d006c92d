--- The command `ossdl`, run as a user runs it.

local cjson = require "cjson"

local arguments = require "ossdl.cli.arguments"
local fixture = require "spec.transfer.fixture"
local helper = require "spec.helper"
local options = require "ossdl.options"
local process = require "spec.support.process"

local MIB = fixture.MIB
local SIZE = 6 * MIB + 123
local COMMAND = helper.root .. "/lua/ossdl/cli.lua"

describe("the command", function()
   local test = fixture.new()
   local url

   before_each(function()
      test.oss:put_random("folder/object", SIZE)
      url = ("oss://%s/folder/object"):format(test.oss.bucket)
   end)

   local function environment(more)
      local env = {
         OSS_ENDPOINT = test.oss.endpoint, OSS_REGION = test.oss.region, OSS_ACCESS_KEY_ID = test.oss.access_key_id,
         OSS_ACCESS_KEY_SECRET = test.oss.access_key_secret, OSS_SESSION_TOKEN = "", OSS_SECURITY_TOKEN = "",
         no_proxy = "*",
      }
      for name, value in pairs(more or {}) do
         env[name] = value
      end
      return env
   end

   -- Standard output, standard error, exit status.
   local function run(args, env)
      local output, errors, how, status = helper.run { file = COMMAND, args = args, env = environment(env) }
      assert.equal("exit", how, errors)
      return output, errors, status
   end

   -- Standard error and exit status, where standard output is a full disk.
   local function run_full(args)
      local words = {}
      for name, value in pairs(environment()) do
         words[#words + 1] = name .. "=" .. helper.quote(value)
      end
      words[#words + 1] = helper.quote(helper.interpreter)
      words[#words + 1] = helper.quote(COMMAND)
      for _, word in ipairs(args) do
         words[#words + 1] = helper.quote(word)
      end
      local errors, status = helper.shell(table.concat(words, " ") .. " 2>&1 >/dev/full")
      return errors, status
   end

   it("downloads an object to a file and says what it did", function()
      local file = test.target()
      local output, errors, status = run { "get", url, file }
      assert.equal(0, status, errors)
      assert.equal("", errors)
      assert.equal(file .. ": ", output:sub(1, #file + 2))
      assert.truthy(output:find((" %d bytes in [%%d.]+ s .*verified\n$"):format(SIZE)), output)
      test:check("folder/object", file)
   end)

   it("names the file after the object in a folder", function()
      local folder = helper.folder()
      for _, path in ipairs { folder, folder .. "/", folder .. "//" } do
         local _, errors, status = run { "get", "-q", url, path }
         assert.equal(0, status, errors)
         test:check("folder/object", folder .. "/object")
         os.remove(folder .. "/object")
      end
   end)

   it("says nothing when it is to be quiet", function()
      local output, errors, status = run { "get", "--quiet", url, test.target() }
      assert.equal("", output)
      assert.equal("", errors)
      assert.equal(0, status)
   end)

   it("prints results and errors as JSON", function()
      local file = test.target()
      local output, _, status = run { "get", "--json", url, file }
      local result = cjson.decode(output)
      assert.equal(0, status)
      assert.equal(file, result.file)
      assert.equal(SIZE, result.bytes)
      assert.is_true(result.verified)

      output, _, status = run { "get", "--json", url .. "-that-is-not-there", file }
      assert.equal(1, status)
      assert.equal("NoSuchKey", cjson.decode(output).code)
   end)

   it("passes on numbers, sizes, pairs and switches", function()
      local file = test.target()
      local _, errors, status = run { "get", url, file, "--part-size", "2M", "--threads=1", "--no-checkpoint",
         "--header", "X-First: a: b", "--header", "X-Second:c", "--query", "x-test=d=e", "--user-agent", "tester/1" }
      assert.equal(0, status, errors)
      test:check("folder/object", file)
      local requests = test:requests "folder/object"
      assert.equal("bytes=0-2097151", requests[1].range)
      for _, request in ipairs(requests) do
         assert.equal("a: b", request.headers["x-first"])
         assert.equal("c", request.headers["x-second"])
         assert.equal("tester/1", request.headers["user-agent"])
         assert.truthy(request.uri:find "x%-test=d[=%%]", request.uri)
      end
   end)

   it("passes on what is switched off, and no argument of its own as an option", function()
      assert.same({ bucket = "b", object = "k/l", checkpoint = false },
         arguments.values { url = "oss://b/k/l", checkpoint = false, file = "f", json = true, command = "get" })
   end)

   it("goes on after it was interrupted", function()
      local file = test.target()
      local child = helper.spawn { file = COMMAND, env = environment(),
         args = { "get", url, file, "--max-rate", "1M", "--part-size", "512k" } }
      assert.truthy(helper.eventually(function()
         return (helper.size(file .. ".cp") or 0) > 200
      end, 60), "no part was recorded")
      child:kill "INT"
      local how, status = child:wait(60)
      assert.same({ "exit", 130 }, { how, status })
      assert.truthy(child:errors():find "run it again, and it goes on")

      local output = run { "get", "--json", url, file }
      assert.is_true(cjson.decode(output).resumed > 0)
      test:check("folder/object", file)
   end)

   it("ends with 75 when the same command may succeed later", function()
      local file = test.target()
      local args = { "get", url, file, "--max-retries", "1" }
      -- Slow enough that somebody looks in between.
      test.oss:fault { match = { times = false }, status = 503, delay = 1 }
      local _, errors, status = run(args)
      assert.equal(75, status, errors)
      assert.truthy(errors:find "ossdl: trying again: ", errors)
      test.oss:clear()
      _, errors, status = run(args)
      assert.equal(0, status, errors)
   end)

   it("ends with 75 when nobody answers for the credentials yet", function()
      local code = ([[
         local credentials = require "ossdl.credentials"
         credentials.chain = function()
            return credentials.ecs_role { address = "127.0.0.1:%d" }
         end
         dofile(%q)]]):format(process.free_port(), COMMAND)
      local _, errors, how, status = helper.run { code = code, args = { "get", url, test.target() },
         env = environment() }
      assert.same({ "exit", 75 }, { how, status }, errors)
      assert.truthy(errors:find("metadata service 127.0.0.1:", 1, true), errors)
   end)

   it("shows a moving line on a terminal, and none elsewhere", function()
      local file = test.target()
      local args = { "get", url, file, "--max-rate", "4M", "--threads", "2" }
      local _, errors = run(args)
      assert.equal("", errors)
      local words = { helper.quote(helper.interpreter), helper.quote(COMMAND) }
      for _, word in ipairs(args) do
         words[#words + 1] = helper.quote(word)
      end
      local output = helper.run { env = environment(), code = ("os.execute %q"):format(
         ("script -qec %s /dev/null"):format(helper.quote(table.concat(words, " ")))) }
      assert.truthy(output:find "\r[^\r]* %d+ %%  [%d.]+ of 6%.0 MiB  [%d.]+ MiB/s[^\r]* %d connections?", output)
      assert.truthy(output:find "verified%s*$", output)
   end)

   it("makes a URL with which anybody can fetch the object", function()
      local output, errors, status = run { "presign", url, "--expires", "60" }
      assert.equal(0, status, errors)
      local file = test.target()
      helper.shell(("curl -sfo %s %s"):format(helper.quote(file), helper.quote((output:gsub("\n$", "")))))
      assert.is_true(helper.same_file(test.oss:path "folder/object", file))
   end)

   it("takes the region from the environment when the endpoint does not tell it", function()
      local _, errors, status = run({ "get", "-q", url, test.target(), "--endpoint", test.oss.endpoint },
         { OSS_ENDPOINT = "" })
      assert.equal(0, status, errors)
   end)

   it("has each option of the schema, and none that is a secret", function()
      local downloads, signatures = run { "get", "--help" }, run { "presign", "--help" }
      local here = { bucket = true, object = true, file = true, on_progress = true, progress_interval = true,
         loop = true, now = true }
      for _, option in ipairs(options.list) do
         local flag = "%-%-[no%-]*" .. option.name:gsub("_", "%%-"):gsub("s$", "s?") .. "[ %]]"
         local shown = not option.secret and not here[option.name]
         assert.equal(shown and option.scope ~= "sign", downloads:find(flag) ~= nil, option.name)
         assert.equal(shown and (option.sign or option.scope == "sign") or false, signatures:find(flag) ~= nil,
            option.name)
      end
   end)

   it("takes no secret as an argument, and does not repeat it", function()
      for _, option in ipairs(options.list) do
         if option.secret then
            local flag = "--" .. option.name:gsub("_", "-")
            for _, args in ipairs { { flag, "verySecretWord" }, { flag .. "=verySecretWord" } } do
               local output, errors, status = run { "get", url, "/nowhere/file", args[1], args[2] }
               assert.equal(2, status)
               assert.truthy(errors:find("in the environment instead", 1, true), errors)
               assert.is_nil((output .. errors):find("verySecretWord", 1, true))
            end
         end
      end
   end)

   it("ends with 1 and a message when its output cannot be written", function()
      for _, words in ipairs { { "--version" }, { "--help" }, { "get", "--help" }, { "--completion", "bash" },
         { "presign", url }, { "get", url, test.target() }, { "get", "--json", url, test.target() },
         { "get", "--json", url .. "-that-is-not-there", test.target() } } do
         local errors, status = run_full(words)
         assert.equal(1, status, table.concat(words, " "))
         assert.truthy(errors:find("ossdl: cannot write to the standard output: No space left on device\n", 1, true),
            errors)
      end
   end)

   it("ends with 1, and no hint at its help, when something breaks that no option is to blame for", function()
      local folder = helper.folder() .. "/a folder: 1"
      helper.shell("mkdir " .. helper.quote(folder))
      for _, problem in ipairs { "'it broke'", "'not enough memory', 0", "{}" } do
         helper.write(folder .. "/breaks.lua", ([[
            require("ossdl").new = function() error(%s) end
            dofile(%q)]]):format(problem, COMMAND))
         local output, errors, how, status = helper.run { file = folder .. "/breaks.lua",
            args = { "get", url, test.target() }, env = environment() }
         assert.same({ "exit", 1 }, { how, status })
         assert.equal("", output)
         assert.truthy(errors:find "^ossdl: [^\n]+\n$", errors)
         assert.is_nil(errors:find("--help", 1, true))
      end
   end)

   it("names a wrong option, and no place in a program, wherever it is installed", function()
      local folder = helper.folder() .. "/a folder: 1"
      helper.shell(("mkdir %s && cp %s %s/ossdl"):format(helper.quote(folder), helper.quote(COMMAND),
         helper.quote(folder)))
      local _, errors, _, status = helper.run { file = folder .. "/ossdl", env = environment(),
         args = { "get", url, "file", "--checkpoint", "file" } }
      assert.equal(2, status)
      assert.truthy(errors:find "^ossdl: bad option 'checkpoint' ", errors)
   end)

   it("completes no option that can only fail, and the words of those that have some", function()
      for _, shell in ipairs { "bash", "zsh", "fish" } do
         local script, errors, status = run { "--completion", shell }
         assert.equal(0, status, errors)
         for _, option in ipairs(options.list) do
            local flag = option.name:gsub("_", "-")
            if option.secret then
               assert.is_nil(script:find(flag .. "[ \"%[]"), flag)
            elseif option.type == "choice" then
               assert.truthy(script:find(table.concat(option.choices, " "), 1, true), flag)
            end
         end
         assert.truthy(script:find("max-retries", 1, true))
      end
   end)

   it("says in a sentence what each switch turns off", function()
      local help = run { "get", "--help" }
      assert.is_nil(help:find "Turn off")
      for _, option in ipairs(options.list) do
         if option.off_doc then
            assert.truthy(help:find("--no-" .. option.name:gsub("_", "-"), 1, true), option.name)
            assert.truthy(help:gsub("%s+", " "):find(option.off_doc, 1, true), option.name)
         end
      end
   end)

   local helps = { get = "get ", presign = "presign " }
   for _, case in ipairs {
      { "a command is required" },
      { "unknown command", "fetch" },
      { "oss://BUCKET/KEY", "get", "https://bucket/key", "file" },
      { "oss://BUCKET/KEY", "get", "oss://bucket/", "file" },
      { "oss://BUCKET/KEY", "get", "oss:///key", "file" },
      { "%-%-part%-size .integer between", "get", "oss://bucket/key", "file", "--part-size", "8Q" },
      { "%-%-part%-size .integer between", "get", "oss://bucket/key", "file", "--part-size", "0.3" },
      { "%-%-max%-retries .integer between", "get", "oss://bucket/key", "file", "--max-retries", "1k" },
      { "%-%-threads .*\"auto\"", "get", "oss://bucket/key", "file", "--threads", "0" },
      { "%-%-busy' must be one of 'fail', 'wait'", "get", "oss://bucket/key", "file", "--busy", "no" },
      { "%-%-header .NAME:VALUE", "get", "oss://bucket/key", "file", "--header", "x" },
      { "%-%-header .NAME:VALUE", "get", "oss://bucket/key", "file", "--header", ":x:y" },
      { "%-%-header gives 'a' twice", "get", "oss://bucket/key", "file", "--header", "A:1", "--header", "a:2" },
      { "%-%-query gives 'a' twice", "presign", "oss://bucket/key", "--query", "a=1", "--query", "a=2" },
      { "%-%-expires .integer between", "presign", "oss://bucket/key", "--expires", "x" },
      { "Did you mean '%-%-endpoint'", "get", "oss://bucket/key", "file", "--endpont", "x" },
      { "not a stream", "get", "oss://bucket/key", "-" },
      { "FILE is empty", "get", "oss://bucket/key", "" },
      { "name a FILE", "get", "oss://bucket/folder/" },
      { "name a FILE", "get", "oss://bucket/folder/..", "/tmp" },
      { "checkpoint", "get", "oss://bucket/key", "file", "--checkpoint", "file" },
   } do
      local message, words = case[1], {}
      for i = 2, #case do
         words[i - 1] = case[i]
      end
      it("refuses '" .. table.concat(words, " ") .. "' with status 2", function()
         local output, errors, status = run(words)
         assert.equal(2, status, errors)
         assert.equal("", output)
         assert.truthy(errors:find(message), errors)
         assert.truthy(errors:find "^ossdl: [^\n]+\n$", errors)
         local hint = " (see ossdl " .. (helps[words[1]] or "") .. "--help)\n"
         assert.equal(hint, errors:sub(-#hint))
      end)
   end
end)
