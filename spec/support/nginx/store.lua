-- luacheck: std ngx_lua, globals ngx
--- What the local OSS remembers, shared by nginx's workers: settings, objects,
-- faults with their counters, and the log of requests.

local cjson = require "cjson.safe"

local state = ngx.shared.oss_state
local log = ngx.shared.oss_log

local store = {}

local function get(key)
   local text = state:get(key)
   return text and cjson.decode(text)
end

local function put(key, value)
   assert(state:set(key, assert(cjson.encode(value))))
end

local function number(key)
   return state:get(key) or 0
end

--- Settings: region, keys, tokens, buckets, cnames, clock, ...
function store.settings()
   return get "settings" or {}
end

--- Merges changes into the settings.
function store.change(changes)
   local settings = store.settings()
   for name, value in pairs(changes) do
      if value == cjson.null then
         settings[name] = nil
      else
         settings[name] = value
      end
   end
   put("settings", settings)
end

local function object_name(bucket, key, version)
   return "o:" .. bucket .. "/" .. key .. (version and "\0" .. version or "")
end

--- The facts of an object (of its current version when none is named).
function store.object(bucket, key, version)
   return get(object_name(bucket, key, version))
end

--- Stores an object's facts; a version stays reachable by its id.
function store.keep(bucket, key, object)
   put(object_name(bucket, key), object)
   if object.version_id then
      put(object_name(bucket, key, object.version_id), object)
   end
end

function store.forget(bucket, key)
   state:delete(object_name(bucket, key))
end

--- The list of faults; each has an id that its counters are named by.
function store.faults()
   if number "fault_count" == 0 then
      return {}
   end
   return get "faults" or {}
end

function store.add_fault(fault)
   local faults = get "faults" or {}
   fault.id = state:incr("fault_id", 1, 0)
   faults[#faults + 1] = fault
   put("faults", faults)
   state:set("fault_count", #faults)
   return fault.id
end

function store.clear_faults()
   state:set("fault_count", 0)
   put("faults", {})
end

--- Counts one more of something; gives the new count.
function store.count(name)
   return state:incr(name, 1, 0)
end

--- How often a fault has acted so far.
function store.fired(id)
   return number("fired:" .. id)
end

--- The ordinal number of a connection since the log was last reset.
function store.connection(serial)
   local key = "c:" .. serial
   local known = log:get(key)
   if known then
      return known
   end
   local ordinal = log:incr("connections", 1, 0)
   log:set(key, ordinal)
   return ordinal
end

--- Opens a line of the log, when the request arrives; gives its number.
function store.log_begin(entry)
   local number_of = log:incr("requests", 1, 0)
   local epoch = log:get "epoch" or 0
   log:set("r:" .. number_of, cjson.encode(entry))
   return { number = number_of, epoch = epoch }
end

--- Completes it, when the answer is out.
function store.log_end(line, entry)
   if (log:get "epoch" or 0) == line.epoch then
      log:set("r:" .. line.number, cjson.encode(entry))
   end
end

--- All lines, in the order of arrival.
function store.log_all()
   local entries = {}
   for i = 1, log:get "requests" or 0 do
      entries[#entries + 1] = cjson.decode(log:get("r:" .. i) or "null")
   end
   return entries
end

function store.log_reset()
   local epoch = log:get "epoch" or 0
   log:flush_all()
   log:flush_expired()
   log:set("epoch", epoch + 1)
end

return store
