--- The programs that are compared. To add one: a name, and for each kind of job
--- that it can do a function that gives its command.
---
--- `one(job)`: job.url, job.folder, job.name (of the file), job.threads, job.ca
--- `many(job)`: job.base (URL of a folder), job.folder, job.threads, job.list
---   (a file of "URL TAB path" lines), job.keys (of "key TAB path" lines)

local measure = require "spec.bench.measure"
local q = measure.quote

local peers = {}

local LUA = os.getenv("BENCH_LUA") or "lua5.4"

peers[1] = {
   name = "ossdl",
   one = function(job)
      local words = { LUA, "spec/bench/fetch.lua" }
      for name, value in pairs(job.options) do
         words[#words + 1] = q(name .. "=" .. tostring(value))
      end
      words[#words + 1] = q("threads=" .. job.threads)
      words[#words + 1] = q("file=" .. job.folder .. "/" .. job.name)
      return table.concat(words, " ")
   end,
   many = function(job)
      local words = { LUA, "spec/bench/fetch.lua" }
      for name, value in pairs(job.options) do
         words[#words + 1] = q(name .. "=" .. tostring(value))
      end
      words[#words + 1] = q("threads=" .. job.threads)
      words[#words + 1] = q("list=" .. job.keys)
      return table.concat(words, " ")
   end,
}

peers[2] = {
   name = "curl",
   one = function(job)
      return ("curl -sSf %s -o %s %s"):format(
         job.ca and "--cacert " .. q(job.ca) or "", q(job.folder .. "/" .. job.name), q(job.url))
   end,
   many = function(job)
      return ("curl -sSf --parallel --parallel-max %d -K %s"):format(job.threads, q(job.curl_list))
   end,
}

peers[3] = {
   name = "aria2",
   one = function(job)
      return ("aria2c -q --no-conf --file-allocation=falloc %s -x%d -s%d -k1M -d %s -o %s %s"):format(
         job.ca and "--ca-certificate=" .. q(job.ca) or "",
         math.min(job.threads, 16), math.min(job.threads, 16), q(job.folder), q(job.name), q(job.url))
   end,
   many = function(job)
      return ("aria2c -q --no-conf --file-allocation=none -j%d -d %s -i %s"):format(
         job.threads, q(job.folder), q(job.url_list))
   end,
}

peers[4] = {
   name = "rclone",
   one = function(job)
      return ("rclone copyto --config /dev/null %s --multi-thread-streams %d "
         .. "--multi-thread-cutoff 1M --http-url %s %s %s"):format(
         job.ca and "--ca-cert " .. q(job.ca) or "", job.threads, q(job.base),
         q(":http:" .. job.path), q(job.folder .. "/" .. job.name))
   end,
   many = function(job)
      return ("rclone copy --config /dev/null --transfers %d --checkers %d --http-url %s :http: %s"):format(
         job.threads, job.threads, q(job.base), q(job.folder))
   end,
}

peers[5] = {
   name = "axel",
   one = function(job)
      return not job.ca and ("axel -q -n %d -o %s %s"):format(
         job.threads, q(job.folder .. "/" .. job.name), q(job.url)) or nil
   end,
}

return peers
