--- A stand-in for the C module: its clock stands still unless somebody waits,
-- and its transfers go through the steps that a test gives them.

local fake_core = {}

local KINDS = { "ok", "invalid", "io", "busy", "network", "credentials",
   "cancelled", "closed", "service" }

local FINAL = { done = true, failed = true, cancelled = true }

local Transfer = {}
Transfer.__index = Transfer

--- A snapshot as the binding gives it, with defaults.
function fake_core.snapshot(fields)
   local snapshot = {
      state = "running", bytes_done = 0, bytes_resumed = 0, connections = 1,
      requests = 1, retries = 0, elapsed = 0, needs_credentials = false,
   }
   for name, value in pairs(fields or {}) do
      snapshot[name] = value
   end
   return snapshot
end

function Transfer:snapshot()
   local step = fake_core.snapshot(self.steps[self.at])
   if self.cancelled and not FINAL[step.state] then
      step.state = "cancelled"
   end
   step.elapsed = self.core.clock - self.started_at
   if self.client.asking then
      step.needs_credentials = true
   end
   return step
end

function Transfer:poll()
   if self.closed then
      return nil, self.core.error("closed", "the transfer was closed")
   end
   local step = self:snapshot()
   return FINAL[step.state] or false, step
end

function Transfer:wait(seconds)
   self.waits = self.waits + 1
   self.core.clock = self.core.clock + math.max(0.001, seconds or 0.1)
   self:advance()
   return true
end

--- The next step, as if something had happened.
function Transfer:advance()
   local step = self.steps[self.at]
   if step and step.ask and not self.asked then
      self.asked = true
      self.client.asking = true
   elseif not self.client.asking and self.at < #self.steps then
      self.at = self.at + 1
      self.asked = false
   end
end

function Transfer:cancel()
   self.cancelled = true
   return true
end

function Transfer:result()
   local state = self:snapshot().state
   if state == "done" then
      return { bytes = self:snapshot().bytes_done, crc64 = "1" }
   elseif state == "cancelled" then
      return nil, self.core.error("cancelled", "the download was cancelled")
   elseif state == "failed" then
      return nil, self.client.refusal
         and self.core.error("credentials", self.client.refusal)
         or self.core.error("service", "no")
   end
   return nil, self.core.error("invalid", "still running")
end

function Transfer:pollfd()
   return self.fd or 0
end

Transfer.getfd = Transfer.pollfd

function Transfer.events()
   return "r"
end

function Transfer.timeout()
   return nil
end

function Transfer:dirty()
   local step = self:snapshot()
   return self.closed or FINAL[step.state] or step.needs_credentials
end

function Transfer:close()
   self.closed = true
   self.closes = self.closes + 1
end

Transfer.__tostring = function()
   return "fake transfer"
end

local Client = {}
Client.__index = Client

function Client:start(options)
   if self.core.start_error then
      return nil, self.core.start_error
   end
   local transfer = setmetatable({
      at = 1, client = self, closes = 0, core = self.core, options = options,
      started_at = self.core.clock, steps = self.core.steps, waits = 0,
   }, Transfer)
   table.insert(self.core.transfers, transfer)
   if self.options.refreshable and #self.given == 0 then
      self.asking = true
   end
   return transfer
end

function Client:set_credentials(credentials)
   table.insert(self.given, credentials)
   self.asking = false
   return true
end

function Client:refuse_credentials(message)
   self.refusal = message
   self.asking = false
   for _, transfer in ipairs(self.core.transfers) do
      transfer.steps = { { state = "failed" } }
      transfer.at = 1
   end
   return true
end

function Client:set_max_rate(rate)
   self.rate = rate
   return true
end

function Client:close()
   self.closed = true
end

Client.__tostring = function()
   return "fake client"
end

local function new_core()
   local core = {
      version = "9.9.9", status = KINDS, meanings = {}, error_metatable = {},
      clock = 1000, clients = {}, transfers = {},
      steps = { { bytes_total = 100, bytes_done = 100, state = "done" } },
   }
   for _, kind in ipairs(KINDS) do
      core.meanings[kind] = "meaning of " .. kind
   end
   function core.now()
      return core.clock
   end
   function core.error(kind, message)
      return setmetatable({ kind = kind, message = message, retryable = false,
         resumable = false, attempts = 0 }, core.error_metatable)
   end
   function core.client(options)
      if core.client_error then
         return nil, core.client_error
      end
      local client = setmetatable({ core = core, options = options,
         given = {} }, Client)
      table.insert(core.clients, client)
      return client
   end
   function core.endpoint_region()
      return "cn-hangzhou"
   end
   function core.sign(options)
      core.signed = options
      return { Authorization = "signed" }
   end
   function core.presign(options)
      core.signed = options
      return "https://signed"
   end
   return core
end

local saved

local function is_ours(name)
   return name == "ossdl" or name:find "^ossdl%." or name == "resty.ossdl"
end

local function forget()
   local found = {}
   for name, module in pairs(package.loaded) do
      if type(name) == "string" and is_ours(name) then
         found[name] = module
      end
   end
   for name in pairs(found) do
      package.loaded[name] = nil
   end
   return found
end

--- Puts a fresh one in the place of the C module, for every module of ours
--- that is loaded from now on.
function fake_core.install()
   saved = forget()
   local core = new_core()
   package.loaded["ossdl.core"] = core
   return core
end

--- Puts back what was loaded before.
function fake_core.remove()
   forget()
   for name, module in pairs(saved) do
      package.loaded[name] = module
   end
end

return fake_core
