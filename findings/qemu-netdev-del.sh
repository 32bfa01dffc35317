#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# netdev_del of QEMU, while the card of that network is still there, frees a
# forwarded port in 7.2 and keeps it in 10.0. Both answer with success and both
# forget the name, so that in 10.0 nothing but the end of QEMU frees the port.
# Before netdev_del, hostfwd_remove frees it in both.
#
# Seen with Debian's 1:7.2+dfsg-7+deb12u18+b3 and 1:10.0.13+ds-0+deb13u1:
#
#   7.2   netdev_del: {}, the port is free
#   10.0  netdev_del: {}, the port is taken
#         hostfwd_remove after it: unrecognized netdev id 'net0'
#   both  hostfwd_remove, then netdev_del: the port is free
#
# Needs mmdebstrap, python3 and the Debian archive; without them it ends with
# 77. It ends with 1 where something else is seen.
set -euo pipefail

versions="bookworm=1:7.2+dfsg-7+deb12u18+b3 trixie=1:10.0.13+ds-0+deb13u1"
work=$(mktemp -d "${TMPDIR:-/tmp}/finding-XXXXXX")
trap 'rm -rf "$work"' EXIT

install() { # RELEASE VERSION: only unpacked
    mmdebstrap --quiet --variant=extract --mode=chrootless \
        --aptopt='APT::Install-Recommends "0"' \
        --include="qemu-system-x86=$2,seabios" "$1" "$work/$1" </dev/null
}

for each in $versions; do
    install "${each%%=*}" "${each#*=}" || {
        echo "$each cannot be installed here"
        exit 77
    }
done

cat >"$work/ask.py" <<'END'
import json, os, socket, subprocess, sys

root, remove_first = sys.argv[1], sys.argv[2] == "remove-first"
lib = root + "/usr/lib/x86_64-linux-gnu"

def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]

def is_free():
    try:
        socket.create_server(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False

def ask(command, **arguments):
    line = json.dumps({"execute": command, "arguments": arguments})
    qemu.stdin.write(line + "\n")
    qemu.stdin.flush()
    while True:
        answer = json.loads(qemu.stdout.readline())
        if "return" in answer or "error" in answer:
            return answer

def remove():
    rule = "hostfwd_remove net0 tcp:127.0.0.1:%d" % port
    answer = ask("human-monitor-command", **{"command-line": rule})
    return answer["return"].strip()

port = free_port()
libraries = ":".join([lib] + [d for d in (root + "/lib/x86_64-linux-gnu",
    lib + "/pulseaudio", lib + "/blas", lib + "/lapack") if os.path.isdir(d)])
loader = lib + "/ld-linux-x86-64.so.2"
if not os.path.exists(loader):
    loader = root + "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
qemu = subprocess.Popen(
    [loader, "--library-path", libraries, root + "/usr/bin/qemu-system-x86_64",
     "-L", root + "/usr/share/qemu", "-L", root + "/usr/share/seabios",
     "-nodefaults", "-display", "none", "-S", "-m", "16", "-qmp", "stdio",
     "-netdev", "user,id=net0,hostfwd=tcp:127.0.0.1:%d-:22" % port,
     "-device", "virtio-net-pci,netdev=net0,romfile="],
    env={"QEMU_MODULE_DIR": lib + "/qemu"},
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
version = json.loads(qemu.stdout.readline())["QMP"]["version"]["qemu"]
ask("qmp_capabilities")
said = ["%d.%d" % (version["major"], version["minor"])]
said.append("taken" if not is_free() else "free")
if remove_first:
    remove()
said.append(json.dumps(ask("netdev_del", id="net0").get("return")))
said.append("free" if is_free() else "taken")
if not is_free():
    said.append(remove())
    said.append("free" if is_free() else "taken")
ask("quit")
qemu.wait()
print(" | ".join(said))
END

failed=0
expect() { # RELEASE ORDER LINE
    local got
    got=$(timeout 60 python3 "$work/ask.py" "$work/$1" "$2")
    echo "$2: $got"
    [ "$got" = "$3" ] || { echo "    not: $3"; failed=1; }
}
expect bookworm delete "7.2 | taken | {} | free"
expect trixie delete \
    "10.0 | taken | {} | taken | unrecognized netdev id 'net0' | taken"
expect bookworm remove-first "7.2 | taken | {} | free"
expect trixie remove-first "10.0 | taken | {} | free"
exit $failed
