local fake_core = require "spec.unit.fake_core"

describe("a client", function()
   local core, ossdl

   before_each(function()
      core = fake_core.install()
      ossdl = require "ossdl"
   end)

   after_each(fake_core.remove)

   local function options(extra)
      local all = { endpoint = "http://e", region = "r", access_key_id = "i",
         access_key_secret = "s", bucket = "b", object = "o", file = "f",
         loop = "blocking" }
      for name, value in pairs(extra or {}) do
         all[name] = value
         if value == "nil" then
            all[name] = nil
         end
      end
      return all
   end

   local function last_transfer()
      return core.transfers[#core.transfers].options
   end

   it("hands every option of a client to the core", function()
      assert(ossdl.new(options { signature = "v1", path_style = true,
         cname = true, proxy = "", ca_file = "ca", tls_verify = false,
         connect_timeout = 1, stall_timeout = 2, user_agent = "ua",
         max_threads = 3, max_rate = 4, security_token = "t" }))
      assert.same({ endpoint = "http://e", region = "r", signature = "v1",
         path_style = true, cname = true, proxy = "", ca_file = "ca",
         tls_verify = false, connect_timeout = 1, stall_timeout = 2,
         user_agent = "ua", max_threads = 3, max_rate = 4,
         access_key_id = "i", access_key_secret = "s", security_token = "t",
         refreshable = false }, core.clients[1].options)
   end)

   it("names itself to the service", function()
      assert(ossdl.new(options()))
      assert.truthy(core.clients[1].options.user_agent
         :find "^ossdl/9%.9%.9 %(Lua")
   end)

   it("hands every option of a transfer to the core", function()
      assert(ossdl.download(options { version_id = "v", checkpoint = "c",
         headers = { a = "b" }, query = { c = "d" }, threads = 3,
         part_size = 4, traffic_limit = 819200, max_retries = 5,
         progress_interval = 0.5, direct = false, verify_resume = false,
         read_back = true, durable = false, on_change = "restart",
         busy = "wait" }))
      assert.same({ bucket = "b", object = "o", file = "f", version_id = "v",
         checkpoint = "c", headers = { a = "b" }, query = { c = "d" },
         threads = 3, part_size = 4, traffic_limit = 819200, max_retries = 5,
         progress_interval = 0.5, direct = "off", verify_resume = false,
         read_back = true, durable = false, restart_on_change = true,
         wait_when_busy = true }, last_transfer())
   end)

   it("converts the options that the core writes in another way", function()
      assert(ossdl.download(options { threads = "auto", direct = true }))
      assert.equal(0, last_transfer().threads)
      assert.equal("on", last_transfer().direct)
      assert.equal("f.cp", last_transfer().checkpoint)
      assert.equal(0, last_transfer().part_size)
      assert.is_false(last_transfer().wait_when_busy)
      assert(ossdl.download(options { checkpoint = false }))
      assert.is_nil(last_transfer().checkpoint)
      assert.equal("auto", last_transfer().direct)
   end)

   it("has defaults for its transfers", function()
      local client = assert(ossdl.new(options { threads = 2, object = "nil" }))
      assert(client:download { object = "x" })
      assert.equal("b", last_transfer().bucket)
      assert.equal(2, last_transfer().threads)
      assert(client:download { object = "x", threads = 5, bucket = "c" })
      assert.equal("c", last_transfer().bucket)
      assert.equal(5, last_transfer().threads)
   end)

   it("raises where it is called when an option is wrong", function()
      local client = assert(ossdl.new(options { object = "nil" }))
      for _, call in ipairs {
         function() ossdl.new { endpont = "e" } end,
         function() ossdl.new { endpoint = "e", threads = 0 } end,
         function() ossdl.new { endpoint = "e", access_key_id = "i" } end,
         function() ossdl.new() end,
         function() ossdl.download { endpoint = "e", bucket = "b" } end,
         function() ossdl.download { endpoint = "e", theads = 1 } end,
         function() ossdl.new(options { access_key_id = "i\0" }) end,
         function() ossdl.new(options { access_key_secret = "s\0" }) end,
         function() ossdl.new(options { security_token = "\0" }) end,
         function() ossdl.new(options { proxy = "http://p\0" }) end,
         function() ossdl.download(options { user_agent = "a\r\nb: c" }) end,
         function() ossdl.download(options { ca_file = "a\nb" }) end,
         function() ossdl.download(options { checkpoint = "f" }) end,
         function() ossdl.presign { access_key_secret = "\0" } end,
         function() client:start { object = "x", checkpoint = "f.part" } end,
         function() client:download { object = "x", version_id = "\0" } end,
         function() client:start { object = "x", headers = { "a: b" } } end,
         function() client:start { objct = "x" } end,
         function() client:start {} end,
         function() client:start() end,
         function() client:download { proxy = "x" } end,
         function() client:download {} end,
         function() client:set_max_rate(-1) end,
         function() client:set_max_rate "x" end,
         function() ossdl.sign { threads = 1 } end,
         function() ossdl.presign { expires = 0 } end,
      } do
         local ok, message = pcall(call)
         assert.is_false(ok)
         assert.truthy(message:find "client_spec%.lua:%d+: ", message)
      end
      assert.equal(0, #core.transfers)
   end)

   it("wants to know where the bucket is", function()
      local ok, message = pcall(ossdl.new, { bucket = "b" })
      if os.getenv "OSS_ENDPOINT" or os.getenv "OSS_REGION" then
         assert.is_true(ok)
      else
         assert.truthy(message:find "where is the bucket%?")
      end
   end)

   it("passes on what the core has against it", function()
      core.client_error = core.error("invalid", "no such region")
      local client, err = ossdl.new(options())
      assert.is_nil(client)
      assert.equal(core.client_error, err)
      local result
      result, err = ossdl.download(options())
      assert.is_nil(result)
      assert.equal(core.client_error, err)
   end)

   it("for one download is closed when that did not start", function()
      core.start_error = core.error("io", "no such folder")
      local result, err = ossdl.download(options())
      assert.is_nil(result)
      assert.equal(core.start_error, err)
      assert.is_true(core.clients[1].closed)
   end)

   it("for one download is closed when that failed", function()
      core.steps = { {}, { state = "failed" } }
      local result, err = ossdl.download(options())
      assert.is_nil(result)
      assert.equal("service", err.kind)
      assert.is_true(core.clients[1].closed)
      assert.equal(1, core.transfers[1].closes)
   end)

   it("for one download is closed when on_progress raises", function()
      core.steps = { { bytes_total = 9 }, { bytes_total = 9 } }
      local thrown = {}
      local ok, caught = pcall(ossdl.download, options {
         on_progress = function()
            error(thrown)
         end })
      assert.is_false(ok)
      assert.equal(thrown, caught)
      assert.is_true(core.transfers[1].cancelled)
      assert.is_true(core.clients[1].closed)
   end)

   it("for many downloads stays open", function()
      local client = assert(ossdl.new(options()))
      assert(client:download {})
      assert.is_nil(core.clients[1].closed)
      assert(client:set_max_rate(7))
      assert.equal(7, core.clients[1].rate)
   end)

   it("that was closed says so, and can be closed again", function()
      local client = assert(ossdl.new(options()))
      client:close()
      client:close()
      assert.is_true(core.clients[1].closed)
      assert.equal("ossdl.client: closed", tostring(client))
      for _, call in ipairs { "start", "download" } do
         local value, err = client[call](client, {})
         assert.is_nil(value)
         assert.equal("closed", err.kind)
      end
      local ok, err = client:set_max_rate(1)
      assert.is_nil(ok)
      assert.equal("closed", err.kind)
      assert.equal(0, #core.transfers)
   end)

   describe("with a provider", function()
      local calls, answer

      local function provider()
         calls = calls + 1
         return answer()
      end

      before_each(function()
         calls = 0
         answer = function()
            return { access_key_id = "i" .. calls, access_key_secret = "s" }
         end
      end)

      local function with_provider(extra)
         local all = options(extra)
         all.access_key_id, all.access_key_secret = nil, nil
         all.credentials = provider
         return all
      end

      it("asks it once, before the first request", function()
         local client = assert(ossdl.new(with_provider()))
         assert.equal(0, calls)
         assert.is_true(core.clients[1].options.refreshable)
         assert.is_nil(core.clients[1].options.access_key_id)
         assert(client:download {})
         assert(client:download {})
         assert.equal(1, calls)
         assert.same({ { access_key_id = "i1", access_key_secret = "s" } },
            core.clients[1].given)
      end)

      it("asks again when the core does", function()
         core.steps = { {}, { ask = true }, {}, { ask = true },
            { state = "done" } }
         assert(ossdl.download(with_provider()))
         assert.equal(3, calls)
         assert.equal("i3", core.clients[1].given[3].access_key_id)
      end)

      it("does not start when it fails", function()
         answer = function()
            return nil, "sealed"
         end
         local result, err = ossdl.download(with_provider())
         assert.is_nil(result)
         assert.equal("credentials", err.kind)
         assert.truthy(err.message:find "sealed")
         assert.equal(0, #core.transfers)
         assert.is_true(core.clients[1].closed)
      end)

      it("ends the transfer with its reason when it fails later", function()
         core.steps = { {}, { ask = true }, { state = "done" } }
         answer = function()
            if calls > 1 then
               error "sealed"
            end
            return { access_key_id = "i", access_key_secret = "s" }
         end
         local result, err = ossdl.download(with_provider())
         assert.is_nil(result)
         assert.equal("credentials", err.kind)
         assert.truthy(err.message:find "sealed")
      end)

      it("is not asked by two coroutines at once", function()
         local client = assert(ossdl.new(with_provider {
            loop = function() end }))
         client._has_credentials = true
         local outcome
         answer = function()
            outcome = client:_refresh()
            coroutine.yield()
            return { access_key_id = "i", access_key_secret = "s" }
         end
         local thread = coroutine.create(function()
            return client:_refresh()
         end)
         assert(coroutine.resume(thread))
         assert.is_false(outcome)
         assert.is_false(client:_refresh())
         assert.equal(1, calls)
         -- One that never comes back does not block the others for ever.
         core.clock = core.clock + 61
         answer = function()
            return { access_key_id = "j", access_key_secret = "s" }
         end
         assert.is_true(client:_refresh())
         assert.equal("j", core.clients[1].given[1].access_key_id)
      end)

      -- A loop in which others could run.
      local function turn(handle)
         handle:wait(0.1)
      end

      -- A client whose first caller is in the midst of asking.
      local function asking_client(loop)
         core.steps = { {}, { state = "done" } }
         local client = assert(ossdl.new(with_provider { loop = loop }))
         answer = function()
            coroutine.yield()
            return { access_key_id = "i1", access_key_secret = "s" }
         end
         local first = coroutine.create(function()
            return client:start {}
         end)
         assert(coroutine.resume(first))
         answer = function()
            return { access_key_id = "i" .. calls, access_key_secret = "s" }
         end
         return client, first
      end

      it("is left to the first caller by those who start meanwhile", function()
         local client, first = asking_client(turn)
         for _ = 1, 3 do
            local transfer = assert(client:start {})
            assert.is_false((transfer:wait(1)))
         end
         assert.equal(1, calls)
         assert.is_true(coroutine.resume(first))
         assert(client:download {})
         assert.equal(1, calls)
      end)

      it("is asked by the next when the first caller does not come back", function()
         local client, first = asking_client(turn)
         local transfer = assert(client:start {})
         core.clock = core.clock + 61
         transfer:poll()
         assert.equal(2, calls)
         assert.equal("i2", core.clients[1].given[1].access_key_id)
         -- Who comes back late ends nobody else's turn.
         answer = coroutine.yield
         local second = coroutine.create(client._refresh)
         assert(coroutine.resume(second, client))
         assert(coroutine.resume(first))
         assert.is_false(client:_refresh())
         assert.equal(3, calls)
      end)

      it("is asked by every caller where nothing runs while one waits", function()
         local client = asking_client "blocking"
         assert(client:download {})
         assert.equal(2, calls)
      end)

      it("may be a table of credentials", function()
         local all = with_provider()
         all.credentials = { access_key_id = "i", access_key_secret = "s",
            expires_at = 5 }
         assert(ossdl.new(all))
         assert.equal("i", core.clients[1].options.access_key_id)
         assert.equal(5, core.clients[1].options.expires_at)
         assert.is_false(core.clients[1].options.refreshable)
         all.credentials = { access_key_id = "i" }
         local client, err = ossdl.new(all)
         assert.is_nil(client)
         assert.equal("credentials", err.kind)
      end)

      it("is not asked for anonymous requests", function()
         assert(ossdl.download(with_provider { signature = "none" }))
         assert.equal(0, calls)
         assert.is_false(core.clients[1].options.refreshable)
      end)
   end)

   it("keeps no secret where a dump could show it", function()
      local client = assert(ossdl.new(options { access_key_secret = "LTAIx",
         security_token = "LTAIy" }))
      local seen = {}
      local function search(value)
         assert.is_not.equal("LTAIx", value)
         assert.is_not.equal("LTAIy", value)
         if type(value) == "table" and not seen[value] and value ~= core then
            seen[value] = true
            for key, content in pairs(value) do
               if key ~= "_core" then
                  search(content)
               end
            end
         end
      end
      search(client)
   end)

   describe("is not needed", function()
      it("to sign a request", function()
         assert.same({ Authorization = "signed" }, ossdl.sign {
            method = "HEAD", bucket = "b", object = "", region = "r",
            access_key_id = "i", access_key_secret = "s", now = 7.9,
            additional_headers = { "range", "if-match" }, version_id = "v",
            query = { a = "b" } })
         local signed = core.signed
         assert.equal("HEAD", signed.method)
         assert.equal(7, signed.now)
         assert.equal("v4", signed.signature)
         assert.equal("range;if-match", signed.additional_headers)
         assert.same({ a = "b", versionId = "v" }, signed.query)
         assert.is_nil(signed.object)
      end)

      it("to sign a URL", function()
         assert.equal("https://signed", ossdl.presign {
            endpoint = "e", bucket = "b", object = "o", expires = 60,
            credentials = function()
               return { access_key_id = "i", access_key_secret = "s" }
            end })
         assert.equal(60, core.signed.expires)
         assert.equal("GET", core.signed.method)
         assert.equal("i", core.signed.access_key_id)
         assert.is_false(core.signed.cname)
      end)

      it("to be told that there are no credentials", function()
         local url, err = ossdl.presign { endpoint = "e", bucket = "b",
            object = "o", credentials = function() end }
         assert.is_nil(url)
         assert.equal("credentials", err.kind)
      end)
   end)
end)
