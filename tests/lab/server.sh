# shellcheck shell=bash
# shellcheck disable=SC2154 # $top, $bin, $lab and $net are set by lab.sh
# SPDX-License-Identifier: Apache-2.0
# rigproofd in the lab: its keys, its image, its configuration, and the CLI pointed at it.

keys=  # the lab's key folder
state= # rigproofd's folder

# server_prepare: keys and a signed node image below $lab
server_prepare() {
  keys=$lab/keys
  state=$lab/state
  "$bin/rigproof" keys init "$keys" --address "$server_address" --address 127.0.0.1 --host localhost > /dev/null
  "$top/pxe/fetch-ipxe" > /dev/null
  "$bin/rigproof" image build "$top/manifests/images/node.yaml" --keys "$keys" --out "$lab/image" \
    --server-url "https://$server_address:8443" --programs "$bin" --modules "$top/build/modules" > /dev/null
}

# server_configure [YAML-LINE...]: the site's manifest; more lines are added to it
# shellcheck disable=SC2120
server_configure() {
  {
    cat <<EOF
kind: site
name: lab
address: $server_address
interface: eth0
https_port: 8443
unknown: register
training_boots: 0
image: node
EOF
    printf '%s\n' "$@"
  } > "$lab/site.yaml"
}

server_start() {
  ip netns exec "$net-srv" "$bin/rigproofd" --state "$state" --keys "$keys" --config "$lab/site.yaml" \
    >> "$lab/rigproofd.log" 2>&1 &
  server_pid=$!
  remember "$server_pid"
  wait_for 30 "rigproofd (see $lab/rigproofd.log)" server_answers
}

server_answers() {
  kill -0 "$server_pid" 2>/dev/null || die "rigproofd ended: $(tail -n 3 "$lab/rigproofd.log")"
  rigproof rig list > /dev/null 2>&1
}

# rigproof ARGS...: the CLI, in the server's namespace, as its operator
rigproof() { ip netns exec "$net-srv" "$bin/rigproof" --state "$state" "$@"; }

rig_state() { rigproof rig show "$1" --json | jq -r .state; }
rig_is() { [ "$(rig_state "$1" 2>/dev/null)" = "$2" ]; }
rig_is_known() { [ "$(rig_state "$1" 2>/dev/null || echo unknown)" != unknown ]; }

rig_by_mac() { rigproof rig list --json | jq -r --arg mac "$1" '.rigs[] | select(.mac | index($mac)) | .name'; }

# A rig that only asked for a boot script is known; one that sent its inventory is registered.
rig_registered() {
  local name
  name=$(rig_by_mac "$1")
  [ -n "$name" ] && [ "$(rigproof rig show "$name" --json | jq '.inventory | type == "object" and length > 0')" = true ]
}

inventory_line() {
  jq -r '.inventory | [.manufacturer, .product, (.cpu // empty), "\(.memory_mb) MB", "Secure Boot \(.secure_boot // "unknown")"] | map(select(. != null and . != "")) | join(", ")'
}

rig_is_off() { case $(rig_status "$1") in shutdown | prelaunch | paused) true ;; *) false ;; esac; }
