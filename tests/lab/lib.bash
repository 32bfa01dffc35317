# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Helpers of the suites inside a lab host, on top of those of all suites.
# check-suite, outside, has created the files in /share/made. `finish_clean`
# ends a suite with the audit.

# shellcheck source=tests/suite.bash
. "$(dirname "${BASH_SOURCE[0]}")/../suite.bash"
guest=$(/src/examples/make-guest)
made=/share/made
poll_s=0.5 # fork is slow under emulation
scratch=/run/lab.$suite # the audit does not look here
mkdir "$scratch"
audit save "$scratch/before"

# guest_config NAME TYPE WORDS [LINE...]: of Debian's kernel, unpacked unless
# $kernel names another file, because that takes ten seconds under emulation;
# WORDS are more words for it. The native TSC keeps TCG from killing PVH and HVM
# guests.
guest_config() {
    local name=$1 type=$2 words=$3
    shift 3
    cat <<CFG
name = "$name"
type = "$type"
kernel = "$guest/${kernel:-vmlinux}"
ramdisk = "$guest/initrd"
extra = "console=hvc0 quiet $words"
memory = 192
tsc_mode = "native"
CFG
    [ $# = 0 ] || printf '%s\n' "$@"
}

# boot_disk_config NAME [LINE...]: an HVM guest whose BIOS boots a disk with
# the same kernel and the word "ticks". The disk is $scratch/NAME.img.
boot_disk_config() {
    local name=$1
    shift
    cp --sparse=always "$made/boot.img" "$scratch/$name.img"
    cat <<CFG
name = "$name"
type = "hvm"
memory = 192
vcpus = 1
tsc_mode = "native"
hdtype = "ahci"
vga = "none"
disk = [ "format=raw,vdev=hda,target=$scratch/$name.img" ]
CFG
    [ $# = 0 ] || printf '%s\n' "$@"
}

# stub_config NAME [LINE...]: a guest that only halts. Without vcpus, xl gives
# such a small guest too little memory for its page tables.
stub_config() {
    printf 'name = "%s"\ntype = "pvh"\nkernel = "%s"\nmemory = 16\nvcpus = 1\n' \
        "$1" "$made/stub"
    shift
    [ $# = 0 ] || printf '%s\n' "$@"
}

# xenconsoled logs the console of each guest.
xen_console_log() { echo "/var/log/xen/console/guest-$1.log"; }
xen_printed() { grep -aq -- "$2" "$(xen_console_log "$1")" 2>/dev/null; }
xl_state() { xl list "$1" 2>/dev/null | awk 'NR == 2 { print $5 }'; }

# shellcheck disable=SC2120
nothing_leaked() { audit compare "$@" "$scratch/before"; }

# shellcheck disable=SC2120 # some suites pass --except
finish_clean() {
    case_ "nothing leaked" nothing_leaked "$@"
    finish
}
