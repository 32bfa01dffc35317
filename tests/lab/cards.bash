# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Helpers of the suites about network cards. Source this after lib.bash.

card() { echo "vif = [ 'backendtype=xk,bridge=xenbr0,mac=00:16:3e:00:0b:$1' ]"; }
serves() { # ADDRESS [PORT]: a page comes from there
    timeout 5 bash -c "exec 3<>/dev/tcp/$1/${2:-80}; printf 'GET / HTTP/1.0\r\n\r\n' >&3
        head -n 1 <&3" | grep -q "200 OK"
}
domid_of() { xk list --json "$1" | jq -r '.[0].domid'; }
record_of() { echo "/run/xk/domains/$(xk list --json "$1" | jq -r '.[0].uuid')"; }
card_of() { echo "$(record_of "$1")/vif-0"; }
backend_of() { jq .pid "$(card_of "$1")/backend.json"; } # the process that serves it
tap_of() { echo "vif$(domid_of "$1").${2:-0}"; }
has_no_tap() { ! ip link show "$1" >/dev/null 2>&1; }
state_is() { [ "$(xk list --json "$1" | jq -r '.[0].state')" = "$2" ]; }
is_not() { # COMMAND NAME PID: it names another process
    local pid
    pid=$("$1" "$2" 2>/dev/null) && [ "$pid" != "$3" ]
}

start() { # NAME TYPE ADDRESS CARD WORDS
    guest_config "$1" "$2" "address=$3/24 httpd $5" "$(card "$4")" \
        >"$scratch/$1.cfg"
    xk create -q "$scratch/$1.cfg"
    eventually 240 xen_printed "$1" "network is up"
}
type_into() { # NAME LINE
    printf '%s\n' "$2" | timeout 5 xk console --history=none "$1" >/dev/null ||
        [ $? = 124 ]
}
