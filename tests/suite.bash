# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What suites in shell share. A suite sources this, makes $scratch, defines
# functions, calls `case_ "sentence" function` for each, and ends with `finish`.

set -u
suite=$(basename "$0")
passed=0 failed=0
scratch= # a folder of the suite's own, which it makes and removes

skip_all() { echo "skipped: $*"; exit 77; }
need() { command -v "$1" >/dev/null || skip_all "$1 is not installed"; }

die() { echo "# $*" >&2; exit 1; }

# eventually SECONDS COMMAND...: until it succeeds.
eventually() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { echo "# never: $*" >&2; return 1; }
        sleep "${poll_s:-0.05}"
    done
}

# status WANTED COMMAND...: it must end with that exit status; its output is
# in $out and $err.
status() {
    local wanted=$1 got=0
    shift
    "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || got=$?
    # shellcheck disable=SC2034 # out is for the suite
    out=$(cat "$scratch/out") err=$(cat "$scratch/err")
    [ "$got" = "$wanted" ] || die "exit status $got, not $wanted: $*: $err"
}

# says TEXT: the last error has it.
says() {
    case $err in *"$1"*) ;; *) die "\"$1\" is not in: $err" ;; esac
}

# In the condition of an "if" bash would ignore set -e.
case_() {
    local sentence=$1 begin=$SECONDS
    shift
    (set -e; "$@") >"$scratch/case" 2>&1
    # shellcheck disable=SC2181
    if [ $? = 0 ]; then
        echo "ok - $sentence ($((SECONDS - begin)) s)"
        passed=$((passed + 1))
    else
        echo "not ok - $sentence"
        sed 's/^/    /' "$scratch/case"
        tail -n 5 "${XK_STATE_DIR:-/run/xk}/monitor.log" 2>/dev/null |
            sed 's/^/    monitor: /'
        failed=$((failed + 1))
    fi
}

finish() {
    echo "$suite: $passed passed, $failed failed"
    [ "$failed" = 0 ]
    exit
}
