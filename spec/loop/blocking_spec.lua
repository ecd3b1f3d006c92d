-- The behaviours of waiting, with blocking.

require "spec.loop.behaviours".of "blocking"
