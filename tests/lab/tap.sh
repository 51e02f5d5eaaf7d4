# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# TAP for lab tests: is WHAT COMMAND... prints one test line; the plan is printed by the lab's end.

tap_number=0 tap_failed=0
echo "TAP version 14"

# is WHAT COMMAND...: ok when COMMAND succeeds; else not ok, with what it printed
is() {
  local what=$1 output
  shift
  tap_number=$((tap_number + 1))
  if output=$("$@" 2>&1); then
    echo "ok $tap_number - $what"
  else
    echo "not ok $tap_number - $what"
    printf '%s\n' "$output" | tail -n 20 | sed 's/^/# /'
    tap_failed=$((tap_failed + 1))
  fi
}

# is_not WHAT COMMAND...: ok when COMMAND fails (but was found)
is_not() {
  local what=$1
  shift
  is "$what" fails "$@"
}
fails() {
  "$@" && return 1
  [ $? -lt 126 ]
}

# is_equal WHAT FOUND EXPECTED
is_equal() {
  is "$1 (found: $2)" test "$2" = "$3"
}

tap_end() {
  echo "1..$tap_number"
  [ "$tap_failed" = 0 ] || exit 1
}
