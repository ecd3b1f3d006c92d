--- The options: each is declared here, once. Checks, defaults, messages, the
-- command, the tables of the README and the types for editors derive from this
-- list. To add an option, add it here, pass it on (README, How it works, says
-- where), and run `make reference`.

---@class ossdl.Option
---@field name string
---@field type string one of `checks` in options.lua, or several with "|"
---@field scope "client"|"transfer"|"sign"
---@field sign? boolean also an option of ossdl.sign and ossdl.presign
---@field doc string
---@field value_doc? string what the command says of a value
---@field off_doc? string what the command says of switching it off
---@field unit? string
---@field default? any
---@field default_doc? string what stands for a default that is not a value
---@field min? number
---@field max? number
---@field choices? any[] values that are accepted besides the type
---@field empty? boolean an empty string means something
---@field without? "NUL bytes"|"control characters" what a string may not have
---@field of? "upper-case letters" what alone a string may have
---@field secret? boolean never shown
---@field required? boolean

local GIB = 1024 * 1024 * 1024
local EXACT = 9007199254740992 -- 2^53

---@type ossdl.Option[]
local schema = {
   {
      name = "endpoint", type = "string", scope = "client",
      default_doc = "from `region`, else `OSS_ENDPOINT`",
      sign = true,
      doc = "Host of the service, with or without `https://` or `http://`; "
         .. "https when it does not say.",
   },
   {
      name = "region", type = "string", scope = "client",
      default_doc = "from `endpoint`, else `OSS_REGION`",
      sign = true,
      doc = "Region id such as `cn-hangzhou`. Needed when the endpoint does "
         .. "not tell it: custom domains, acceleration, addresses.",
   },
   {
      name = "access_key_id", type = "string", scope = "client",
      secret = true, without = "NUL bytes",
      sign = true,
      doc = "Access key id. Without it and without `credentials`, the "
         .. "environment and the profile of the `aliyun` command are asked.",
   },
   {
      name = "access_key_secret", type = "string", scope = "client",
      secret = true, without = "NUL bytes",
      sign = true,
      doc = "Access key secret; goes with `access_key_id`.",
   },
   {
      name = "security_token", type = "string", scope = "client",
      secret = true, without = "NUL bytes",
      sign = true,
      doc = "Token of temporary (STS) credentials.",
   },
   {
      name = "credentials", type = "function|table", scope = "client",
      secret = true,
      default_doc = "`ossdl.credentials.chain()`",
      sign = true,
      doc = "Table of `access_key_id`, `access_key_secret`, "
         .. "`security_token`, `expires_at` (Unix seconds), or a function "
         .. "that returns one, or nil and a message. The function is called "
         .. "again when the credentials run out.",
   },
   {
      name = "signature", type = "choice", scope = "client",
      choices = { "v4", "v1", "none" }, default = "v4",
      sign = true,
      doc = "How requests are signed; `none` for public buckets.",
   },
   {
      name = "path_style", type = "boolean", scope = "client", default = false,
      sign = true,
      doc = "Put the bucket into the path, not the host name. The public "
         .. "service refuses that; always so for an IP address.",
   },
   {
      name = "cname", type = "boolean", scope = "client", default = false,
      sign = true,
      doc = "The endpoint is a custom domain that is bound to the bucket.",
   },
   {
      name = "proxy", type = "string", scope = "client", empty = true,
      secret = true, without = "control characters",
      default_doc = "`https_proxy` and its like",
      doc = "Proxy for all requests, `http://host:port`; an empty string "
         .. "means none.",
   },
   {
      name = "ca_file", type = "path", scope = "client",
      without = "control characters",
      default_doc = "the system's",
      doc = "File of certificate authorities (PEM).",
   },
   {
      name = "tls_verify", type = "boolean", scope = "client", default = true,
      doc = "Check the server's certificate and name.",
      off_doc = "Accept any certificate, whoever the server is.",
   },
   {
      name = "connect_timeout", type = "number", scope = "client",
      unit = "seconds", default = 10, min = 0.001, max = 86400,
      doc = "Limit for making a connection, TLS included.",
   },
   {
      name = "stall_timeout", type = "number", scope = "client",
      unit = "seconds", default = 30, min = 0.001, max = 86400,
      doc = "A connection that brings no byte for so long is given up and "
         .. "tried again.",
   },
   {
      name = "user_agent", type = "string", scope = "client",
      without = "control characters",
      default_doc = "`ossdl/<version>`",
      doc = "User-Agent header.",
   },
   {
      name = "max_threads", type = "integer", scope = "client",
      default = 64, min = 1, max = 1024,
      doc = "Limit for the threads, that is connections, of all transfers "
         .. "of the client together.",
   },
   {
      name = "max_rate", type = "integer", scope = "client",
      unit = "bytes/s", default = 0, min = 0, max = EXACT,
      doc = "Limit for all transfers of the client together; 0 is none.",
   },
   {
      name = "loop", type = "function", scope = "client",
      choices = { "auto", "blocking", "resty", "cqueues", "luv", "copas" },
      default = "auto",
      doc = "How to wait. `auto` finds the event loop that runs; a function "
         .. "waits itself, see Event loops.",
   },
   {
      name = "bucket", type = "string", scope = "transfer", required = true,
      sign = true,
      doc = "Name of the bucket.",
   },
   {
      name = "object", type = "string", scope = "transfer", required = true,
      sign = true,
      doc = "Key of the object.",
   },
   {
      name = "file", type = "path", scope = "transfer", required = true,
      doc = "The finished file appears here, by one rename; until then the "
         .. "data is in `<file>.part`.",
   },
   {
      name = "threads", type = "integer", scope = "transfer",
      choices = { "auto" }, default = 8, min = 1, max = 1024,
      doc = "Concurrent ranged requests; `auto` adds some while that makes "
         .. "it faster.",
   },
   {
      name = "part_size", type = "integer", scope = "transfer",
      unit = "bytes", min = 1, max = 5 * GIB, default_doc = "chosen",
      doc = "Size of one ranged request, exactly as given; otherwise chosen "
         .. "from the object's size and the speed.",
   },
   {
      name = "checkpoint", type = "boolean|path", scope = "transfer",
      default = true,
      doc = "Record progress, so that a later call continues: `true` in "
         .. "`<file>.cp`, a path there, `false` not at all.",
      value_doc = "Record progress in this file instead of <file>.cp, so that a later call continues.",
      off_doc = "Record no progress: after an interruption, all is fetched again.",
   },
   {
      name = "verify_resume", type = "boolean", scope = "transfer",
      default = true,
      doc = "Read back what the checkpoint claims and believe only what is "
         .. "on disk. With `false`, a resumed download is not `verified`: "
         .. "what lay on the disk was not read.",
      off_doc = "Believe what the checkpoint claims, without reading it back; what is resumed is then not verified.",
   },
   {
      name = "read_back", type = "boolean", scope = "transfer",
      default = false,
      doc = "Read the whole file once more before it gets its name.",
   },
   {
      name = "durable", type = "boolean", scope = "transfer", default = true,
      doc = "Wait for the disk before success, so that a power cut cannot "
         .. "undo it.",
      off_doc = "Do not wait for the disk: a power cut may then undo a success.",
   },
   {
      name = "direct", type = "boolean", scope = "transfer",
      choices = { "auto" }, default = "auto",
      doc = "Write past the page cache; `auto` does so for large objects.",
      off_doc = "Write through the page cache, large objects as well.",
   },
   {
      name = "on_progress", type = "function", scope = "transfer",
      doc = "Called with a progress table every `progress_interval` and at "
         .. "the end, once the size is known; returning `false` cancels.",
   },
   {
      name = "progress_interval", type = "number", scope = "transfer",
      unit = "seconds", default = 0.2, min = 0.01, max = 86400,
      doc = "Time between two calls of `on_progress`.",
   },
   {
      name = "version_id", type = "string", scope = "transfer",
      without = "control characters",
      default_doc = "the current one",
      sign = true,
      doc = "Version of the object, in a bucket that keeps versions.",
   },
   {
      name = "headers", type = "map", scope = "transfer",
      sign = true,
      doc = "Further request headers.",
   },
   {
      name = "query", type = "map", scope = "transfer",
      sign = true,
      doc = "Further query parameters.",
   },
   {
      name = "traffic_limit", type = "integer", scope = "transfer",
      unit = "bit/s", min = 819200, max = 838860800, default_doc = "none",
      doc = "Limit that the service keeps, for each connection.",
   },
   {
      name = "max_retries", type = "integer", scope = "transfer",
      default = 10, min = 0, max = 1000000,
      doc = "Rounds of failures in a row, without one byte of progress, "
         .. "before giving up. All connections count together: several that "
         .. "fail in the same outage are one round.",
   },
   {
      name = "on_change", type = "choice", scope = "transfer",
      choices = { "fail", "restart" }, default = "fail",
      doc = "What to do when the object is replaced meanwhile.",
   },
   {
      name = "busy", type = "choice", scope = "transfer",
      choices = { "fail", "wait" }, default = "fail",
      doc = "What to do when another download holds the target.",
   },
   {
      name = "method", type = "string", scope = "sign", default = "GET",
      of = "upper-case letters",
      doc = "HTTP method of the request, in upper case.",
   },
   {
      name = "now", type = "number", scope = "sign", unit = "Unix seconds",
      min = 0, max = 253402300799, default_doc = "the clock",
      doc = "Time of signing.",
   },
   {
      name = "expires", type = "integer", scope = "sign", unit = "seconds",
      min = 1, max = 315360000, default = 3600,
      doc = "How long a signed URL is good; 604800 at most with `v4`.",
   },
   {
      name = "additional_headers", type = "list", scope = "sign",
      doc = "Names of further headers that `v4` signs.",
   },
}

return schema
