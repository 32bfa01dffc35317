# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2029
# Helpers of the suites for two hosts. Source this after lib.bash. It runs on
# host1.

# One ssh connection for all commands on the other host: a handshake takes
# seconds under emulation.
meet() { ssh -fNM -S "$scratch/ssh" host2 2>/dev/null; }
meet
there() { ssh -S "$scratch/ssh" host2 "$@"; }
there "mkdir $scratch && audit save $scratch/before"

# serve_here PORT COMMAND: run the command for each connection to the port.
# serve_there does the same on the other host.
serve_here() {
    setsid socat "TCP-LISTEN:$1,fork,reuseaddr" "EXEC:$2,nofork" \
        </dev/null >/dev/null 2>"$scratch/served.$1" &
    echo $! >>"$scratch/servers"
}
serve_there() {
    there "$(declare -f serve_here); scratch=$scratch; serve_here $1 '$2'"
}
# answer_suspends NAME: answer suspend requests on both hosts, for a guest that
# only halts.
answer_suspends() {
    setsid /src/tests/lab/answer-suspend "$1" </dev/null >/dev/null \
        2>"$scratch/answers" &
    echo $! >>"$scratch/servers"
}
answer_suspends_there() {
    there "$(declare -f answer_suspends); scratch=$scratch; answer_suspends $1"
}
end_servers() {
    local end="[ ! -e $scratch/servers ] || kill \$(cat $scratch/servers)"
    eval "$end"
    there "$end"
}
way_to() { echo "socat - TCP:$1:$2,retry=20,interval=0.2"; } # HOST PORT

# finish_both [ARGUMENTS of audit]
finish_both() {
    end_servers
    case_ "nothing leaked on the other host" \
        there audit compare "${@@Q}" "$scratch/before"
    ssh -S "$scratch/ssh" -O exit host2 2>/dev/null
    finish_clean "$@"
}
