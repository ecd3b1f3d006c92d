--- A metadata service as ECS has it, and ones that fail: a program.
--
--    lua metadata_service_main.lua PORT BEHAVIOUR
--
-- Serves one request after another, prints each as "METHOD PATH TOKEN", and
-- ends when it is killed. BEHAVIOUR is a key of `behaviours`.

local socket = require "socket"

local TOKEN = "token-of-the-service"
local ROLES = "/latest/meta-data/ram/security-credentials/"

local CREDENTIALS = [[{"Code": "Success", "AccessKeyId": "STS.id", "AccessKeySecret": "theSecret",
"SecurityToken": "theToken", "Expiration": "2100-03-01T00:00:00Z", "LastUpdated": "2024-03-05T07:08:09Z"}]]

-- What the service at its best gives: status, body.
local function good(method, path, token)
   if path == "/latest/api/token" then
      return method == "PUT" and 200 or 405, TOKEN
   elseif token ~= TOKEN then
      return 403, "no token"
   elseif path == ROLES then
      return 200, "the-role"
   end
   return path == ROLES .. "the-role" and 200 or 404, CREDENTIALS
end

-- The best, but with another answer to the last question.
local function with(credentials)
   return function(method, path, token)
      local status, body = good(method, path, token)
      return status, body == CREDENTIALS and credentials or body
   end
end

local behaviours = {
   good = good,
   without_tokens = function(method, path)
      if method == "PUT" then
         return 404, ""
      end
      return good(method, path, TOKEN)
   end,
   without_role = function(method, path, token)
      if path == ROLES then
         return 404, ""
      end
      return good(method, path, token)
   end,
   overloaded = function()
      return 503, ""
   end,
   failing = with '{"Code": "Failed", "AccessKeySecret": "theSecret"}',
   endless = with(CREDENTIALS:gsub('"2100[^"]*"', "null")),
   odd_end = with(CREDENTIALS:gsub("2100%-03%-01T", "1 March 2100 ")),
   incomplete = with(CREDENTIALS:gsub("SecurityToken", "Other")),
   no_json = with "theSecret",
   list = with "[1, 2]",
   long = with(("x"):rep(100 * 1024)),
   open = good, cut = good, silent = good, babble = good,
}

-- Connections that stay open.
local kept = {}

-- How the answer is written, where that is what is wrong.
local writers = {
   open = function(client, text)
      client:send(text)
      kept[#kept + 1] = client
   end,
   cut = function(client, text)
      client:send(#text > 200 and text:sub(1, -10) or text)
   end,
   silent = function()
      socket.sleep(30)
   end,
   babble = function(client)
      client:send "SSH-2.0-OpenSSH_9.2\r\n"
   end,
}

local function answer(client, behaviour)
   local first = client:receive "*l"
   local method, path = (first or ""):match "^(%u+) (%S+) HTTP"
   local token, line = "none", client:receive "*l"
   while line and line ~= "" do
      token = line:match "^X%-aliyun%-ecs%-metadata%-token: (.*)$" or token
      line = client:receive "*l"
   end
   print(method, path, token)
   local status, body = behaviours[behaviour](method, path, token)
   local text = ("HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s"):format(status, #body, body)
   local write = writers[behaviour] or client.send
   write(client, text)
   if kept[#kept] ~= client then
      client:close()
   end
end

io.stdout:setvbuf "line"
local server = assert(socket.bind("127.0.0.1", tonumber(arg[1])))
print "ready"
while true do
   answer(assert(server:accept()), arg[2])
end
