#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# passt does not start on a host without a default route, even if every address
# of the guest's network is given on its command line and nothing has to be
# copied from the host. It starts as soon as there is a default route, whose
# gateway need not answer.
#
# Seen with Debian 12's 0.0~git20230309.7c7625d-1:
#
#   an address, no default route   No external routable interface for IPv4
#   the same, and a default route  waits for its peer
#
# Needs root, network namespaces with TAPs, and the Debian archive; without them
# it ends with 77. It ends with 1 where something else is seen.
set -euo pipefail

version=0.0~git20230309.7c7625d-1
work=$(mktemp -d "${TMPDIR:-/tmp}/finding-XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

skip() {
    echo "$1"
    exit 77
}
[ "$(id -u)" = 0 ] || skip "this needs root"
unshare -n ip tuntap add tap0 mode tap 2>/dev/null ||
    skip "no network namespaces with TAPs here"
(cd "$work" && apt-get -qq download "passt=$version" 2>/dev/null) ||
    skip "passt $version cannot be had here"
dpkg-deb -x "$work"/passt_*.deb "$work/root"
install -d -o nobody "$work/run"

cat >"$work/try" <<'END'
set -e
work=$1
ip link set lo up
ip tuntap add tap0 mode tap
ip link set tap0 up
ip addr add 192.0.2.5/24 dev tap0
[ "$2" = isolated ] || ip route add default via 192.0.2.1
"$work/root/usr/bin/passt" --foreground --socket "$work/run/$2" --ipv4-only \
    --address 10.0.2.15 --netmask 24 --gateway 10.0.2.2 --dns 10.0.2.3 \
    >"$work/$2" 2>&1 &
passt=$!
for ((tries = 0; tries < 100; tries++)); do
    kill -0 $passt 2>/dev/null && [ ! -S "$work/run/$2" ] || break
    sleep 0.1
done
if [ -S "$work/run/$2" ] && kill -0 $passt 2>/dev/null; then
    echo "waits for its peer"
    kill $passt
    wait $passt || :
else
    grep -o "No external routable interface for IPv4" "$work/$2"
fi
END

failed=0
expect() { # HOST LINE
    local got
    got=$(timeout 60 unshare -n bash "$work/try" "$work" "$1") || :
    echo "$1: $got"
    [ "$got" = "$2" ] || { echo "    not: $2"; failed=1; }
}
expect isolated "No external routable interface for IPv4"
expect routed "waits for its peer"
exit $failed
