-- The behaviours of waiting, with luv.

require "spec.loop.behaviours".of "luv"
