-- The behaviours of waiting, with copas.

require "spec.loop.behaviours".of "copas"
