# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the end-to-end suites share, besides what all suites do. After each case
# everything it made must be gone, so a case that forgets a domain fails too.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/suite.bash
. "$top/tests/suite.bash"
xk=${XK:-${abs_top_builddir:-$top}/xk}
PATH=$PATH:/usr/sbin:/sbin

need qemu-system-x86_64
need jq
[ -x "$xk" ] || { echo "$xk is not built"; exit 99; }

scratch=$(mktemp -d "${TMPDIR:-/tmp}/xk-e2e-XXXXXX")
chmod 755 "$scratch"
export XK_STATE_DIR=$scratch/state

# ---- what is there ----

# The processes of this suite's domains: QEMU, the monitor, its workers, and
# each xk. They have the state directory in their environment or work in it.
own_processes() {
    local pid
    {
        grep -lasF "XK_STATE_DIR=$scratch" /proc/[0-9]*/environ || :
        find /proc/[0-9]* -maxdepth 1 -name cwd -lname "$scratch/*" \
            2>/dev/null || :
    } | cut -d/ -f3 | sort -un | while read -r pid; do
        # This shell's own children say so too.
        case $(readlink "/proc/$pid/exe" 2>/dev/null || :) in
        */qemu-system-* | */xk) echo "$pid" ;;
        esac
    done
}

describe() {
    local pid
    for pid in $(own_processes); do
        tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | head -c 100
        echo
    done
}

# The QEMUs of the state directory XK_STATE_DIR.
own_qemus() {
    find /proc/[0-9]* -maxdepth 1 -name cwd -lname "$XK_STATE_DIR/*" \
        2>/dev/null | cut -d/ -f3
}

monitor_pid() {
    local pid
    pid=$(cat "$XK_STATE_DIR/monitor.lock" 2>/dev/null) || return 0
    if [ -n "$pid" ] &&
        tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q monitor; then
        echo "$pid"
    fi
}

no_processes() { [ -z "$(own_processes)" ]; }

# Nothing of any domain is left but the state directory itself: no process (the
# monitor takes a moment to see that it is not needed), record, socket or tap.
nothing_left() {
    local left
    eventually 20 no_processes || die "still running: $(describe)"
    left=$(ls -A "$XK_STATE_DIR/domains" 2>/dev/null) || :
    [ -z "$left" ] || die "records are left: $left"
    left=$(find "$XK_STATE_DIR" \( -type s -o -type p \) 2>/dev/null) || :
    [ -z "$left" ] || die "left in the file system: $left"
    left=$(find "$XK_STATE_DIR" -mindepth 1 -maxdepth 1 ! -name domains \
        ! -name lib ! -name lock ! -name monitor.lock ! -name monitor.log \
        2>/dev/null) || :
    [ -z "$left" ] || die "not known to this test: $left"
}
after_case() { nothing_left; }

# The network devices: by netlink, because /sys shows another namespace's.
network_devices() { ip -o link | awk -F': ' '{ printf "%s ", $2 }'; }

# A port of 127.0.0.1 that nobody listens on.
free_port() {
    local port
    for port in $(shuf -i 20000-50000 -n 20); do
        if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

# in_own_network CASE: the suite runs it, given --in-own-network, in a network
# namespace of its own, so that the host's network is not touched.
in_own_network() {
    if [ "$(id -u)" != 0 ] || [ ! -c /dev/net/tun ]; then
        echo "# needs root and /dev/net/tun"
        return
    fi
    unshare -n "$0" --in-own-network "$1" || die "inside: see above"
}

# ---- ends ----

# End what this suite started and nothing else.
sweep() {
    local pid
    for pid in $(jobs -p) $(own_processes); do
        kill -CONT "$pid" 2>/dev/null
        kill -9 "$pid" 2>/dev/null
    done
    "$xk" --timeout 20 list >/dev/null 2>&1 # it undoes the rest
    for pid in $(own_processes); do
        kill -9 "$pid" 2>/dev/null
    done
    rm -rf "$XK_STATE_DIR"
}

cleanup() {
    sweep
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# ---- domains ----

# has FILTER: the last output is JSON of which it is true.
has() {
    printf '%s' "$out" | jq -e "$1" >/dev/null || die "not $1: $out"
}

jq_list() { "$xk" list --json 2>/dev/null | jq -r "$1" 2>/dev/null; }
field_of() { jq_list ".[] | select(.name == \"$1\") | .$2"; }
uuid_of() { field_of "$1" uuid; }
state_of() { field_of "$1" state; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }
is_gone() { [ -z "$(uuid_of "$1")" ]; }
domains_are() { [ "$(jq_list length)" = "$1" ]; }
no_record() { [ -z "$(ls -A "$XK_STATE_DIR/domains")" ]; }

# ---- consoles ----

# No verb is run for these, lest it do what a test waits for.
record_of() {
    local record
    for record in "$XK_STATE_DIR"/domains/*; do
        if jq -e ".name == \"$1\"" "$record/config.json" >/dev/null 2>&1; then
            echo "$record"
        fi
    done
}

console_log() { echo "$(record_of "$1")/console.log"; }
console_text() { cat "$(console_log "$1")"; }
# First what nobody has gathered yet: it goes to the file, never back.
printed() {
    { memory_text "$1" console; console_text "$1"; } | grep -a -- "$2" >/dev/null
}

# log_memory NAME events|console|qemu: where its QEMU has that log
# (toolstack/kvm/live_log.h).
log_memory() {
    local pid fd
    pid=$(jq .pid "$(record_of "$1")/qemu.json" 2>/dev/null) || return 0
    for fd in "/proc/$pid/fd"/*; do
        if [ "$(readlink "$fd")" = "/memfd:xk-$2 (deleted)" ]; then
            echo "$fd"
            return
        fi
    done
}

memory_text() {
    local fd
    fd=$(log_memory "$1" "$2")
    [ -z "$fd" ] || tr -d '\000' <"$fd" 2>/dev/null || :
}
times_printed() { console_text "$1" 2>/dev/null | grep -ac -- "$2" || :; }
has_printed_times() { [ "$(times_printed "$1" "$2")" -ge "$3" ]; }
has_booted_times() { has_printed_times "$1" "^xk-guest: ready" "$2"; }

# has_grown_or_gone NAME SIZE INODE: the log may go with its domain, and a new
# domain of the name may have another log by then.
has_grown_or_gone() {
    local log
    log=$(console_log "$1")
    [ ! -e "$log" ] || [ "$(stat -c %i "$log")" != "$3" ] ||
        [ "$(stat -c %s "$log")" -gt "$2" ]
}

# type_into NAME LINE: the guest's terminal echoes it, so it has arrived.
type_into() {
    local size inode console
    read -r size inode < <(stat -c '%s %i' "$(console_log "$1")")
    printf '%s\n' "$2" | "$xk" console --history=none "$1" >/dev/null 2>&1 &
    console=$!
    eventually 20 has_grown_or_gone "$1" $((size + ${#2})) "$inode"
    kill "$console" 2>/dev/null || :
    wait "$console" 2>/dev/null || :
}

# do_in_guest NAME poweroff|reboot|crash|hang: the guest says so and does it.
do_in_guest() { type_into "$1" "$(guest_command "$2")"; }
guest_command() {
    # The quotes tell the echo of the line from what it prints.
    printf 'echo xk-guest: "%s"; ' "$1"
    case $1 in
    poweroff | reboot) echo "sync; $1 -f" ;;
    crash) echo "echo c >/proc/sysrq-trigger" ;;
    hang) echo "watchdog -T 2 -t 3600 /dev/watchdog" ;;
    *) die "the guest cannot $1" ;;
    esac
}

# ask_guest NAME COMMAND: what it prints, by the guest's shell.
ask_guest() {
    local before
    before=$(times_printed "$1" '^xk-guest: done')
    type_into "$1" "echo xk-guest: \"begin\"; $2; echo xk-guest: \"done\" \$?"
    eventually 30 has_printed_times "$1" '^xk-guest: done' $((before + 1))
    console_text "$1" | tr -d '\r' |
        awk '/^xk-guest: begin/ { text = ""; next }
            /^xk-guest: done/ { shown = text; next }
            { text = text $0 "\n" } END { printf "%s", shown }'
}

# ---- configurations ----

# A configuration without a guest: the firmware finds nothing to boot.
stub_config() {
    printf 'name = "%s"\ntype = "hvm"\nmemory = 64\n' "$1"
    shift
    [ $# = 0 ] || printf '%s\n' "$@"
}

# boot_sector FILE BYTE...: a disk whose first sector is that program. The
# firmware runs it within a second.
boot_sector() {
    local file=$1
    shift
    truncate -s 1M "$file"
    printf '%b' "$(printf '\\x%s' "$@")" |
        dd of="$file" conv=notrunc status=none
    printf '\x55\xaa' | dd of="$file" bs=1 seek=510 conv=notrunc status=none
}

# A guest that says to the panic device that it has crashed:
# mov al,1; mov dx,0x505; out dx,al; hlt; jmp -3.
panic_sector() { boot_sector "$1" b0 01 ba 05 05 ee f4 eb fd; }

# linux_config NAME WORDS [LINE...]: the Linux guest, with more words for its
# kernel and more lines.
linux_config() {
    local name=$1 words=$2
    shift 2
    cat <<CFG
name = "$name"
type = "pvh"
kernel = "$guest/vmlinux"
ramdisk = "$guest/initrd"
extra = "console=hvc0 quiet $words"
memory = 192
CFG
    [ $# = 0 ] || printf '%s\n' "$@"
}

make_guest() {
    guest=$("$top/examples/make-guest") || { echo "no guest"; exit 99; }
}

# boot NAME WORDS [LINE...]: until its shell is there.
boot() {
    linux_config "$@" >"$scratch/$1.cfg"
    status 0 "$xk" create -q "$scratch/$1.cfg"
    eventually 90 has_booted_times "$1" 1
}
