# shellcheck shell=bash
# shellcheck disable=SC2154 # $top, $bin, $lab and $net are set by lab.sh
# SPDX-License-Identifier: Apache-2.0
# The lab's network: one bridge and two servers, each in a namespace of its own.
#
#     $net-dhcp (the site's DHCP server)     $net-srv (rigproofd, tftpd)
#           10.77.0.2                              10.77.0.1
#              \_______________ br0 _________________/
#                       in $net-lan, with a tap for each rig; all frames pass here: $lab/lan.pcap
#
# No frame leaves the namespaces. Needs: $net (a name), $lab (a folder).

server_address=10.77.0.1
dhcp_address=10.77.0.2

net_up() {
  local name
  for name in lan srv dhcp; do
    ip netns add "$net-$name"
    ip -n "$net-$name" link set lo up
  done
  ip -n "$net-lan" link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
  ip -n "$net-lan" link set br0 up
  net_host srv "$server_address"
  net_host dhcp "$dhcp_address"
  ip netns exec "$net-lan" tcpdump -q -i br0 -U -s 0 -B 8192 -w "$lab/lan.pcap" 2> "$lab/tcpdump.log" &
  remember $!
  ip netns exec "$net-dhcp" dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 \
    --interface=eth0 --bind-interfaces --no-ping --dhcp-authoritative --log-dhcp --log-facility=- \
    --dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0,1h --dhcp-leasefile="$lab/leases" \
    --dhcp-option=3 --dhcp-option=6 --pid-file= > "$lab/dnsmasq.log" 2>&1 &
  remember $!
}

# net_host NAME ADDRESS: plug a namespace into the bridge
net_host() {
  ip -n "$net-lan" link add "$1" type veth peer name eth0 netns "$net-$1"
  ip -n "$net-lan" link set "$1" master br0 up
  ip -n "$net-$1" address add "$2/24" dev eth0
  ip -n "$net-$1" link set eth0 up
}

# net_tap NAME: a port of the bridge for a rig
net_tap() {
  ip -n "$net-lan" tuntap add "$1" mode tap
  ip -n "$net-lan" link set "$1" master br0 up
}

net_down() {
  local name
  for name in lan srv dhcp; do
    ip netns delete "$net-$name" 2>/dev/null || true
  done
}
