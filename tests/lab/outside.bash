# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# A host beyond the bridge, and a Debian guest that exchanges files with it. The
# host is a network namespace behind a veth that divides and checksums by itself,
# so that tcpdump there sees what a cable would carry. Source this after
# cards.bash.

outside() { ip netns exec outside "$@"; }
make_outside() {
    ip netns add outside
    ip link add wire type veth peer name far netns outside
    ethtool -K wire tx off >/dev/null
    outside ethtool -K far tx off >/dev/null
    outside ip addr add 10.11.0.9/24 dev far
    outside ip addr add fd00::9/64 dev far nodad
    outside ip link set far up
    ip link set wire master xenbr0 up
}
remove_outside() {
    ip link del wire
    ip netns del outside
    umount /run/netns
    rmdir /run/netns
}

# The guest "net" has busybox and ethtool, 10.11.0.60 and fd00::60.
boot_net() { # TYPE VCPUS VIF
    /src/tests/lab/make-root "$scratch/net.raw" >/dev/null
    {
        guest_config net "$1" "root=/dev/xvda"
        printf '%s\n' "vcpus = $2" \
            "disk = [ 'format=raw,vdev=xvda,target=$scratch/net.raw' ]" \
            "vif = [ 'backendtype=xk,bridge=xenbr0,$3' ]"
    } >"$scratch/net.cfg"
    status 0 xk create -q "$scratch/net.cfg"
    eventually 240 xen_printed net "xk-root: mounted"
    dd if=/dev/urandom of="$scratch/blob" bs=1M count=2 status=none
    in_net "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad"
    in_net "busybox ip addr add 10.11.0.60/24 dev eth0"
    in_net "busybox ip addr add fd00::60/64 dev eth0"
    in_net "busybox ip link set eth0 up"
}

# in_net LINE: the guest does it, and it succeeds.
in_net() {
    local mark=${EPOCHREALTIME//[!0-9]/}
    type_into net "$1 && echo done-\$(($mark))-"
    eventually 90 xen_printed net "^done-$mark-" ||
        die "$1: $(tail -n 5 "$(xen_console_log net)")"
}

listens() { outside ss -ltn | grep -q ":$1 "; } # PORT

# A file comes to the guest and back from there, whole.
there_and_back() { # ADDRESS: of the host outside
    local server collector
    outside timeout 120 socat -u "OPEN:$scratch/blob,rdonly" \
        TCP6-LISTEN:9001,reuseaddr,ipv6only=0 &
    server=$!
    outside timeout 120 socat -u TCP6-LISTEN:9002,reuseaddr,ipv6only=0 \
        "CREATE:$scratch/back" &
    collector=$!
    eventually 20 listens 9001
    eventually 20 listens 9002
    in_net "busybox nc $1 9001 </dev/null >/tmp/blob && busybox nc $1 9002 </tmp/blob"
    wait "$server"
    wait "$collector"
    cmp "$scratch/blob" "$scratch/back"
    rm "$scratch/back"
}

# watched COMMAND...: with tcpdump outside, into $scratch/wire.
watched() {
    local watcher
    ip netns exec outside tcpdump -i far -n -e -vv -l --immediate-mode \
        >"$scratch/wire" 2>"$scratch/tcpdump" &
    watcher=$!
    eventually 20 grep -q "listening on far" "$scratch/tcpdump"
    "$@"
    kill "$watcher"
    wait "$watcher" || :
}
# Every checksum on the wire is right, and there were some of each direction.
wire_is_right() { # GUEST_ADDRESS
    local way
    ! grep -q "(incorrect" "$scratch/wire" ||
        die "$(grep -m 3 -B 1 "(incorrect" "$scratch/wire")"
    for way in "$1\.[0-9]* > " " > $1\."; do
        [ "$(grep -c "$way.*(correct)" "$scratch/wire")" -gt 20 ] ||
            die "$way: $(tail -n 6 "$scratch/wire")"
    done
}
