# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What suites in shell share. A suite sources this, makes $scratch, defines
# functions, calls `case_ "sentence" function` for each, and ends with `finish`.
#
# A case runs under `set -e`: its first failing command fails it. Where a suite
# has a function after_case, it is the end of every case; one called sweep is
# run where a case failed, so that the next one finds nothing.
# XK_CASES="function..." runs these cases only. A case that tries one thing at
# many points takes a sample of XK_SAMPLE_S seconds (default 30) of them; of long
# cases that no other needs (turn_case_), every other one runs on a day, the rest
# the day after. XK_SAMPLE_S=0 takes all.

set -u
export XK_SAMPLE_S=${XK_SAMPLE_S:-30}
suite=$(basename "$0")
passed=0 failed=0
scratch= # a folder of the suite's own, which it makes and removes

skip_all() { echo "skipped: $*"; exit 77; }
need() { command -v "$1" >/dev/null || skip_all "$1 is not installed"; }

die() { echo "# $*" >&2; exit 1; }

milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# eventually SECONDS COMMAND...: until it succeeds.
eventually() {
    local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "${EPOCHREALTIME/[.,]/}" -lt "$end" ] || {
            echo "# never: $*" >&2
            return 1
        }
        sleep "${poll_s:-0.05}"
    done
}

# spread COUNT: the numbers from 0 to COUNT - 1, in an order in which the first
# ones lie far apart, however many of them are taken.
spread() {
    local count=$1 size=1 n rest at bit
    while [ "$size" -lt "$count" ]; do size=$((size * 2)); done
    for ((n = 0; n < size; n++)); do
        at=0 rest=$n
        for ((bit = size / 2; bit > 0; bit /= 2, rest /= 2)); do
            at=$((at + rest % 2 * bit))
        done
        [ "$at" -ge "$count" ] || echo "$at"
    done
}

# sample COUNT COMMAND...: run COMMAND with each number from 0 to COUNT - 1 as
# its last argument, until the time is up, but five times at least.
sample() {
    local count=$1 taken=0 begin=$SECONDS k
    shift
    for k in $(spread "$count"); do
        [ "$taken" -lt 5 ] || [ "$XK_SAMPLE_S" = 0 ] ||
            [ $((SECONDS - begin)) -lt "$XK_SAMPLE_S" ] || break
        "$@" "$k"
        taken=$((taken + 1))
    done
    echo "# $taken of $count points"
}

# status WANTED COMMAND...: it must end with that exit status; its output is
# in $out and $err.
status() {
    local wanted=$1 got=0
    shift
    "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || got=$?
    # shellcheck disable=SC2034 # out is for the suite
    out=$(tr -d '\0' <"$scratch/out") err=$(tr -d '\0' <"$scratch/err")
    [ "$got" = "$wanted" ] || die "exit status $got, not $wanted: $*: $err"
}

# says TEXT: the last error has it.
says() {
    case $err in *"$1"*) ;; *) die "\"$1\" is not in: $err" ;; esac
}

# journal_of NAME: where the journal of a domain is.
journal_of() {
    echo "${XK_STATE_DIR:-/run/xk}/domains/$("${xk:-xk}" list --json |
        jq -r ".[] | select(.name == \"$1\").uuid")/journal"
}

# none_unfinished: no journal has an operation without an end. A worker of the
# monitor may recover at the same time as a verb; until it is done, list does
# not show a domain that was half made, and shows one that is being ended.
none_unfinished() {
    local journal last
    for journal in "${XK_STATE_DIR:-/run/xk}"/domains/*/journal; do
        last=$(grep -ahoE '"kind":"(begin|end)"' "$journal" 2>/dev/null |
            tail -n 1) || :
        [ "$last" != '"kind":"begin"' ] || return 1
    done
}

# lengthen_journal NAME: as after hundreds of renames or of reboots.
lengthen_journal() {
    local journal n
    journal=$(journal_of "$1")
    for ((n = 0; n < 10; n++)); do
        status 0 "${xk:-xk}" rename "$1" "$1-$n"
        status 0 "${xk:-xk}" rename "$1-$n" "$1"
    done
    while [ "$(stat -c %s "$journal")" -le 66000 ]; do
        cat "$journal" "$journal" >"$scratch/twice"
        cat "$scratch/twice" >"$journal"
    done
}

is_function() { declare -F "$1" >/dev/null; }

# In the condition of an "if" bash would ignore set -e.
run_case() {
    set -eE
    trap 'echo "# failed: $BASH_COMMAND (line $LINENO)" >&2' ERR
    "$@"
    ! is_function after_case || after_case
}

case_() {
    local sentence=$1 begin result
    shift
    case " ${XK_CASES:-$1} " in *" $1 "*) ;; *) return 0 ;; esac
    begin=$(milliseconds)
    (run_case "$@") >"$scratch/case" 2>&1
    result=$?
    if [ "$result" = 0 ]; then
        echo "ok - $sentence ($(($(milliseconds) - begin)) ms)"
        sed -n 's/^# /    # /p' "$scratch/case"
        passed=$((passed + 1))
    else
        echo "not ok - $sentence"
        sed 's/^/    /' "$scratch/case"
        tail -n 5 "${XK_STATE_DIR:-/run/xk}/monitor.log" 2>/dev/null |
            sed 's/^/    monitor: /'
        failed=$((failed + 1))
        ! is_function sweep || sweep
    fi
}

turns=0
turn_case_() {
    turns=$((turns + 1))
    if [ -z "${XK_CASES-}" ] && [ "$XK_SAMPLE_S" != 0 ] &&
        [ $(((turns + $(date +%s) / 86400) % 2)) = 0 ]; then
        echo "# it is not the turn of: $1"
    else
        case_ "$@"
    fi
}

finish() {
    echo "$suite: $passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
    exit
}
