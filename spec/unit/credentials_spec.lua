local fake_core = require "spec.unit.fake_core"

describe("credentials", function()
   local credentials, core

   before_each(function()
      core = fake_core.install()
      credentials = require "ossdl.credentials"
   end)

   after_each(fake_core.remove)

   local function environment(variables)
      return function(name)
         return variables[name]
      end
   end

   local function ask(provider)
      local given, err = credentials.ask(provider)
      if err then
         assert.equal("credentials", err.kind)
         assert.equal(core.error_metatable, getmetatable(err))
      end
      return given, err and err.message
   end

   describe("from a provider", function()
      it("are copied, and only their own fields", function()
         local given = ask(function()
            return { access_key_id = "i", access_key_secret = "s",
               security_token = "t", expires_at = 12.7, other = 1 }
         end)
         assert.same({ access_key_id = "i", access_key_secret = "s",
            security_token = "t", expires_at = 12 }, given)
      end)

      it("may have an empty token, which is none", function()
         local given = ask(function()
            return { access_key_id = "i", access_key_secret = "s",
               security_token = "" }
         end)
         assert.is_nil(given.security_token)
      end)

      it("may be refused with a reason", function()
         local _, message = ask(function()
            return nil, "vault is sealed"
         end)
         assert.equal("the credentials provider failed: vault is sealed",
            message)
         _, message = ask(function()
            return nil, core.error("io", "cannot read")
         end)
         assert.equal("the credentials provider failed: cannot read", message)
         _, message = ask(function()
            return nil, false
         end)
         assert.equal("the credentials provider failed: false", message)
         _, message = ask(function() end)
         assert.equal("the credentials provider failed: it gave no "
            .. "credentials and no reason", message)
      end)

      it("may be had later when an error says so", function()
         local function failing(retryable)
            local why = core.error("network", "no answer")
            why.retryable = retryable
            return function()
               return nil, why
            end, function()
               error(why)
            end
         end
         for _, retryable in ipairs { true, false } do
            local returns, raises = failing(retryable)
            for _, provider in ipairs { returns, raises, credentials.chain { returns, function() end } } do
               local _, err = credentials.ask(provider)
               assert.equal("credentials", err.kind)
               assert.equal(retryable, err.retryable)
            end
         end
      end)

      it("that raises are an error, whatever it raises", function()
         local _, message = ask(function()
            error("boom\nbang", 0)
         end)
         assert.equal("the credentials provider raised an error: boom bang",
            message)
         for _, value in ipairs { 1, true, {}, print } do
            _, message = ask(function()
               error(value)
            end)
            assert.truthy(message:find "raised an error")
         end
         ask(function()
            error()
         end)
      end)

      it("are checked, and never shown", function()
         local good = { access_key_id = "i", access_key_secret = "s" }
         local function with(name, value)
            return function()
               local copy = {}
               for key, content in pairs(good) do
                  copy[key] = content
               end
               copy[name] = value
               return copy
            end
         end
         for _, case in ipairs {
            { with("access_key_id", ""), "access_key_id is missing" },
            { with("access_key_secret", ""), "access_key_secret is missing" },
            { with("access_key_id", 42), "access_key_id is a number" },
            { with("access_key_secret", {}), "access_key_secret is a table" },
            { with("security_token", 4711), "security_token is a number" },
            { with("access_key_id", "LTAI\0"), "access_key_id has a NUL byte" },
            { with("access_key_secret", "\0"),
               "access_key_secret has a NUL byte" },
            { with("security_token", "LTAI\0LTAI"),
               "security_token has a NUL byte" },
            { with("expires_at", "soon"), "expires_at is not a time" },
            { with("expires_at", 0 / 0), "expires_at is not a time" },
            { with("expires_at", -1), "expires_at is not a time" },
            { function() return "LTAI" end, "are a table, not a string" },
            { function() return true end, "are a table, not a boolean" },
            { function()
               return setmetatable({}, { __index = function()
                  error "LTAI"
               end })
            end, "cannot be read" },
         } do
            local given, message = ask(case[1])
            assert.is_nil(given)
            assert.truthy(message:find(case[2], 1, true), message)
            assert.is_nil(message:find "LTAI")
            assert.is_nil(message:find "4711")
         end
      end)
   end)

   it("that the core refuses are an error of their own kind", function()
      for _, code in ipairs { "access_key_id", "access_key_secret",
         "security_token", "expires_at" } do
         local err = core.error("invalid", "it has a space")
         err.code = code
         local refused = credentials.refused(err)
         assert.equal("credentials", refused.kind)
         assert.equal("the credentials are not usable: it has a space",
            refused.message)
      end
      for _, kind in ipairs { "invalid", "closed" } do
         local err = core.error(kind, "something else")
         assert.equal(err, credentials.refused(err))
      end
   end)

   describe("from the program", function()
      it("are those that were given", function()
         local given = { access_key_id = "i", access_key_secret = "s" }
         local provider = credentials.static(given)
         given.access_key_id = "changed"
         assert.equal("i", ask(provider).access_key_id)
      end)

   end)

   describe("from a maker of providers", function()
      -- The message that a call raises, which has to name this file.
      local function raised(call)
         local ok, message = pcall(call)
         assert.is_false(ok)
         local place, text = message:match "^(.-):%d+: (.*)$"
         assert.truthy(place and place:find "credentials_spec%.lua$", message)
         assert.is_nil(text:find "LTAI")
         return text
      end

      it("are refused where it is called with what it does not take", function()
         for _, case in ipairs {
            { "static", "LTAI", "bad argument to credentials.static (table of the options 'access_key_id', "
               .. "'access_key_secret', 'expires_at', 'security_token' expected, got string)" },
            { "static", { access_key_id = "LTAI", access_key_secret = 4711 },
               "bad option 'access_key_secret' of credentials.static (string expected, got number)" },
            { "static", { "LTAI" }, "options of credentials.static are named: a key of type number is not known" },
            { "static", { acces_key_id = "LTAI" },
               "unknown option 'acces_key_id' of credentials.static (known: 'access_key_id', 'access_key_secret', "
                  .. "'expires_at', 'security_token')" },
            { "env", {},
               "bad argument to credentials.env (nothing, or a function like os.getenv, expected, got table)" },
            { "profile", "prod",
               "bad argument to credentials.profile (table of the options 'file', 'name' expected, got string)" },
            { "profile", false,
               "bad argument to credentials.profile (table of the options 'file', 'name' expected, got boolean)" },
            { "profile", { profile = "prod" },
               "unknown option 'profile' of credentials.profile (known: 'file', 'name')" },
            { "profile", { name = {} }, "bad option 'name' of credentials.profile (string expected, got table)" },
            { "ecs_role", "x",
               "bad argument to credentials.ecs_role (table of the options 'address', 'role' expected, got string)" },
            { "ecs_role", { rol = "x" }, "unknown option 'rol' of credentials.ecs_role (known: 'address', 'role')" },
         } do
            local maker, given = credentials[case[1]], case[2]
            assert.equal(case[3], raised(function()
               maker(given)
            end))
         end
      end)

      it("are refused by a chain of anything but providers", function()
         local prefix = "bad argument to credentials.chain (list of functions, or of tables with 'name' and "
            .. "'provider', expected, got "
         local function provider() end
         for _, case in ipairs {
            { "env", "string)" },
            { provider, "function)" },
            { {}, "an empty list)" },
            { { "LTAI" }, "a string as entry 1)" },
            { { provider, {} }, "a table as entry 2)" },
            { { [2] = provider }, "a nil as entry 1)" },
            { { name = "one", provider = provider }, "a nil as entry 1)" },
            { { { name = "one", provider = "LTAI" } }, "a table as entry 1)" },
         } do
            assert.equal(prefix .. case[2], raised(function()
               credentials.chain(case[1])
            end))
         end
      end)

      it("are missed with a hint when it was not called", function()
         for _, name in ipairs { "env", "profile", "ecs_role", "chain" } do
            local _, message = ask(credentials[name])
            assert.equal("credentials are a table, not a function: what makes a provider has to be called, as in "
               .. "credentials = ossdl.credentials.env()", message)
         end
      end)
   end)

   describe("from the environment", function()
      it("are those of the OSS tools first", function()
         local variables = {
            OSS_ACCESS_KEY_ID = "i", OSS_ACCESS_KEY_SECRET = "s",
            OSS_SESSION_TOKEN = "t", ALIBABA_CLOUD_ACCESS_KEY_ID = "i2",
            ALIBABA_CLOUD_ACCESS_KEY_SECRET = "s2",
         }
         local provider = credentials.env(environment(variables))
         assert.same({ access_key_id = "i", access_key_secret = "s",
            security_token = "t" }, ask(provider))
         variables.OSS_ACCESS_KEY_ID, variables.OSS_ACCESS_KEY_SECRET = "", nil
         variables.ALIBABA_CLOUD_SECURITY_TOKEN = "t2"
         assert.same({ access_key_id = "i2", access_key_secret = "s2",
            security_token = "t2" }, ask(provider))
      end)

      it("may have their token under another name", function()
         local variables = { OSS_ACCESS_KEY_ID = "i",
            OSS_ACCESS_KEY_SECRET = "s", OSS_SECURITY_TOKEN = "t" }
         local provider = credentials.env(environment(variables))
         assert.equal("t", ask(provider).security_token)
         variables.OSS_SESSION_TOKEN = ""
         assert.equal("t", ask(provider).security_token)
         variables.OSS_SESSION_TOKEN = "first"
         assert.equal("first", ask(provider).security_token)
      end)

      it("are refused by halves", function()
         local _, message = ask(credentials.env(environment {
            OSS_ACCESS_KEY_ID = "LTAI" }))
         assert.truthy(message:find("OSS_ACCESS_KEY_ID is set, but "
            .. "OSS_ACCESS_KEY_SECRET is not", 1, true))
         assert.is_nil(message:find "LTAI")
         _, message = ask(credentials.env(environment {
            ALIBABA_CLOUD_ACCESS_KEY_SECRET = "x" }))
         assert.truthy(message:find("ALIBABA_CLOUD_ACCESS_KEY_SECRET is set, "
            .. "but ALIBABA_CLOUD_ACCESS_KEY_ID is not", 1, true))
      end)

      it("are missed by name", function()
         local _, message = ask(credentials.env(environment {}))
         assert.truthy(message:find("OSS_ACCESS_KEY_ID is not set", 1, true))
      end)
   end)

   describe("from a profile", function()
      local path

      before_each(function()
         path = os.tmpname()
      end)

      after_each(function()
         os.remove(path)
      end)

      local function write(text)
         local file = assert(io.open(path, "wb"))
         file:write(text)
         file:close()
      end

      local function profile(choice, variables)
         choice = choice or {}
         choice.file = choice.file or path
         return credentials.profile(choice, environment(variables or {}))
      end

      local GOOD = [[{"current": "one", "profiles": [
         {"name": "one", "mode": "AK", "access_key_id": "i1",
          "access_key_secret": "s1", "sts_token": ""},
         {"name": "two", "mode": "StsToken", "access_key_id": "i2",
          "access_key_secret": "s2", "sts_token": "t2",
          "sts_expiration": 1900000000},
         {"name": "three", "mode": "StsToken", "access_key_id": "i3",
          "access_key_secret": "s3", "sts_token": "t3", "sts_expiration": 0},
         {"name": "role", "mode": "RamRoleArn", "access_key_id": "i4",
          "access_key_secret": "LTAI"},
         {"name": "bare", "mode": "AK", "access_key_id": "LTAI"},
         {"name": "tokenless", "mode": "StsToken", "access_key_id": "LTAI",
          "access_key_secret": "LTAI"},
         "nonsense"]}]]

      it("are those of the current one", function()
         write(GOOD)
         assert.same({ access_key_id = "i1", access_key_secret = "s1" },
            ask(profile()))
      end)

      it("may stand behind a byte order mark", function()
         write("\239\187\191" .. GOOD)
         assert.equal("i1", ask(profile()).access_key_id)
         write "\239\187\191"
         assert.is_nil(ask(profile()))
      end)

      it("are those of the one that is named", function()
         write(GOOD)
         assert.same({ access_key_id = "i2", access_key_secret = "s2",
            security_token = "t2", expires_at = 1900000000 },
            ask(profile { name = "two" }))
         assert.equal("i3", ask(profile(nil, { ALIBABACLOUD_PROFILE = "",
            ALIBABA_CLOUD_PROFILE = "three",
            ALICLOUD_PROFILE = "two" })).access_key_id)
         assert.is_nil(ask(profile { name = "three" }).expires_at)
      end)

      it("are looked for where the environment says", function()
         write(GOOD)
         local provider = credentials.profile(nil, environment {
            ALIBABA_CLOUD_CONFIG_FILE = path })
         assert.equal("i1", ask(provider).access_key_id)
         local _, message = ask(credentials.profile(nil, environment {
            HOME = "/nowhere" }))
         assert.truthy(message:find("/nowhere/.aliyun/config.json cannot be "
            .. "opened", 1, true))
         _, message = ask(credentials.profile(nil, environment {}))
         assert.truthy(message:find("HOME is not set", 1, true))
         _, message = ask(profile(nil, {
            ALIBABA_CLOUD_CLI_PROFILE_DISABLED = "true" }))
         assert.truthy(message:find("profiles are off", 1, true))
      end)

      it("may name the role of an instance", function()
         write [=[{"current": "ecs", "profiles": [{"name": "ecs",
            "mode": "EcsRamRole", "ram_role_name": "a-role"}]}]=]
         local _, message = ask(profile({}, {
            ALIBABA_CLOUD_ECS_METADATA_DISABLED = "true" }))
         assert.truthy(message:find("profile 'ecs' in " .. path
            .. " is not usable: instance roles are off", 1, true), message)
      end)

      it("are refused with a reason, and nothing of them shown", function()
         write(GOOD)
         for name, reason in pairs {
            role = "mode 'RamRoleArn'", bare = "has no access key",
            tokenless = "has no sts_token", none = "has no profile 'none'",
         } do
            local given, message = ask(profile { name = name })
            assert.is_nil(given)
            assert.truthy(message:find(reason, 1, true), message)
            assert.is_nil(message:find "LTAI")
         end
      end)

      it("without a mode are refused in words", function()
         for _, mode in ipairs { "", ', "mode": null', ', "mode": {}' } do
            write(('{"current": "a", "profiles": [{"name": "a"%s}]}'):format(mode))
            local _, message = ask(profile())
            assert.equal(("the credentials provider failed: profile 'a' in %s has no mode; only AK, StsToken and "
               .. "EcsRamRole can be used"):format(path), message)
         end
      end)

      it("that the environment names end a chain when they cannot be had", function()
         write(GOOD)
         for name, reason in pairs { none = "has no profile 'none'", tokenless = "has no sts_token" } do
            local _, message = ask(credentials.chain(nil, environment { ALIBABA_CLOUD_PROFILE = name,
               ALIBABA_CLOUD_CONFIG_FILE = path, ALIBABA_CLOUD_ECS_METADATA = "role",
               ALIBABA_CLOUD_ECS_METADATA_DISABLED = "true" }))
            assert.truthy(message:find(reason, 1, true), message)
            assert.is_nil(message:find "instance role")
         end
         local found = { access_key_id = "i", access_key_secret = "s" }
         assert.equal("i", ask(credentials.chain { profile { name = "none" },
            credentials.static(found) }).access_key_id)
      end)

      it("survive a file of any content", function()
         for _, text in ipairs {
            "", "LTAI", "{", "[]", "1", "null", '"LTAI"', "{}",
            '{"profiles": 1}', '{"profiles": [], "current": 1}',
            '{"profiles": {"a": 1}, "current": "a"}',
            '{"profiles": [null, 1, "LTAI"], "current": "a"}',
            '{"profiles": [{"name": "a"}], "current": "a"}',
            '{"profiles": [{"name": "a", "mode": {}}], "current": "a"}',
            '{"profiles": [{"name": "a", "mode": null}], "current": "a"}',
            '{"profiles": [{"name": "a", "mode": "AK", "access_key_id": 1, '
               .. '"access_key_secret": null}], "current": "a"}',
            (" "):rep(1024 * 1024 + 1), ("["):rep(100000), "\0\255",
         } do
            write(text)
            local given, message = ask(profile())
            assert.is_nil(given)
            assert.is_nil(message:find "LTAI")
         end
      end)

      it("survive a folder in its place", function()
         local given = ask(profile { file = "/" })
         assert.is_nil(given)
      end)
   end)

   describe("from a chain", function()
      it("are the first that are found", function()
         local asked = {}
         local function link(name, given, why, stop)
            return { name = name, provider = function()
               asked[#asked + 1] = name
               return given, why, stop
            end }
         end
         local found = { access_key_id = "i", access_key_secret = "s" }
         assert.equal("i", ask(credentials.chain { link("a", nil, "no a"),
            link("b", found), link("c", found) }).access_key_id)
         assert.same({ "a", "b" }, asked)
      end)

      it("may come from providers without a name", function()
         local found = { access_key_id = "i", access_key_secret = "s" }
         local function sealed()
            return nil, "sealed"
         end
         assert.equal("i", ask(credentials.chain { sealed, credentials.static(found) }).access_key_id)
         local _, message = ask(credentials.chain { sealed, { name = "vault", provider = sealed } })
         assert.truthy(message:find("(provider 1: sealed; vault: sealed)", 1, true), message)
      end)

      it("are missed with everything that was tried", function()
         local _, message = ask(credentials.chain(nil, environment {
            HOME = "/nowhere" }))
         assert.equal("the credentials provider failed: no credentials found "
            .. "(environment: OSS_ACCESS_KEY_ID is not set; profile: "
            .. "/nowhere/.aliyun/config.json cannot be opened)", message)
      end)

      it("are not looked for behind half a setting", function()
         local _, message = ask(credentials.chain(nil, environment {
            OSS_ACCESS_KEY_ID = "x", HOME = "/nowhere" }))
         assert.truthy(message:find "OSS_ACCESS_KEY_SECRET is not")
         assert.is_nil(message:find "profile:")
      end)

      it("may hold links that fail in odd ways", function()
         local _, message = ask(credentials.chain {
            { name = "a", provider = function() end },
            { name = "b", provider = function()
               return nil, core.error("io", "cannot read")
            end },
         })
         assert.truthy(message:find("a: no reason given; b: cannot read", 1,
            true))
      end)
   end)
end)
