#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What main() does: exit statuses, where things are printed, and output that
# cannot be written.
set -uo pipefail

xk=${abs_top_builddir:-$PWD}/xk
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XK_STATE_DIR=$work/state
unset XK_HYPERVISOR
cd "$work" || exit 1
failures=0

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# expect STATUS OUT ERR COMMAND...: patterns of the shell for what is printed.
expect() {
    local status=$1 out=$2 err=$3 got_status got_out got_err
    shift 3
    got_out=$("$@" 2>err)
    got_status=$?
    got_err=$(cat err)
    # shellcheck disable=SC2053 # they are patterns
    [[ $got_status == "$status" && $got_out == $out && $got_err == $err ]] ||
        fail "$*: $got_status, out \"$got_out\", err \"$got_err\""
}

printf 'name = "web"\ntype = "hvm"\nmemory = 64\n' >good.cfg
printf 'name = "web"\nmemory = \n' >bad.cfg

expect 0 'xk [0-9]*' '' "$xk" --version
expect 0 '{"version":"[0-9]*"}' '' "$xk" --version --json
expect 0 'Usage: xk *' '' "$xk" --help
expect 0 'Usage: xk list *' '' "$xk" list -h
expect 0 '{"options":*}' '' "$xk" help --json
expect 2 '' 'xk: error: no verb given*' "$xk"
expect 2 '' 'xk: error: no verb "x"*' "$xk" x
expect 2 '' '{"error":{"code":2,"kind":"usage","message":"no verb \\"x\\"*"}}' \
    "$xk" x --json
expect 6 '' 'xk: error: option -V of "create"*' "$xk" create -V good.cfg
expect 0 'good.cfg: ok' '' "$xk" check good.cfg
expect 2 'bad.cfg:[23]:*: error: *good.cfg: ok' 'xk: error: 1 of 2 files*' \
    "$xk" check bad.cfg good.cfg
expect 2 '{"files":*}' '{"error":*}' "$xk" check --json bad.cfg
expect 2 '' '*bad.cfg:[23]:*' "$xk" create bad.cfg
expect 2 '' '{"error":*"problems":*}' "$xk" create --json bad.cfg
expect 2 '' '*nosuch.cfg*' "$xk" create nosuch.cfg
expect 2 '' '*XK_HYPERVISOR*' env XK_HYPERVISOR=bhyve "$xk" list
expect 0 'version=*' '' "$xk" capabilities
[ "$("$xk" help check)" = "$("$xk" check --help)" ] || fail "two helps differ"

[ "$("$xk" help | wc -l)" -gt 20 ] || fail "help is short"
# ended STATUS WANTED PATTERN: how the last command ended, and what it said.
ended() {
    if [ "$1" != "$2" ] || ! grep -q "$3" err; then
        fail "exit status $1, not $2 with \"$3\": $(cat err)"
    fi
}

"$xk" help >/dev/full 2>err
ended $? 1 'No space left'
"$xk" help >&- 2>err
ended $? 1 'standard output'
"$xk" --json help >/dev/full 2>err
ended $? 1 '^{"error":{"code":1,"kind":"system"'
# The reader is gone for certain once it has closed the FIFO.
mkfifo fifo
exec 7<>fifo
exec 8>fifo
exec 7<&-
"$xk" help >&8 2>err
ended $? 1 'Broken pipe'
exec 8>&-
"$xk" check good.cfg <&- >out 2>&1 || fail "a closed stdin"
[ "$(cat out)" = "good.cfg: ok" ] || fail "closed stdin: $(cat out)"
"$xk" check good.cfg 2>&- >out || fail "a closed stderr"
"$xk" x 2>&- >out
status=$?
[ "$status:$(cat out)" = "2:" ] || fail "without stderr: $status, $(cat out)"
[ "$failures" = 0 ]
