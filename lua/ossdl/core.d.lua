---@meta ossdl.core

--- The C module. Programs use `ossdl`; this is what it stands on. Options are
--- those of `ossdl.options`, complete and converted: every number and boolean
--- must be there.
---@class ossdl.core
---@field version string
---@field status string[] every kind of error in the core's order, "ok" first
---@field meanings table<string, string> one sentence for each of them
---@field error_metatable table of error tables; ossdl.error fills it in
local core = {}

---@class ossdl.core.ClientOptions
---@field endpoint? string
---@field region? string
---@field signature "v4"|"v1"|"none"
---@field path_style boolean
---@field cname boolean
---@field proxy? string "" for none
---@field ca_file? string
---@field tls_verify boolean
---@field connect_timeout number seconds
---@field stall_timeout number seconds
---@field user_agent? string
---@field max_threads integer
---@field max_rate integer bytes per second, 0 for no limit
---@field access_key_id? string
---@field access_key_secret? string
---@field security_token? string
---@field expires_at? integer Unix seconds
---@field refreshable boolean somebody answers needs_credentials()

---@class ossdl.core.TransferOptions
---@field bucket string
---@field object string
---@field version_id? string
---@field file string
---@field checkpoint? string path; nil for none
---@field headers? table<string, string|number>
---@field query? table<string, string|number>
---@field threads integer 0 to find out
---@field part_size integer bytes, 0 to choose
---@field traffic_limit integer bits per second, 0 for none
---@field max_retries integer
---@field progress_interval number seconds
---@field direct "auto"|"on"|"off"
---@field verify_resume boolean
---@field read_back boolean
---@field durable boolean
---@field restart_on_change boolean
---@field wait_when_busy boolean

---@class ossdl.core.SignOptions
---@field method string
---@field signature "v4"|"v1"|"none"
---@field now integer Unix seconds
---@field bucket? string
---@field object? string
---@field headers? table<string, string|number>
---@field query? table<string, string|number>
---@field region? string
---@field product? string "oss" unless given; of sign() only
---@field additional_headers? string names, with ";" between
---@field access_key_id? string
---@field access_key_secret? string
---@field security_token? string
---@field endpoint? string of presign() only, as those below
---@field path_style? boolean
---@field cname? boolean
---@field expires? integer seconds

--- Starts no thread and sends nothing.
---@param options ossdl.core.ClientOptions
---@return ossdl.core.Client?
---@return ossdl.Error? err
function core.client(options) end

---@param options ossdl.core.SignOptions
---@return table<string, string>? headers to be added to the request's own
---@return ossdl.Error? err
function core.sign(options) end

---@param options ossdl.core.SignOptions
---@return string? url
---@return ossdl.Error? err
function core.presign(options) end

--- The region that an endpoint tells by its name; nil when it tells none, or
--- is no endpoint.
---@param endpoint string
---@return string? region
function core.endpoint_region(endpoint) end

--- Seconds of a clock that never goes back; its zero means nothing.
---@return number
function core.now() end

---@class ossdl.core.Client: userdata
local Client = {}

---@param options ossdl.core.TransferOptions
---@return ossdl.core.Transfer?
---@return ossdl.Error? err
function Client:start(options) end

--- True while a transfer waits for credentials.
---@return boolean?
---@return ossdl.Error? err
function Client:needs_credentials() end

---@param credentials ossdl.Credentials
---@return boolean? ok
---@return ossdl.Error? err
function Client:set_credentials(credentials) end

--- Transfers that cannot go on without credentials end with this message.
---@param message string
---@param retryable? boolean the same call may succeed later
---@return boolean? ok
---@return ossdl.Error? err
function Client:refuse_credentials(message, retryable) end

---@param rate number bytes per second, 0 for no limit
---@return boolean? ok
---@return ossdl.Error? err
function Client:set_max_rate(rate) end

--- Cancels every transfer and joins the threads.
function Client:close() end

---@class ossdl.core.Snapshot
---@field state string
---@field bytes_done integer
---@field bytes_total? integer
---@field bytes_resumed integer
---@field connections integer
---@field requests integer
---@field retries integer
---@field elapsed number seconds
---@field needs_credentials boolean of the client
---@field last_error? ossdl.Error

---@class ossdl.core.Transfer: userdata
local Transfer = {}

--- Acknowledges the wake-up and looks.
---@return boolean? done
---@return ossdl.core.Snapshot|ossdl.Error
function Transfer:poll() end

--- Looks, and leaves the wake-up as it is.
---@return ossdl.core.Snapshot?
---@return ossdl.Error? err
function Transfer:snapshot() end

--- Blocks this thread until it is done, credentials are needed, or the seconds are over.
---@param seconds? number
---@return boolean? ok
---@return ossdl.Error? err
function Transfer:wait(seconds) end

---@return boolean? ok
---@return ossdl.Error? err
function Transfer:cancel() end

---@return ossdl.Result? result without `file`
---@return ossdl.Error? err
function Transfer:result() end

--- Readable from each change to the next poll().
---@return integer?
---@return ossdl.Error? err
function Transfer:pollfd() end

--- The same as pollfd(), for LuaSocket.
---@return integer?
---@return ossdl.Error? err
function Transfer:getfd() end

---@return "r"
function Transfer:events() end

---@return nil
function Transfer:timeout() end

--- True when it is done, closed, or needs credentials.
---@return boolean
function Transfer:dirty() end

--- A transfer that still runs is cancelled and winds down by itself.
function Transfer:close() end

return core
