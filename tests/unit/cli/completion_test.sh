#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bash completes xk's command lines as xk says they go on.
set -uo pipefail

build=${abs_top_builddir:-$PWD}
source_dir=$(cd "${srcdir:-.}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XK_STATE_DIR=$work/state
PATH=$build:$PATH
failures=0
touch "$work/web.cfg" "$work/with blank.cfg"
mkdir "$work/folder"
cd "$work" || exit 1

# shellcheck source=packaging/completion/xk.bash
. "$source_dir/packaging/completion/xk.bash"

# complete_to EXPECTED WORD...: the last word is under the cursor.
complete_to() {
    local expected=$1 got
    shift
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _xk xk "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd' ')
    if [ "$got" != "$expected" ]; then
        printf 'FAIL: %s\n  expected "%s"\n  got      "%s"\n' "$*" \
            "$expected" "$got"
        failures=$((failures + 1))
    fi
}

complete_to "reboot rename reset restore" xk re
complete_to "shutdown" xk --json shu
complete_to "--paused" xk create --p
complete_to "kvm xen" xk --hypervisor ""
complete_to "kvm" xk check --on k
# bash has split these at the equals sign.
complete_to "kvm" xk --hypervisor = k
complete_to "kvm xen" xk --hypervisor =
complete_to "web.cfg" xk create we
complete_to "with blank.cfg" xk check wi
complete_to "web.cfg" xk create --defconfig = we
complete_to "maxvcpus=" xk create web.cfg maxv
complete_to "0 1" xk create web.cfg acpi =
complete_to "1" xk create web.cfg acpi = 1
complete_to "memory=" xk create web.cfg acpi = 1 memo
complete_to "" xk nosuchverb ""
complete_to "" xk pause ""
complete_to "" xk complete ""
[ -d "$XK_STATE_DIR/domains" ] &&
    [ -n "$(ls "$XK_STATE_DIR/domains")" ] && failures=$((failures + 1))
[ "$failures" = 0 ]
