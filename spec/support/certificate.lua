--- Makes a certificate authority and a server certificate, for https specs.
--
-- Run as a program, so that OpenSSL is not loaded into the spec's process:
-- `lua certificate.lua FOLDER` writes ca.crt, server.crt and server.key.

local pkey = require "openssl.pkey"
local x509 = require "openssl.x509"
local name = require "openssl.x509.name"
local altname = require "openssl.x509.altname"
local extension = require "openssl.x509.extension"
local bignum = require "openssl.bignum"

local DAY = 24 * 60 * 60

local function new_key()
   return pkey.new { type = "EC", curve = "prime256v1" }
end

local function new_certificate(subject, issuer, key, serial)
   local certificate = x509.new()
   certificate:setVersion(3)
   certificate:setSerial(bignum.new(serial))
   certificate:setSubject(name.new():add("CN", subject))
   certificate:setIssuer(name.new():add("CN", issuer))
   certificate:setLifetime(os.time() - DAY, os.time() + 30 * DAY)
   certificate:setPublicKey(key)
   return certificate
end

local function make(folder)
   local ca_key, key = new_key(), new_key()
   local authority = new_certificate("local OSS authority",
      "local OSS authority", ca_key, os.time())
   authority:setBasicConstraints { CA = true }
   authority:setBasicConstraintsCritical(true)
   authority:addExtension(extension.new("keyUsage", "critical,keyCertSign"))
   authority:sign(ca_key)

   local server = new_certificate("localhost", "local OSS authority", key,
      os.time() + 1)
   local names = altname.new()
   names:add("DNS", "localhost")
   names:add("DNS", "*.localhost")
   names:add("DNS", "oss-cn-hangzhou.aliyuncs.com")
   names:add("DNS", "*.oss-cn-hangzhou.aliyuncs.com")
   names:add("IP", "127.0.0.1")
   server:setSubjectAlt(names)
   server:setBasicConstraints { CA = false }
   server:sign(ca_key)

   local function write(file, text)
      local handle = assert(io.open(folder .. "/" .. file, "wb"))
      assert(handle:write(text))
      assert(handle:close())
   end
   write("ca.crt", authority:toPEM())
   write("server.crt", server:toPEM())
   write("server.key", key:toPEM "private")
end

make(assert(arg[1], "usage: certificate.lua FOLDER"))
