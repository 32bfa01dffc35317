# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the end-to-end suites share, besides what all suites do.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/suite.bash
. "$top/tests/suite.bash"
xk=${XK:-${abs_top_builddir:-$top}/xk}
PATH=$PATH:/usr/sbin:/sbin

started=() # pids of this suite's own background programs

need qemu-system-x86_64
need jq
[ -x "$xk" ] || { echo "$xk is not built"; exit 99; }

scratch=$(mktemp -d "${TMPDIR:-/tmp}/xk-e2e-XXXXXX")
chmod 755 "$scratch"
export XK_STATE_DIR=$scratch/state

# End what this suite started and nothing else: domains of its own state
# directory, its monitor, its background programs.
cleanup() {
    local pid uuid
    for uuid in $(jq_list '.[].uuid'); do
        "$xk" --timeout 20 destroy "$uuid" >/dev/null 2>&1
    done
    for pid in "${started[@]}" $(monitor_pid) $(own_qemus); do
        kill -9 "$pid" 2>/dev/null
    done
    rm -rf "$scratch"
}
trap cleanup EXIT

jq_list() { "$xk" list --json 2>/dev/null | jq -r "$1" 2>/dev/null; }

# The QEMUs of this suite carry the state directory in their working directory.
own_qemus() {
    find /proc/[0-9]* -maxdepth 1 -name cwd -lname "$XK_STATE_DIR/*" \
        2>/dev/null | cut -d/ -f3
}

monitor_pid() {
    local pid
    pid=$(cat "$XK_STATE_DIR/monitor.lock" 2>/dev/null) || return 0
    # shellcheck disable=SC2009 # the name has to match as well
    [ -n "$pid" ] && grep -aq monitor "/proc/$pid/cmdline" 2>/dev/null &&
        echo "$pid"
}

state_of() { jq_list ".[] | select(.name == \"$1\") | .state"; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }
domains_are() { [ "$(jq_list length)" = "$1" ]; }
is_gone() { [ -z "$(state_of "$1")" ]; }
uuid_of() { jq_list ".[] | select(.name == \"$1\") | .uuid"; }
console_log() { echo "$XK_STATE_DIR/domains/$(uuid_of "$1")/console.log"; }
printed() { grep -aq -- "$2" "$(console_log "$1")"; }
times_printed() { grep -ac -- "$2" "$(console_log "$1")"; }

# Nothing of any domain is left: no process, no record.
nothing_left() {
    [ -z "$(own_qemus)" ] || die "QEMU is left: $(own_qemus)"
    [ -z "$(ls -A "$XK_STATE_DIR/domains" 2>/dev/null)" ] ||
        die "records are left: $(ls -A "$XK_STATE_DIR/domains")"
}

# A configuration without a guest: SeaBIOS finds nothing to boot.
stub_config() {
    printf 'name = "%s"\ntype = "hvm"\nmemory = 64\n' "$1"
    shift
    [ $# = 0 ] || printf '%s\n' "$@"
}

# A configuration of the Linux guest; further lines follow the words for its
# kernel.
linux_config() {
    local name=$1 words=$2
    shift 2
    cat <<CFG
name = "$name"
type = "pvh"
kernel = "$guest/vmlinuz"
ramdisk = "$guest/initrd"
extra = "console=hvc0 quiet $words"
memory = 192
CFG
    [ $# = 0 ] || printf '%s\n' "$@"
}

make_guest() {
    guest=$("$top/examples/make-guest") || { echo "no guest"; exit 99; }
}
