# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by kmods/MODULE/selftest/broken, with MODULE and its CHECK, behind
#   table='WHAT IS BROKEN@FILE@SED EXPRESSION@TEST'   a line each; FILE below kmods/MODULE
# and the numbers of the lines to do, or none: all. Each is built in a copy, and booted with the one TEST, which must fail;
# before them the module as it is, with which all these TESTs must pass: else a failure would say nothing.
# FILES= more files for the guest's /.
# Environment: VM= what starts a guest, where that is not tests/kmods/vm. libraries= what the check is linked with. OUT= the
# folder to work in.
# One VM serves all: a module that is broken so that it cannot be unloaded ends it, and the next one gets another.
#
# With `--together WHAT...` instead of numbers nothing is booted: one module with all these breakages, in OUT/MODULE.ko.
# Prints the TESTs that must fail, a line for each WHAT.
set -euo pipefail
: "${table:?}"
module=$1 program=$2
shift 2
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
top=$(readlink -f "$here/../..")
work=${OUT:-$top/build/kmods/$module/broken}
read -ra vm <<< "${VM:-$here/vm}"
read -ra libs <<< "${libraries:-}"
rm -rf "$work"
mkdir -p "$work"

copy_sources() {
  rm -rf "$work/source"
  cp -R "$top/kmods/$module" "$work/source"
  cp "$top/kmods/module.mk" "$top"/kmods/*.h "$work/" # FILE can be ../ of these, too
}

# break_in FILE EXPRESSION: in the copy; fails, and says so, where that changes nothing
break_in() {
  local file=$work/source/$1
  cp "$file" "$work/whole"
  sed -i "$2" "$file"
  if cmp -s "$file" "$work/whole"; then
    echo "$1 has changed: nothing was broken"
    return 1
  fi
}

# make_module NAME: of the copy, NAME.ko
make_module() {
  make -s -C "$work/source" BUILD="$work/build" > "$work/$1.log" 2>&1 && mv "$work/build/$module.ko" "$work/$1.ko"
}

# build N FILE EXPRESSION: the module, and the check too where what is broken is the library
build() {
  local source=$work/source checks=$top/agent/checks selftest
  copy_sources
  break_in "$2" "$3" > "$work/$1.why" || return 1
  rm "$work/$1.why"
  make_module "$1" || return 1
  case $2 in
    lib"$module"/*)
      mapfile -t selftest < <(find "$top/kmods/selftest" "$source/selftest" -name '*.c')
      cc -O2 -std=gnu17 -D_GNU_SOURCE -I"$top" -I"$top/kmods/$module/include/uapi" -I"$source/lib$module" \
        -o "$work/$1.check" "$checks/$program.c" "${selftest[@]}" "$source/lib$module"/*.c \
        "${libs[@]}" -lpthread -lm >> "$work/$1.log" 2>&1 || return 1 ;;
  esac
}

# together WHAT...
together() {
  local wanted words file expression names
  copy_sources
  for wanted in "$@"; do
    while IFS=@ read -r words file expression names; do
      [ "$words" != "$wanted" ] || break
    done <<< "$table"
    [ "$words" = "$wanted" ] || { echo "no breakage '$wanted'" >&2; return 1; }
    break_in "$file" "$expression" >&2 || return 1
    echo "$names"
  done
  make_module "$module" || { cat "$work/$module.log" >&2; return 1; }
}

# boot N...: in one guest; the first that is not told about is where it ended
boot() {
  local n files script=$work/script
  read -ra files <<< "${FILES:-}"
  # Under its own name, which tests look for in /proc.
  files+=("bin/$program=$top/build/bin/checks/$program")
  [ ! -e "$top/kmods/$module/selftest/guest" ] || files+=("$top/kmods/$module/selftest/guest")
  for n in "$@"; do
    files+=("$work/$n.ko")
    [ ! -e "$work/$n.check" ] || files+=("$n/$program=$work/$n.check")
    echo "try $n ${tests[$n]}"
  done > "$script.list"
  cat - "$script.list" > "$script" << 'GUEST'
read name program < /names
try() {
	n=$1
	shift
	insmod /$n.ko || die "insmod $n"
	[ ! -e /guest ] || . /guest
	place=/bin
	[ ! -e /$n ] || place=/$n
	echo "begin $n"
	$place/$program "$@" && echo "passed $n" || echo "failed $n"
	for again in 1 2 3 4 5; do rmmod $name 2> /dev/null && return; sleep 1; done
	die "rmmod $n"
}
GUEST
  echo "$module $program" > "$work/names"
  MEMORY=${MEMORY:-512} SECONDS_MAX=$((90 + 60 * $#)) "${vm[@]}" "$work/vm" "$kernel" "$script" "$work/names" "${files[@]}" \
    > "$work/vm.log" 2>&1 || true
}

if [ "${1:-}" = --together ]; then
  shift
  together "$@"
  exit
fi

release=$("$here/fetch" --release)
kernel=${KERNEL:-/boot/vmlinuz-$release}
[ -r "$kernel" ] || kernel=$("$here/fetch" image)
echo "TAP version 14"
declare -A what=([0]='nothing is broken') tests=([0]='') verdict=([0]='does not build')
number=0
todo=()
copy_sources
if make_module 0; then todo=(0); fi
while IFS=@ read -r words file expression names; do
  [ -n "$words" ] || continue
  number=$((number + 1))
  [ $# = 0 ] || [[ " $* " = *" $number "* ]] || continue
  what[$number]=$words tests[$number]=$names verdict[$number]='does not build'
  [[ " ${tests[0]} " = *" $names "* ]] || tests[0]+=" $names"
  if build "$number" "$file" "$expression"; then todo+=("$number"); fi
done <<< "$table"

while [ ${#todo[@]} != 0 ]; do
  boot "${todo[@]}"
  left=()
  for n in "${todo[@]}"; do
    case $(tr -d '\r' < "$work/vm.log" | grep -E "^(begin|passed|failed) $n\$" | tail -n 1) in
      failed*) verdict[$n]=caught ;;
      passed*) verdict[$n]='passed all the same' ;;
      begin*) verdict[$n]='ended the guest' ;;
      *) left+=("$n") && verdict[$n]='never begun' ;;
    esac
    [ "${verdict[$n]}" = 'never begun' ] || sed "0,/^begin $n\r*\$/d; /^begin /Q" "$work/vm.log" > "$work/$n.log"
  done
  # A guest that began none of them would begin none again.
  [ ${#left[@]} -lt ${#todo[@]} ] || break
  todo=("${left[@]}")
done

failed=0
for n in $(printf '%s\n' "${!what[@]}" | sort -n); do
  why=
  [ ! -e "$work/$n.log" ] || why=$(grep -m 1 "^# [^ ]*: " "$work/$n.log" || true)
  [ ! -e "$work/$n.why" ] || why="# $(cat "$work/$n.why")"
  [ -z "$why" ] || echo "$why"
  if [ "$n:${verdict[$n]}" = '0:passed all the same' ]; then
    echo "ok - ${what[$n]}"
  elif [ "$n" = 0 ]; then
    failed=$((failed + 1))
    echo "not ok - ${what[$n]}, and yet: ${verdict[$n]/caught/a test fails}"
  elif [ "${verdict[$n]}" = caught ]; then
    echo "ok $n - ${what[$n]}"
  else
    failed=$((failed + 1))
    echo "not ok $n - ${what[$n]}: ${verdict[$n]}"
  fi
done
echo "1..${#what[@]}"
[ "$failed" = 0 ]
