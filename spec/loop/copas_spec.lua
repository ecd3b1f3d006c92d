-- The behaviours of waiting, with Copas, which wants to be loaded before
-- socket.http is.

pcall(require, "copas")

require "spec.loop.behaviours".of "copas"
