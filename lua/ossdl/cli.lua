#!/usr/bin/env lua
--- The command `ossdl`, a script: what it takes and what it does. How options
-- are read is in cli/arguments.lua, what a person sees in cli/report.lua.
--
-- Keys and tokens never come as arguments, which every user of a machine can
-- read: the environment and the profile have them.

local arguments = require "ossdl.cli.arguments"
local json = require "ossdl.json"
local ossdl = require "ossdl"
local report = require "ossdl.cli.report"

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

local function usage(message)
   io.stderr:write("ossdl: ", (message:gsub("\n", ". ")), " (see ossdl --help)\n")
   return STATUS.usage
end

local function failed(err)
   io.stderr:write("ossdl: ", tostring(err), "\n")
   return err.retryable and STATUS.again or STATUS.failed
end

-- Ctrl-C: the interpreter turns the signal into an error.
local function interrupted()
   io.stderr:write("ossdl: interrupted; run it again, and it goes on\n")
   return STATUS.interrupted
end

-- What a call returned, or the status to end with. A wrong option raises; its
-- message is shown without the place in this program.
local function checked(call, ...)
   local ok, result, err = pcall(call, ...)
   if ok then
      return nil, result, err
   elseif tostring(result):find "interrupted!" then
      return interrupted()
   end
   return usage((tostring(result):gsub("^[^%s:]+:%d+: ", "")))
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
   if not file then
      return usage(complaint)
   end
   values.file = file
   local encode
   if given.json then
      encode, complaint = json.encoder "--json"
      if not encode then
         return usage(complaint)
      end
   end
   local line = report.progress(given.quiet)
   local status, result, err = checked(download, values, line)
   line.finish()
   if status then
      return status
   elseif encode then
      print(encode(result or err))
   elseif result and not given.quiet then
      print(report.result(result))
   end
   return result and STATUS.ok or failed(err)
end

local function presign(_, values)
   local status, url, err = checked(ossdl.presign, values)
   if url then
      print(url)
      return STATUS.ok
   end
   return status or failed(err)
end

local function make_parser(argparse)
   local parser = argparse("ossdl",
      "Downloads objects from Alibaba Cloud OSS: concurrent, resumable, verified.", EPILOG)
   parser:help_max_width(80)
   parser:require_command(true)
   parser:command_target "command"
   parser:flag("--version", "Print the version and exit."):action(function()
      print("ossdl " .. ossdl._VERSION)
      os.exit(STATUS.ok)
   end)
   parser:add_complete()

   local command = parser:command("get",
      "Download an object into a file; run it again after an interruption, and it goes on.")
   arguments.add_url(command)
   command:argument("file", "File, or folder, to download to; otherwise a file of the object's name, here.")
      :args "?"
   command:flag("-q --quiet", "Only say what is wrong.")
   command:flag("--json", "Print the result, or the error, as JSON (needs lua-cjson).")
   arguments.add_options(command, arguments.downloads)

   command = parser:command("presign", "Print a URL with which anybody can fetch the object for some time.")
   arguments.add_url(command)
   arguments.add_options(command, arguments.signatures)
   return parser
end

local RUN = { get = get, presign = presign }

local function main(words)
   local found, argparse = pcall(require, "argparse")
   if not found then
      io.stderr:write("ossdl: the command needs argparse: apt-get install lua-argparse, or luarocks install argparse\n")
      return STATUS.failed
   end
   local ok, given = make_parser(argparse):pparse(words)
   if not ok then
      return usage(given)
   end
   return RUN[given.command](given, arguments.values(given))
end

os.exit(main(arg))
