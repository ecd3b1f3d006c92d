#!/usr/bin/env lua
--- The command `ossdl`, a script: what it takes and what it does. How options
-- are read is in cli/arguments.lua, what a person sees in cli/report.lua.
--
-- Keys and tokens never come as arguments, which every user of a machine can
-- read: the environment and the profile have them.

local arguments = require "ossdl.cli.arguments"
local client_module = require "ossdl.client"
local json = require "ossdl.json"
local ossdl = require "ossdl"
local report = require "ossdl.cli.report"
local sign = require "ossdl.sign"

-- What the command ends with. `again`: the same command may succeed later
-- (EX_TEMPFAIL of sysexits.h), so that a shell can loop on it.
local STATUS = { ok = 0, failed = 1, usage = 2, again = 75, interrupted = 130 }

-- Seconds between two looks at the progress.
local REPORT_SECONDS = 0.2

local EPILOG = "Where and who: --endpoint or --region, else OSS_ENDPOINT or OSS_REGION; keys from OSS_ACCESS_KEY_ID, "
   .. "OSS_ACCESS_KEY_SECRET and OSS_SESSION_TOKEN, else the profile of the aliyun command; proxies from https_proxy "
   .. "and its like.\n"
   .. "Exit status: 0 done, 1 failed, 2 wrong usage, 75 failed, but may succeed when run again, and then goes on where "
   .. "it stopped."

-- `command`: whose help to read, if one was named.
local function usage(message, command)
   io.stderr:write(("ossdl: %s (see ossdl %s--help)\n"):format(message:gsub("\n", ". "),
      command and command .. " " or ""))
   return STATUS.usage
end

local function failed(err)
   io.stderr:write("ossdl: ", tostring(err), "\n")
   return ossdl.error.is(err) and err.retryable and STATUS.again or STATUS.failed
end

-- Prints what was asked for; a full disk may be behind it.
local function say(text)
   local ok, err = report.write(text)
   return ok and STATUS.ok or failed("cannot write to the standard output: " .. err)
end

-- Ctrl-C: the interpreter turns the signal into an error.
local function is_interrupt(problem)
   return tostring(problem):find("interrupted!", 1, true) ~= nil
end

-- Something raised that is nobody's wrong usage.
local function raised(problem)
   if is_interrupt(problem) then
      io.stderr:write("ossdl: interrupted; run it again, and it goes on\n")
      return STATUS.interrupted
   end
   return failed(ossdl.error.line(problem))
end

-- Why options are refused, or nil. As pcall calls the parser, it is pcall that
-- its message blames, and that has no place in a file.
local function complaint_about(values, parse)
   local ok, complaint = pcall(parse, values, 2)
   if ok then
      return nil
   elseif is_interrupt(complaint) or tostring(complaint):find("not enough memory", 1, true) then
      error(complaint, 0)
   end
   return complaint
end

local function is_folder(path)
   local file = io.open(path .. "/.")
   return file ~= nil and file:close()
end

--- Where an object goes when a folder, or nothing, was named.
---@param key string
---@param path? string
---@return string? file
---@return string? complaint
local function target(key, path)
   if path == "-" then
      return nil, "a download is a file, not a stream: name one"
   elseif path == "" then
      return nil, "FILE is empty: name one, or leave it out"
   elseif path and not path:find "/$" and not is_folder(path) then
      return path
   end
   local name = key:match "[^/]*$"
   if name == "" or name == "." or name == ".." then
      return nil, "the key does not end in a file name: name a FILE"
   end
   return path and path:gsub("/+$", "") .. "/" .. name or name
end

-- Unlike on_progress, this also shows what goes on before the size is known.
local function download(values, line)
   local client, err = ossdl.new(values)
   local transfer, result
   if client then
      transfer, err = client:start {}
   end
   if transfer then
      local done, progress = transfer:wait(REPORT_SECONDS)
      while done == false do
         line.show(progress)
         done, progress = transfer:wait(REPORT_SECONDS)
      end
      result, err = transfer:result()
   end
   if client then
      client:close()
   end
   return result, err
end

local function get(given, values)
   local file, complaint = target(values.object, given.file)
   values.file = file
   complaint = complaint or complaint_about(values, client_module.parse_download)
   if complaint then
      return usage(complaint, "get")
   end
   local encode, missing
   if given.json then
      encode, missing = json.encoder "--json"
      if not encode then
         return failed(missing)
      end
   end
   local line = report.progress(given.quiet)
   local called, result, err = pcall(download, values, line)
   line.finish()
   if not called then
      return raised(result)
   end
   local status = result and STATUS.ok or failed(err)
   local text = encode and encode(result or err) or result and not given.quiet and report.result(result)
   if text and say(text) ~= STATUS.ok then
      return STATUS.failed
   end
   return status
end

local function presign(_, values)
   local complaint = complaint_about(values, sign.parse_url)
   if complaint then
      return usage(complaint, "presign")
   end
   local url, err = ossdl.presign(values)
   return url and say(url) or failed(err)
end

-- argparse's own help does not look whether it could be written.
local function add_help(parser)
   parser:add_help { action = function()
      os.exit(say(parser:get_help()))
   end }
end

local function add_command(parser, name, description)
   local command = parser:command(name, description)
   add_help(command)
   arguments.add_url(command)
   return command
end

-- `wanted` has a say on each option.
local function make_parser(argparse, wanted)
   local parser = argparse("ossdl",
      "Downloads objects from Alibaba Cloud OSS: concurrent, resumable, verified.", EPILOG)
   parser:help_max_width(80)
   parser:require_command(true)
   parser:command_target "command"
   add_help(parser)
   parser:flag("--version", "Print the version and exit."):action(function()
      os.exit(say("ossdl " .. ossdl._VERSION))
   end)
   parser:option("--completion", "Print a completion script for a shell and exit.")
      :choices { "bash", "zsh", "fish" }:action(function(_, _, shell)
         local shown = make_parser(argparse, arguments.shown)
         os.exit(say(shown["get_" .. shell .. "_complete"](shown)))
      end)

   local command = add_command(parser, "get",
      "Download an object into a file; run it again after an interruption, and it goes on.")
   command:argument("file", "File, or folder, to download to; otherwise a file of the object's name, here.")
      :args "?"
   command:flag("-q --quiet", "Only say what is wrong.")
   command:flag("--json", "Print the result, or the error, as JSON (needs lua-cjson).")
   arguments.add_options(command, arguments.downloads, wanted)

   command = add_command(parser, "presign", "Print a URL with which anybody can fetch the object for some time.")
   arguments.add_options(command, arguments.signatures, wanted)
   return parser
end

local RUN = { get = get, presign = presign }

-- The command that words are about, or nil.
local function command_in(words)
   for _, word in ipairs(words) do
      if RUN[word] then
         return word
      end
   end
end

local function main(words)
   local found, argparse = pcall(require, "argparse")
   if not found then
      return failed "the command needs argparse: apt-get install lua-argparse, or luarocks install argparse"
   end
   local ok, given = make_parser(argparse, arguments.all):pparse(words)
   if not ok then
      return usage(given, command_in(words))
   end
   return RUN[given.command](given, arguments.values(given))
end

local called, status = pcall(main, arg)
os.exit(called and status or raised(status))
