# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the tests in this folder share: TAP, the kernels, and modules built for them.
set -uo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
top=$(readlink -f "$here/../..")
work=$top/build/check-kmods
export RIGPROOF_CACHE=${RIGPROOF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rigproof}
mkdir -p "$work"
number=0 failed=0
echo "TAP version 14"

# result STATUS TEXT [LOG]: one line of TAP; of a failure, the end of the log
result() {
  number=$((number + 1))
  if [ "$1" = 0 ]; then
    echo "ok $number - $2"
  else
    failed=$((failed + 1))
    echo "not ok $number - $2"
    [ -z "${3:-}" ] || tail -n 25 "$3" | sed 's/^/# /'
  fi
}

skip() {
  number=$((number + 1))
  echo "ok $number - $1 # SKIP $2"
}

skip_all() {
  echo "1..0 # SKIP $1"
  exit 0
}

finish() {
  echo "1..$number"
  [ "$failed" = 0 ]
  exit
}

# debug_kernel: sets $debug and $kdir, or skips the whole test
debug_kernel() {
  debug=$("$here/debug-kernel" --cached) || skip_all "the debug kernel has not been built: make debug-kernel"
  export kdir=$debug/kdir
}

# module NAME KDIR FOLDER: NAME.ko built from kmods/NAME in FOLDER; its path. UBSAN, where the kernel has it, instruments
# only what asks for it: the modules, not the kernel, whose build and run it would make longer for nothing.
module() {
  mkdir -p "$3"
  nice -n 19 make -s -C "$top/kmods/$1" ${2:+KDIR="$2"} BUILD="$3" UBSAN_SANITIZE=y > "$3.log" 2>&1 < /dev/null || {
    tail -n 20 "$3.log" | sed 's/^/# /' >&2
    return 1
  }
  echo "$3/$1.ko"
}

# other_kernel KERNEL: what `fetch KERNEL` brings, as $folder, $release and $kernel, or skips the whole test
other_kernel() {
  folder=$("$here/fetch" "$1" 2> "$work/fetch.log") || skip_all "$(tail -n 1 "$work/fetch.log")"
  kernel=$(compgen -G "$folder/boot/vmlinuz-*")
  release=${kernel##*/vmlinuz-}
}

# other_selftest NAME KERNEL: NAME built for a kernel that other_kernel has found, and its self-test there
other_selftest() {
  local name=$1 log=$work/$2-$1 ko status passed
  ko=$(module "$name" "$folder/kdir" "$log")
  result $? "$name: builds for $release" "$log.log"
  [ -n "$ko" ] || return 0
  KERNEL=$kernel MODULE=$ko OUT=$log-vm ROUNDS=${ROUNDS:-10} SLOW=${SLOW:-10} SECONDS_MAX=${SECONDS_MAX:-1500} \
    nice -n 19 "$top/kmods/$name/selftest/run" > "$log.out" 2>&1
  status=$?
  if [ $status = 77 ]; then
    skip "$name: self-test" "$(tail -n 1 "$log.out")"
    return
  fi
  passed=$(grep -cE '^ok [0-9]+' "$log.out")
  result $status "$name: self-test on ${folder##*/} ($passed passed), ${ROUNDS:-10} times loaded" "$log.out"
}

# Every module that has a self-test.
modules() {
  local run
  for run in "$top"/kmods/*/selftest/run; do
    [ ! -x "$run" ] || basename "${run%/selftest/run}"
  done
}
