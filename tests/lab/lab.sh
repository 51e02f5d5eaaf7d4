# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What every lab script starts with: a folder, a network, a server, and the certainty that all of it ends with the script.
#
#     source tests/lab/lab.sh
#     lab_begin build/demo        # all files go there
#     net_up; server_start; rig_create rig1; rig_plug_in rig1 52:54:00:00:00:01; rig_press_power rig1

set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=$top/build/bin
# shellcheck source=tests/lab/net.sh
source "$top/tests/lab/net.sh"
# shellcheck source=tests/lab/rig.sh
source "$top/tests/lab/rig.sh"
# shellcheck source=tests/lab/server.sh
source "$top/tests/lab/server.sh"

die() {
  echo "lab: $*" >&2
  exit 1
}

# Processes that we started, in order; ended in reverse, by pid. Then what we mounted.
lab_pids=()
lab_mounts=()
remember() { lab_pids+=("$1"); }

# lab_begin FOLDER: an empty folder, and a network name that no other lab on this machine has
lab_begin() {
  [ "$(id -u)" = 0 ] || die "a lab needs root, for its network namespaces: sudo $0"
  lab=$1
  mkdir -p "$lab"
  lab=$(cd "$lab" && pwd)
  net=rp$$
  trap lab_end EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

lab_end() {
  local status=$? i
  trap - EXIT INT TERM
  for ((i = ${#lab_pids[@]} - 1; i >= 0; i--)); do
    kill "${lab_pids[i]}" 2>/dev/null || true
  done
  for ((i = ${#lab_pids[@]} - 1; i >= 0; i--)); do
    wait "${lab_pids[i]}" 2>/dev/null || true
  done
  for i in "${lab_mounts[@]}"; do
    umount "$i"
  done
  net_down
  exit "$status"
}

# wait_for SECONDS WHAT COMMAND...: until COMMAND succeeds; WHAT names it in the error
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || die "gave up waiting for $what"
    read -r -t 0.2 <> <(:) || true
  done
}
