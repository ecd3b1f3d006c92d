--- What runs inside the nginx of these specs.

-- luacheck: globals ngx

local cjson = require "cjson"
local ossdl = require "resty.ossdl"
local settings = require "settings"

local app = {}

local of_master, client

-- Of the download that told last.
local bytes_done = 0

local function make()
   local options = { max_threads = 16 }
   for name, value in pairs(settings) do
      options[name] = value
   end
   return assert(ossdl.new(options))
end

function app.init()
   of_master = make()
end

function app.init_worker()
   client = make()
end

-- A download that the request asks for, as a table to answer with.
local function download(from, arguments, suffix)
   bytes_done = 0
   local result, err = from:download {
      object = arguments.object, file = arguments.file .. (suffix or ""),
      busy = arguments.busy, threads = tonumber(arguments.threads) or 2,
      part_size = tonumber(arguments.part_size),
      on_progress = function(progress)
         bytes_done = progress.bytes_done
      end,
   }
   return {
      result = result and { bytes = result.bytes, verified = result.verified,
         resumed = result.resumed },
      err = err and { kind = err.kind, code = err.code,
         message = err.message },
      phase = ngx.get_phase(), pid = ngx.worker.pid(),
   }
end

local function say(value)
   ngx.print(cjson.encode(value))
   return ngx.exit(ngx.OK)
end

function app.answer()
   return say(download(client, ngx.req.get_uri_args()))
end

function app.forked()
   return say(download(of_master, ngx.req.get_uri_args()))
end

function app.timer()
   local arguments = ngx.req.get_uri_args()
   local answer
   assert(ngx.timer.at(0, function()
      answer = download(client, arguments)
   end))
   while not answer do
      ngx.sleep(0.01)
   end
   return say(answer)
end

-- Several at once, each in a light thread of its own.
function app.spawn()
   local arguments = ngx.req.get_uri_args()
   local threads, answers = {}, {}
   for i = 1, tonumber(arguments.count) do
      threads[i] = ngx.thread.spawn(download, client, arguments, i)
   end
   for i, thread in ipairs(threads) do
      local ok, answer = ngx.thread.wait(thread)
      answers[i] = ok and answer or { err = { message = tostring(answer) } }
   end
   return say(answers)
end

-- A phase that cannot wait.
function app.filter()
   local answer = download(client, ngx.req.get_uri_args())
   local headers = ngx.header
   headers["X-Error"] = answer.err
      and answer.err.kind .. ": " .. answer.err.message or "none"
end

-- Credentials of a role, and how often this worker did something else meanwhile.
function app.role()
   local turns, over = 0, false
   local other = ngx.thread.spawn(function()
      while not over do
         turns = turns + 1
         ngx.sleep(0.001)
      end
   end)
   local given, err = ossdl.credentials.ecs_role { address = ngx.req.get_uri_args().address } ()
   over = true
   ngx.thread.wait(other)
   return say { given = given, err = err, turns = turns }
end

function app.rate()
   local rate = tonumber(ngx.req.get_uri_args().bytes)
   return say { ok = client:set_max_rate(rate) }
end

function app.pid()
   return say { pid = ngx.worker.pid(), bytes = bytes_done }
end

return app
