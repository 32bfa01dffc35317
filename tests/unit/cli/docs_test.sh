#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every verb, every option and every key is in its manual page, and the pages
# are well-formed.
set -euo pipefail

build=${abs_top_builddir:-$PWD}
source=${srcdir:-.}
xk=$build/xk
failures=0

page() {
    local path
    for path in "$build/$1" "$source/$1"; do
        [ -f "$path" ] && echo "$path" && return
    done
    echo "no $1: pod2man is not installed" >&2
    exit 77
}

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# The words of a page, without what is for the typesetter. Titles have quotes,
# also those of one word, which newer versions of pod2man write without.
text() {
    sed -e 's/^\(\.IP\|\.SS\|\.SH\) \([^" ][^ ]*\)/\1 "\2"/' \
        -e 's/\\f\(.\|([A-Z]*\)//g' -e 's/\\-/-/g' -e 's/\\&//g' "$1"
}

xk1=$(text "$(page cli/xk.1)")
cfg5=$(text "$(page toolstack/config/xk.cfg.5)")

has() { # TEXT LINE: a line of the text is, or begins with, that
    grep -qE -- "^(\.IP \"|\.SS \"|\.SH \")?$2" <<<"$1"
}

verbs=$("$xk" help | sed -n '/^Verbs:/,/^$/s/^  \([a-z-]*\) .*/\1/p')
[ "$(wc -w <<<"$verbs")" -ge 18 ] || fail "only these verbs: $verbs"
for verb in $verbs; do
    has "$xk1" "$verb( |\")" || fail "xk(1) has no verb $verb"
    for option in $("$xk" help "$verb" |
        sed -n '/^Options:/,$s/^  *\(-[^ ]*\)\(, \(--[^ =]*\)\)\?.*/\1 \3/p'); do
        section=$(sed -n "/^\.SS \"${verb}[ \"]/,/^\.SS/p" <<<"$xk1")
        grep -qE -- "^\.IP \".*${option%%[=,]*}" <<<"$section" ||
            fail "xk(1) has no option $option of $verb"
    done
done
for option in --json --hypervisor --timeout --help --version --verbose; do
    grep -qE -- "^\.IP \".*$option" <<<"$xk1" || fail "xk(1) has no $option"
done
for hidden in domain-event complete manual; do
    ! has "$xk1" "$hidden( |\")" || fail "xk(1) has the hidden verb $hidden"
done
for status in 0 1 2 3 4 5 6 7 8; do
    has "$xk1" "$status\"" || fail "xk(1) has no exit status $status"
done

keys=$("$xk" config-keys | cut -f1)
[ "$(wc -w <<<"$keys")" -ge 100 ] || fail "only these keys: $keys"
for key in $keys; do
    has "$cfg5" "$key=" || fail "xk.cfg(5) has no key $key"
done

! grep -n '@[A-Z_]*@' <<<"$xk1$cfg5" || fail "a marker was left in a page"
if command -v man >/dev/null; then
    for path in cli/xk.1 toolstack/config/xk.cfg.5; do
        words=$(MANROFFSEQ='' man --warnings=mac,char -l "$(page "$path")" \
            2>&1 >/dev/null | grep -v "can't break line" || true)
        [ -z "$words" ] || fail "$path: $words"
    done
fi
[ "$failures" = 0 ]
