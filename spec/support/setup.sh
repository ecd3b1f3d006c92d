#!/bin/bash
# setup.sh LIST... - installs the Debian packages that are missing
#
#   build   compile the module for Lua 5.4 and LuaJIT
#   run     what the local OSS and the demo need besides
#   test    everything that `make test` uses
#   page    a browser, for the test of a page served by OpenResty
#   bench   the downloaders and tools that the benchmarks compare with
#
# Asks for nothing, says nothing when there is nothing to do, and starts no
# service. Runs as root, or through sudo.

set -u
export DEBIAN_FRONTEND=noninteractive
export LC_ALL=C

build="gcc make pkg-config libc6-dev liblua5.4-dev libluajit2-5.1-dev
   libluajit2-5.1-common lua5.4 luajit2 libcurl4-openssl-dev libssl-dev
   liblzma-dev"
run="nginx libnginx-mod-http-lua lua-cjson lua-posix lua-socket lua-luaossl
   curl openssl"
test="liblua5.1-0-dev liblua5.2-dev liblua5.3-dev lua5.1 lua5.2 lua5.3
   lua-busted lua-check luarocks lua-argparse lua-cqueues lua-luv lua-copas
   clang clang-format libclang-rt-14-dev valgrind libc6-dbg strace unzip zip git
   procps util-linux ca-certificates"
page="chromium chromium-driver"
bench="aria2 rclone axel hyperfine wrk time vde2 vde-wirefilter iproute2
   nftables libnginx-mod-stream"

wanted=
for list in "$@"; do
   case $list in
   build) wanted="$wanted $build" ;;
   run) wanted="$wanted $build $run" ;;
   test) wanted="$wanted $build $run $test" ;;
   page) wanted="$wanted $page" ;;
   bench) wanted="$wanted $bench" ;;
   *)
      echo "setup.sh: no list is named '$list' (build, run, test, page, bench)" >&2
      exit 2
      ;;
   esac
   # Node often comes from elsewhere than Debian, and then conflicts with it.
   if [ "$list" = test ]; then
      command -v node >/dev/null || wanted="$wanted nodejs"
      command -v npm >/dev/null || wanted="$wanted npm"
   fi
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
   echo "setup.sh: this is no Debian; please install by hand what is missing of:" >&2
   echo "$wanted" | fmt >&2
   exit 0
fi

# Names what is not installed, of the packages given.
missing_of() {
   local package
   for package in "$@"; do
      # With a space before it, too: "not-installed" is another word.
      case " $(dpkg-query -W -f '${db:Status-Status} ' "$package" 2>/dev/null)" in
      *" installed "*) ;;
      *) echo "$package" ;;
      esac
   done | sort -u
}

# shellcheck disable=SC2086
missing=$(missing_of $wanted | tr '\n' ' ')
[ "${missing// /}" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
   if ! command -v sudo >/dev/null; then
      echo "setup.sh: become root, or install sudo, to install: $missing" >&2
      exit 1
   fi
   sudo="sudo env DEBIAN_FRONTEND=noninteractive"
fi

# A package must not start its service: ports may be taken, and nobody asked.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
   printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
   $sudo chmod 755 $policy
   trap '$sudo rm -f $policy' EXIT
fi

log=$(mktemp)
install() {
   # shellcheck disable=SC2086
   $sudo apt-get -q -y --no-install-recommends -o Acquire::Retries=3 \
      -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 \
      install $missing </dev/null >"$log" 2>&1
}

echo "installing:" $missing
if ! install; then
   # Most likely the package lists are missing or old.
   if ! $sudo apt-get -q -o Acquire::Retries=3 update </dev/null >>"$log" 2>&1 || ! install; then
      tail -n 40 "$log" >&2
      echo "setup.sh: apt-get could not install: $missing" >&2
      rm -f "$log"
      exit 1
   fi
fi
rm -f "$log"
