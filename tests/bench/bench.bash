# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What benches in a dom0 share: a guest "bench" of make-root's root file system,
# whose shell does what it is told, and others like it. A script sets $work, a
# folder of its own, before it sources this.

guest=$(/src/examples/make-guest)
/src/tests/lab/make-root "${work:?}/root.raw" >/dev/null

console_log() { echo "/var/log/xen/console/guest-$1.log"; }
log=$(console_log bench)

# bench_config TYPE [GUEST]: all but the devices. The root is on xvda, for "bench"
# from $work/root.raw.
bench_config() {
    cat <<CFG
name = "${2:-bench}"
type = "$1"
kernel = "$guest/vmlinuz"
ramdisk = "$guest/initrd"
extra = "console=hvc0 quiet root=/dev/xvda"
memory = 256
vcpus = 1
tsc_mode = "native"
CFG
}

await() { # TEXT [GUEST]: the guest prints it
    local tries log
    log=$(console_log "${2:-bench}")
    for ((tries = 0; tries < 1200; tries++)); do
        ! grep -aq -- "$1" "$log" 2>/dev/null || return 0
        sleep 0.2
    done
    echo "never printed: $1" >&2
    tail -n 20 "$log" >&2
    exit 1
}

in_guest() { # LINE for its shell [GUEST]
    printf '%s\n' "$1" |
        timeout 5 xk console --history=none "${2:-bench}" >/dev/null ||
        [ $? = 124 ]
}

# Seconds of processor time that dom0 has used.
dom0_cpu() { xl list 0 | awk 'NR == 2 { print $NF }'; }

# median FILE COLUMN
median() { sort -n "$1" | awk -v c="$2" '{ a[NR] = $c } END { print a[int((NR + 1) / 2)] }'; }
