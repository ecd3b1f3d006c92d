--- A client: options, credentials, and the transfers it starts.

local auto = require "ossdl.loop.auto"
local core = require "ossdl.core"
local credentials = require "ossdl.credentials"
local error_module = require "ossdl.error"
local options = require "ossdl.options"
local transfer = require "ossdl.transfer"

---@class ossdl.Client
local Client = {}
Client.__index = Client
Client.__name = "ossdl.client"

local client = {}

-- Seconds after which a coroutine that fetches credentials counts as lost.
local REFRESH_LIMIT = 60

local function closed()
   return error_module.new {
      kind = "closed", message = "the client was closed; make a new one",
   }
end

-- What the binding wants to know about a client.
local function core_client_options(values)
   return {
      endpoint = values.endpoint,
      region = values.region,
      signature = values.signature,
      path_style = values.path_style,
      cname = values.cname,
      proxy = values.proxy,
      ca_file = values.ca_file,
      tls_verify = values.tls_verify,
      connect_timeout = values.connect_timeout,
      stall_timeout = values.stall_timeout,
      user_agent = values.user_agent
         or ("ossdl/%s (%s)"):format(core.version, _VERSION),
      max_threads = values.max_threads,
      max_rate = values.max_rate,
      refreshable = false,
   }
end

local DIRECT = { auto = "auto", [true] = "on", [false] = "off" }

local function checkpoint_path(values)
   if values.checkpoint == true then
      return values.file .. ".cp"
   end
   return values.checkpoint or nil
end

-- The same for a transfer.
local function core_transfer_options(values)
   return {
      bucket = values.bucket,
      object = values.object,
      version_id = values.version_id,
      file = values.file,
      checkpoint = checkpoint_path(values),
      headers = values.headers,
      query = values.query,
      threads = values.threads == "auto" and 0 or values.threads,
      part_size = values.part_size or 0,
      traffic_limit = values.traffic_limit or 0,
      max_retries = values.max_retries,
      progress_interval = values.progress_interval,
      direct = DIRECT[values.direct],
      verify_resume = values.verify_resume,
      read_back = values.read_back,
      durable = values.durable,
      restart_on_change = values.on_change == "restart",
      wait_when_busy = values.busy == "wait",
   }
end

-- A table of credentials from the options, or the function to ask for them,
-- or neither for anonymous requests.
local function credentials_of(values)
   if values.signature == "none" then
      return nil, nil
   elseif values.access_key_id then
      return values, nil
   elseif type(values.credentials) == "table" then
      return values.credentials, nil
   end
   return nil, values.credentials or credentials.chain()
end

local function start_core(values)
   local given, provider = credentials_of(values)
   local wanted = core_client_options(values)
   if given then
      local copy, err = credentials.check(given)
      if not copy then
         return nil, err
      end
      for name, value in pairs(copy) do
         wanted[name] = value
      end
   end
   wanted.refreshable = provider ~= nil
   local handle, err = core.client(wanted)
   return handle, err and credentials.refused(err), provider
end

--- The options of a client and the defaults of its transfers. Raises.
---@param given table
---@param level integer of error(), as seen from this function
---@return table values, table defaults
function client.parse(given, level)
   local own, defaults = options.parse(given, "client", level + 1)
   local values = options.complete("client", own, {}, level + 1)
   options.locate(values, os.getenv, core.endpoint_region, level + 1)
   return values, defaults
end

--- The options of a client for one download, and those of that. Raises.
---@param given table
---@param level integer of error(), as seen from this function
---@return table values, table wanted
function client.parse_download(given, level)
   local values, defaults = client.parse(given, level + 1)
   local wanted = options.complete("transfer", defaults, {}, level + 1)
   return values, wanted
end

--- Makes a client of checked options.
---@param values table
---@param defaults table
---@param environment? { loop: string?, flights: table?, on_start: function? }
---@return ossdl.Client?
---@return ossdl.Error? err
function client.create(values, defaults, environment)
   environment = environment or {}
   local loop = auto.named(values.loop == "auto" and environment.loop or values.loop)
   local handle, err, provider = start_core(values)
   if not handle then
      return nil, err
   end
   return setmetatable({
      _core = handle,
      _provider = provider,
      _defaults = defaults,
      _loop = loop,
      _flights = environment.flights,
      _on_start = environment.on_start,
      _place = ("%s|%s"):format(values.endpoint or "", values.region or ""),
   }, Client)
end

-- Whether another coroutine asks the provider now. Where nothing else runs
-- while this one waits, or when that takes too long, it is not waited for.
function Client:_is_asking()
   local asking = self._asking
   return asking ~= nil and self._loop.yields and core.now() - asking.since < REFRESH_LIMIT
end

-- Asks the provider, which may yield, and passes on what it says. False when
-- another coroutine is at it.
function Client:_ask()
   if self:_is_asking() then
      return false
   end
   local asking = { since = core.now() }
   self._asking = asking
   local called, given, err = pcall(credentials.ask, self._provider)
   -- One that counted as lost may come back while another asks.
   if self._asking == asking then
      self._asking = nil
   end
   if not called then
      error(given, 0)
   elseif self._closed then
      return nil, closed()
   elseif not given then
      return nil, err
   end
   local ok, refused = self._core:set_credentials(given)
   if not ok then
      return nil, credentials.refused(refused)
   end
   self._has_credentials = true
   return true
end

-- The core wants new ones. Without them, it ends what cannot go on.
function Client:_refresh()
   if not self._provider or self._closed then
      return false
   end
   local ok, err = self:_ask()
   if ok == nil and not self._closed then
      self._core:refuse_credentials(err.message, err.retryable or false)
   end
   return ok, err
end

-- Before the first request, so that missing credentials show at once. Whoever
-- comes while another coroutine asks starts without: the transfer waits for
-- them, and asks for itself when nothing came of it.
function Client:_ensure_credentials()
   if not self._provider or self._has_credentials then
      return true
   end
   local ok, err = self:_ask()
   return ok ~= nil, err
end

-- Two calls for the same object and file within one nginx worker share a
-- transfer, where the facade says so.
function Client:_handle_for(values)
   local function begin()
      local handle, err = self._core:start(core_transfer_options(values))
      return handle, err
   end
   if not self._flights then
      local handle, err = begin()
      return handle, err
   end
   local identity = table.concat({ self._place, values.bucket, values.object,
      values.version_id or "" }, "\0")
   local handle, err = self._flights.join(values.file, identity, self,
      begin)
   return handle, err
end

-- Starts a transfer of checked options.
function Client:_start(values)
   if self._closed then
      return nil, closed()
   end
   local ok, err = self:_ensure_credentials()
   if not ok then
      return nil, err
   end
   local handle, failure = self:_handle_for(values)
   if not handle then
      return nil, failure
   end
   local started = transfer.new {
      client = self._flights and handle.client or self,
      handle = handle,
      loop = self._loop,
      file = values.file,
      on_progress = values.on_progress,
      progress_interval = values.progress_interval,
   }
   if self._on_start then
      self._on_start(started)
   end
   return started
end

-- Starts one and waits for it. `dispose` is called when nobody needs the
-- client any more.
function Client:_download(values, dispose)
   local ready, unready = true, nil
   if self._loop.ready then
      ready, unready = self._loop.ready()
   end
   local started, err = nil, unready
   if ready then
      started, err = self:_start(values)
   end
   if not started then
      if dispose then
         dispose()
      end
      return nil, err
   end
   started:_when_closed(dispose)
   local result, failure = started:_finish()
   return result, failure
end

local function transfer_values(self, given, level)
   local _, own = options.parse(given, "transfer", level + 1)
   local values = options.complete("transfer", own, self._defaults, level + 1)
   return values
end

--- Starts a download and comes back at once.
---@param given ossdl.TransferOptions
---@return ossdl.Transfer?
---@return ossdl.Error? err
function Client:start(given)
   local values = transfer_values(self, given, 3)
   local started, err = self:_start(values)
   return started, err
end

--- Downloads and waits for the end.
---@param given ossdl.TransferOptions
---@return ossdl.Result?
---@return ossdl.Error? err
function Client:download(given)
   local values = transfer_values(self, given, 3)
   local result, err = self:_download(values)
   return result, err
end

--- Limits all transfers of this client together, from now on.
---@param rate number bytes per second; 0 lifts the limit
---@return boolean? ok
---@return ossdl.Error? err
function Client:set_max_rate(rate)
   local complaint = options.complaint("max_rate", rate)
   if complaint then
      error(complaint, 2)
   elseif self._closed then
      return nil, closed()
   end
   local ok, err = self._core:set_max_rate(rate)
   return ok, err
end

--- Ends every transfer as cancelled (each can be continued by a later call)
-- and gives back all threads and connections.
function Client:close()
   if not self._closed then
      self._closed = true
      self._core:close()
   end
end

-- For `local client <close> = ...`
Client.__close = Client.close

function Client:__tostring()
   return self._closed and "ossdl.client: closed" or tostring(self._core)
end

--- A client for one download.
---@param given ossdl.ClientOptions
---@param level integer of error(), as seen from this function
---@param environment? table
---@return ossdl.Result?
---@return ossdl.Error? err
function client.download(given, level, environment)
   local values, wanted = client.parse_download(given, level + 1)
   local self, err = client.create(values, {}, environment)
   if not self then
      return nil, err
   end
   local result, failure = self:_download(wanted, function()
      self:close()
   end)
   return result, failure
end

--- A client for many downloads.
---@param given ossdl.ClientOptions those of transfers are defaults
---@param level integer of error(), as seen from this function
---@param environment? table
---@return ossdl.Client?
---@return ossdl.Error? err
function client.new(given, level, environment)
   local values, defaults = client.parse(given, level + 1)
   local self, err = client.create(values, defaults, environment)
   return self, err
end

return client
