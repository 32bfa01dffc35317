# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What the suites about plugs share, on top of lib.bash: an Open vSwitch with a
# port of the host's own in VLAN 10, which guests reach as 10.12.0.1, and ways
# to look.

answers() { busybox ping -c 1 -W 2 "$1" >/dev/null; }
has_no_device() { ! ip link show "$1" >/dev/null 2>&1; }

start_switch() {
    modprobe openvswitch
    /usr/share/openvswitch/scripts/ovs-ctl start --system-id=lab >/dev/null
    ovs-vsctl add-br ovsbr0 -- add-port ovsbr0 vlan10 tag=10 -- \
        set interface vlan10 type=internal
    ip address add 10.12.0.1/24 dev vlan10
    ip link set vlan10 up
}
stop_switch() {
    ovs-vsctl del-br ovsbr0
    /usr/share/openvswitch/scripts/ovs-ctl stop >/dev/null
    ovs-dpctl del-dp ovs-system 2>/dev/null || :
    rm -rf /run/openvswitch
}
has_ports() { [ "$(ovs-vsctl list-ports ovsbr0 | paste -sd' ')" = "$*" ]; }
has_more_ports_than() { [ "$(ovs-vsctl list-ports ovsbr0 | wc -l)" -gt "$1" ]; }

# What a script of the user's own has been told so far.
notes=$scratch/notes
ran() { [ "$(awk '{ print $1 }' "$notes" | paste -sd' ')" = "$*" ]; }

has_route() { ip route get "$1" | grep -q "dev $2 .*src 10.11.0.1 "; }
route_is_gone() { ! ip route | grep -q "^$1 "; }
