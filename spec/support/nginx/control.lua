-- luacheck: std ngx_lua, globals ngx
--- What a spec tells the server, on a port of its own: POST /<command> with a
-- JSON body, answered in JSON.

local cjson = require "cjson.safe"

local store = require "store"

local control = {}

local commands = {}

function commands.ping()
   return {}
end

function commands.set(given)
   store.change(given)
   return {}
end

function commands.keep(given)
   local previous = store.object(given.bucket, given.key)
   store.keep(given.bucket, given.key, given.object)
   return { previous = previous and previous.file }
end

function commands.forget(given)
   local previous = store.object(given.bucket, given.key)
   store.forget(given.bucket, given.key)
   return { previous = previous and previous.file }
end

function commands.object(given)
   return { object = store.object(given.bucket, given.key, given.version) }
end

function commands.fault(given)
   return { id = store.add_fault(given) }
end

function commands.fired(given)
   return { count = store.fired(given.id) }
end

function commands.clear()
   store.clear_faults()
   return {}
end

function commands.requests()
   return { requests = store.log_all() }
end

function commands.reset_log()
   store.log_reset()
   return {}
end

local function body()
   ngx.req.read_body()
   local text = ngx.req.get_body_data()
   local path = not text and ngx.req.get_body_file()
   if path then
      local file = assert(io.open(path, "rb"))
      text = file:read "*a"
      file:close()
   end
   return cjson.decode(text or "{}") or {}
end

function control.answer()
   local command = commands[ngx.var.uri:sub(2)]
   if not command then
      return ngx.exit(404)
   end
   local text = cjson.encode(command(body()))
   ngx.header["Content-Type"] = "application/json"
   ngx.header["Content-Length"] = #text
   ngx.print(text)
end

return control
