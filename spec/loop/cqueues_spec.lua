-- The behaviours of waiting, with cqueues.

require "spec.loop.behaviours".of "cqueues"
