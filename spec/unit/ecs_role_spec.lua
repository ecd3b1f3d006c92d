--- The role of an ECS instance, asked of a metadata service over a socket.

local fake_core = require "spec.unit.fake_core"
local helper = require "spec.helper"
local metadata_service = require "spec.support.metadata_service"
local process = require "spec.support.process"

describe("the role of an instance", function()
   local credentials, service, address

   helper.guard()

   before_each(function()
      fake_core.install()
      credentials = require "ossdl.credentials"
   end)

   after_each(fake_core.remove)

   local function start(behaviour)
      service, address = metadata_service.start(behaviour)
   end

   local function ask(choice, environment)
      choice = choice or {}
      choice.address = address
      local given, err = credentials.ask(credentials.ecs_role(choice, function(name)
         return (environment or {})[name]
      end))
      return given, err and err.message, err and err.retryable
   end

   local GOOD = {
      access_key_id = "STS.id", access_key_secret = "theSecret", security_token = "theToken", expires_at = 4107542400,
   }

   -- What the service was asked, a line each.
   local function asked()
      local lines = {}
      for line in service:output():gmatch "(%u+\t[^\n]+)\n" do
         lines[#lines + 1] = line
      end
      return lines
   end

   it("is found, and its credentials end when the service says", function()
      start "good"
      assert.same(GOOD, (ask()))
      assert.same({
         "PUT\t/latest/api/token\tnone",
         "GET\t/latest/meta-data/ram/security-credentials/\ttoken-of-the-service",
         "GET\t/latest/meta-data/ram/security-credentials/the-role\ttoken-of-the-service",
      }, asked())
   end)

   it("may be named by the program or the environment", function()
      start "good"
      assert.same(GOOD, (ask { role = "the-role" }))
      assert.same(GOOD, (ask({}, { ALIBABA_CLOUD_ECS_METADATA = "the-role" })))
      assert.equal(4, #asked())
   end)

   it("is had without a token from an older service, unless that is forbidden", function()
      start "without_tokens"
      assert.same(GOOD, (ask()))
      local given, message = ask({}, { ALIBABA_CLOUD_IMDSV1_DISABLED = "true" })
      assert.is_nil(given)
      assert.truthy(message:find("no token: HTTP status 404", 1, true), message)
   end)

   it("is found where unknown globals raise", function()
      start "good"
      local before = getmetatable(_G)
      setmetatable(_G, { __index = function(_, name)
         error(("variable '%s' is not declared"):format(name), 2)
      end })
      local called, given, message = pcall(ask)
      setmetatable(_G, before)
      assert.is_true(called, given)
      assert.same(GOOD, given, message)
   end)

   it("is read from an answer whose connection stays open", function()
      start "open"
      assert.same(GOOD, (ask { role = "the-role" }))
   end)

   -- Those that another attempt may get over.
   local PASSING = { overloaded = true, cut = true, silent = true }

   for behaviour, reason in pairs {
      overloaded = "HTTP status 503",
      without_role = "the instance's role: HTTP status 404",
      failing = "the answer's code is not Success",
      endless = "does not tell when the credentials end",
      odd_end = "does not tell when the credentials end",
      incomplete = "the answer has no SecurityToken",
      no_json = "the answer is no JSON object",
      list = "the answer's code is not Success",
      long = "its answer is too long",
      cut = "its answer is not complete",
      babble = "it does not speak HTTP",
      silent = "timeout",
   } do
      it(("gives a reason, and no secret, when the service is %s"):format(behaviour), function()
         start(behaviour)
         local given, message, retryable = ask { role = behaviour ~= "without_role" and "the-role" or nil }
         assert.is_nil(given)
         assert.truthy(message:find("metadata service " .. address, 1, true), message)
         assert.truthy(message:find(reason, 1, true), message)
         assert.is_nil(message:find("theSecret", 1, true))
         assert.equal(PASSING[behaviour] or false, retryable)
      end)
   end

   it("is not asked for under a name that is none", function()
      start "good"
      local given, message = ask { role = "../../other" }
      assert.is_nil(given)
      assert.truthy(message:find("the role's name is not one", 1, true), message)
   end)

   it("is missed at once where nobody listens", function()
      address = "127.0.0.1:" .. process.free_port()
      local given, message, retryable = ask()
      assert.is_nil(given)
      assert.truthy(message:find("refused", 1, true), message)
      assert.is_true(retryable)
   end)

   it("is not asked for when that is switched off", function()
      address = "127.0.0.1:1"
      local _, message = ask({}, { ALIBABA_CLOUD_ECS_METADATA_DISABLED = "true" })
      assert.truthy(message:find("are off", 1, true), message)
   end)

   it("is a link of the default chain only where the environment names it", function()
      for role, expected in pairs { [""] = false, role = true } do
         local environment = { ALIBABA_CLOUD_ECS_METADATA = role, ALIBABA_CLOUD_ECS_METADATA_DISABLED = "true" }
         local _, err = credentials.ask(credentials.chain(nil, function(name)
            return environment[name]
         end))
         assert.equal(expected, err.message:find("instance role: ", 1, true) ~= nil, err.message)
      end
   end)
end)
