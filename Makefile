# ossdl: build, tests, checks. `make help` lists what there is.
#
# Everything made goes to build/. CC, CFLAGS, LDFLAGS, PREFIX, DESTDIR mean
# what they always do; a change of compiler or flags rebuilds what it touches.

CC = gcc
CLANG = clang
CFLAGS = -O2 -g
LDFLAGS =
WERROR = -Werror
PREFIX = /usr/local
JOBS = $(shell nproc 2>/dev/null || echo 2)

# The interpreters to build for; each needs its headers, found by pkg-config.
LUAS = lua5.4 luajit
# The build's folder, and what it is instrumented with (gcc's -fsanitize=).
B = build
SANITIZE =
# For `make spec`: a folder or file under spec/, and a pattern of test names.
ONLY =
FILTER =
export FILTER

# ------------------------------------------------------------------ targets

# Steps follow each other; only the compilation runs in parallel.
ifndef OSSDL_PARALLEL
.NOTPARALLEL:
endif
PARALLEL = @$(MAKE) --no-print-directory OSSDL_PARALLEL=1 -j$(JOBS)

RUN = spec/support
SETUP = @$(RUN)/setup.sh
# A + between lanes that run side by side (see run_all).
CHECKS = lint compile unit smoke cost spec,fuzz+asan,tsan
# What the sanitizers run: neither nginx nor a browser carries them.
SANITIZED = $(sort $(filter-out resty page,$(notdir $(patsubst %/,%,$(dir \
	$(wildcard spec/*/*_spec.lua))))))

.PHONY: all help setup demo test check lint compile unit spec smoke asan \
	tsan torture page fuzz coverage valgrind cost bench env rock rockspec reference \
	install openresty clean modules c-tests FORCE

all: ## build the module for Lua 5.4 and LuaJIT (the default)
	$(PARALLEL) modules

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## */\1\t/p' Makefile | \
		awk -F '\t' '{ printf "  %-10s %s\n", $$1, $$2 }'

setup: ## install the Debian packages that `make test` needs
	$(SETUP) test

demo: ## a download of 1 GiB from a local OSS, killed half way and resumed
	$(SETUP) run
	$(PARALLEL) modules LUAS=lua5.4
	@eval "$$($(MAKE) -s env)" && lua5.4 spec/support/demo.lua

test: setup ## install what is missing, build, run every test
	@$(MAKE) --no-print-directory check

check: ## every test, cheapest first; installs nothing
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-4} MAKE="$(MAKE)" $(RUN)/run_all $(CHECKS)

lint: ## formatting of the C files, luacheck
	@$(RUN)/lint

compile: ## no warnings: gcc, clang, three C standards, each header alone
	@$(RUN)/run_suite -c compile $(RUN)/check_compile

unit: ## the C tests
	$(PARALLEL) c-tests
	@$(RUN)/run_c "C tests" $(B)/c-tests

spec: ## the Lua tests; ONLY=transfer, ONLY=unit/error_spec.lua, FILTER=words
	$(PARALLEL) modules
ifeq ($(ONLY),)
	@status=0; \
	LUAS=$(firstword $(LUAS)) $(RUN)/run_specs top || status=1; \
	[ -z "$(SANITIZED)" ] || \
		LUAS="$(LUAS)" $(RUN)/run_specs $(SANITIZED) || status=1; \
	[ ! -d spec/resty ] || \
		LUAS=luajit $(RUN)/run_specs resty || status=1; \
	exit $$status
else
	@LUAS="$(LUAS)" $(RUN)/run_specs $(ONLY)
endif

smoke: ## a few calls in Lua 5.1, 5.2 and 5.3
	$(PARALLEL) modules LUAS="lua5.1 lua5.2 lua5.3"
	@status=0; for lua in lua5.1 lua5.2 lua5.3; do \
		LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;" \
		LUA_CPATH="$(CURDIR)/$(B)/$$lua/?.so;;" \
		LUA_INIT= LUA_PATH_5_2= LUA_PATH_5_3= \
		$(RUN)/run_suite "$$lua, spec/smoke.lua" \
			env -u LUA_PATH_5_2 -u LUA_PATH_5_3 -u LUA_CPATH_5_2 \
			-u LUA_CPATH_5_3 $$lua spec/smoke.lua || status=1; \
	done; exit $$status

asan: ## C tests, and the specs in Lua 5.4, with address and UB sanitizers
	$(PARALLEL) B=build/asan SANITIZE=address,undefined LUAS=lua5.4 \
		c-tests modules
	@OSSDL_BUILD=build/asan OSSDL_SANITIZER=address LUAS=lua5.4 \
		$(RUN)/run_sanitized build/asan/c-tests $(or $(ONLY),$(SANITIZED))

tsan: ## C tests, and the specs in LuaJIT, with the thread sanitizer
	$(PARALLEL) B=build/tsan SANITIZE=thread LUAS=luajit c-tests modules
	@OSSDL_BUILD=build/tsan OSSDL_SANITIZER=thread LUAS=luajit \
		$(RUN)/run_sanitized build/tsan/c-tests $(or $(ONLY),$(SANITIZED))

torture: ## every cut and every flipped bit, hundreds of kills (long)
	$(PARALLEL) modules c-tests
	@$(RUN)/run_c "C tests" $(B)/c-tests
	@TORTURE=full LUAS="$(LUAS)" $(RUN)/run_specs torture transfer
	@TORTURE=full LUAS=luajit $(RUN)/run_specs resty

page: ## the page of examples/openresty in a real browser
	$(SETUP) run page
	$(PARALLEL) modules
	@LUAS=lua5.4 $(RUN)/run_specs page

fuzz: ## the parsers under libFuzzer; FUZZ_SECONDS=60 each
	@SUITE_LIMIT=2h $(RUN)/run_suite fuzzers spec/fuzz/run

coverage: ## which lines and branches of the core the C tests reach
	$(PARALLEL) B=build/coverage CFLAGS="-O0 -g --coverage" \
		LDFLAGS=--coverage c-tests
	@$(RUN)/coverage build/coverage

valgrind: c-tests ## the C tests under memcheck
	@status=0; for program in $(B)/c-tests/test_*; do \
		case $$program in *.d) continue ;; esac; \
		valgrind -q --error-exitcode=9 --leak-check=full $$program || \
			status=1; \
	done; exit $$status

cost: ## instructions of a download, per byte and per part, against the bounds
	$(PARALLEL) modules
	@$(RUN)/run_suite "cost" spec/bench/cost

bench: ## speed against other downloaders (installs them)
	$(SETUP) run bench
	$(PARALLEL) modules
	@eval "$$($(MAKE) -s env)" && spec/bench/run

env: ## variables to use the build from a shell, for eval
	@echo 'export LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/?.lua;;"'
	@echo 'export LUA_CPATH="$(CURDIR)/build/luajit/?.so;;"'
	@echo 'export LUA_CPATH_5_4="$(CURDIR)/build/lua5.4/?.so;;"'
	@echo 'unset LUA_PATH_5_4'

rock: ## pack build/ossdl-scm-1.src.rock, which installs without a network
	@$(RUN)/pack_rock

reference: modules ## bring the README's tables of options, and the types for editors, up to date
	@eval "$$($(MAKE) -s env)"; lua5.4 -e 'require("spec.support.reference").write()'

rockspec: ## bring the rockspec's lists of files up to date
	@lua5.4 $(RUN)/rockspec_lists.lua

install: ## install under PREFIX, for LUAS="lua5.4" (luajit goes to 5.1)
	$(PARALLEL) modules
	@set -e; for lua in $(LUAS); do \
		version=$${lua#lua}; [ $$lua != luajit ] || version=5.1; \
		share="$(DESTDIR)$(PREFIX)/share/lua/$$version"; \
		lib="$(DESTDIR)$(PREFIX)/lib/lua/$$version"; \
		mkdir -p "$$share" "$$lib/ossdl"; \
		cp -R lua/. "$$share/"; \
		cp $(B)/$$lua/ossdl/core.so "$$lib/ossdl/core.so.new"; \
		mv "$$lib/ossdl/core.so.new" "$$lib/ossdl/core.so"; \
	done
	@mkdir -p "$(DESTDIR)$(PREFIX)/bin"
	@sed '1s/lua$$/$(firstword $(LUAS))/' lua/ossdl/cli.lua \
		>"$(DESTDIR)$(PREFIX)/bin/ossdl"
	@chmod +x "$(DESTDIR)$(PREFIX)/bin/ossdl"

openresty: ## the example of a download inside nginx, in the foreground
	$(SETUP) run
	$(PARALLEL) modules LUAS=luajit
	@examples/openresty/run

clean: ## remove build/
	rm -rf build

# -------------------------------------------------------------------- rules

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	$(WERROR)
SANITIZER = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer \
	$(if $(findstring undefined,$(SANITIZE)),-fno-sanitize-recover=undefined))
COMPILE = $(CC) -std=c11 -fPIC -pthread $(WARNINGS) $(CFLAGS) $(CPPFLAGS) \
	$(SANITIZER) -MMD -MP
LINK = $(CC) $(CFLAGS) $(SANITIZER) $(LDFLAGS)
LIBS = -lcurl -lcrypto -llzma -lpthread -ldl

# Objects depend on this file, whose date changes with the flags only.
$(B)/flags: FORCE
	@mkdir -p $(B)
	@echo '$(COMPILE) / $(LINK) $(LIBS)' | cmp -s - $@ || \
		echo '$(COMPILE) / $(LINK) $(LIBS)' >$@

CORE = $(patsubst src/core/%.c,$(B)/core/%.o,$(wildcard src/core/*.c))

$(B)/core/%.o: src/core/%.c $(B)/flags
	@mkdir -p $(@D)
	$(COMPILE) -Isrc/core -c $< -o $@

$(B)/libossdl.a: $(CORE)
	@rm -f $@
	ar rcs $@ $(CORE)

# Linked to a new name and moved: a running process keeps the file it mapped.
# An interpreter that is not called lua<version> is luajit.
define MODULE
$(B)/binding-$(1)/%.o: src/lua/%.c $(B)/flags
	@mkdir -p $$(@D)
	$$(COMPILE) -Isrc/core $$(or $$(LUA_CFLAGS),$$$$(pkg-config --cflags $(1))) \
		-c $$< -o $$@

$(B)/$(1)/ossdl/core.so: $(patsubst src/lua/%.c,$(B)/binding-$(1)/%.o,\
		$(wildcard src/lua/*.c)) $(B)/libossdl.a
	@mkdir -p $$(@D)
	$$(LINK) -shared $$^ $$(LIBS) -o $$@.new
	@mv $$@.new $$@
endef
$(foreach lua,$(LUAS),$(eval $(call MODULE,$(lua))))

modules: $(patsubst %,$(B)/%/ossdl/core.so,$(LUAS))

# The published signatures, as a C table for the tests.
ifneq ($(wildcard spec/core/vectors.lua),)
VECTORS = build/vectors.h
$(VECTORS): spec/core/vectors.lua $(wildcard spec/vectors/*)
	@mkdir -p $(@D)
	lua5.4 spec/core/vectors.lua >$@.new
	@mv $@.new $@
endif

$(B)/c-tests/test_%: spec/core/test_%.c $(B)/libossdl.a $(B)/flags | $(VECTORS)
	@mkdir -p $(@D)
	$(COMPILE) -Isrc/core -Ispec/core -Ibuild $< $(B)/libossdl.a $(SANITIZER) \
		$(LDFLAGS) $(LIBS) -MF $(B)/c-tests/.test_$*.d -o $@

c-tests: $(patsubst spec/core/%.c,$(B)/c-tests/%,$(wildcard spec/core/test_*.c))

-include $(wildcard $(B)/core/*.d $(B)/binding-*/*.d $(B)/c-tests/.*.d)
