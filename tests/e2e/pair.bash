# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Two hosts, which are two state directories on this host, and a domain "moved"
# that is moved between them. Source this after lib.bash.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$scratch/target
mkdir -m 700 "$target"
relay="python3 $here/relay"

# program NAME STATE-DIRECTORY [IMAGES]: the xk of a host. With IMAGES, it sees
# that folder at $scratch/images, and no other program does.
program() {
    {
        echo '#!/bin/sh'
        if [ $# = 3 ]; then
            echo "exec unshare -m sh -c 'mount --bind $3 $scratch/images &&" \
                "exec env XK_STATE_DIR=$2 $xk \"\$@\"' xk \"\$@\""
        else
            echo "exec env XK_STATE_DIR=$2 $xk \"\$@\""
        fi
    } >"$scratch/xk-$1"
    chmod 755 "$scratch/xk-$1"
}

# two_hosts: both have the same files. two_hosts images: each has its own files,
# in $scratch/source-images and $scratch/target-images.
two_hosts() {
    local with=()
    [ $# = 0 ] || {
        mkdir -p "$scratch"/{images,source-images,target-images}
        with=("$scratch/source-images" "$scratch/target-images")
    }
    program source "$XK_STATE_DIR" ${with:+"${with[0]}"}
    program target "$target" ${with:+"${with[1]}"}
    xk=$scratch/xk-source
    receiver="$scratch/xk-target migrate-receive"
    back="$scratch/xk-source migrate-receive"
}

on_target() { "$scratch/xk-target" "$@"; }

# The processes of both hosts all work below $scratch.
end_hosts() {
    sweep_one
    rm -rf "${target:?}"
    mkdir -m 700 "$target"
}
eval "sweep_one() $(declare -f sweep | tail -n +2)"
sweep() { end_hosts; }

state_of() { # source|target: what "moved" is there, or nothing
    "$scratch/xk-$1" list --json 2>/dev/null |
        jq -r '.[] | select(.name == "moved").state'
}
running() { [ "$(state_of source)" = running ] || [ "$(state_of target)" = running ]; }

# Exactly one copy runs, and nothing else is left.
one_runs() {
    local states
    states="$(state_of source)/$(state_of target)"
    [ "$states" = running/ ] || [ "$states" = /running ]
}

never_two() {
    [ "$(state_of source)/$(state_of target)" != running/running ] || die "both run"
}

no_records() {
    [ -z "$(find "$XK_STATE_DIR/domains" "$target/domains" -mindepth 1 2>/dev/null)" ]
}

end() { "$xk" destroy moved >/dev/null 2>&1 || on_target destroy moved >/dev/null 2>&1 || :; }

put_away() {
    end
    # Each side removes its own copy, in its own time.
    eventually 20 no_records || die "records are left"
    [ -z "$(own_qemus)$(XK_STATE_DIR=$target own_qemus)" ] || die "QEMU is left"
}

after_case() {
    nothing_left
    XK_STATE_DIR=$target nothing_left
}
