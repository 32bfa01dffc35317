#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The downtime of an idle guest that is moved by xk and by two bare QEMUs,
alternating in one run; see docs/bench.md.

migrate_bench.py XK [ROUNDS]: run without other load.

Measured from the STOP event of one QEMU to the RESUME event of the other, which
share the host's clock.
"""
import json
import os
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

XK = os.path.abspath(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 15
SCRATCH = tempfile.mkdtemp(prefix="xk-bench-")
SIDES = [os.path.join(SCRATCH, side) for side in ("a", "b")]
MEMORY = 256
# jmp $ would keep a processor busy: sti; hlt; jmp back.
IDLE = bytes([0xfb, 0xf4, 0xeb, 0xfc]).ljust(510, b"\0") + b"\x55\xaa"


def xk(side, *words):
    return subprocess.run([XK, *words], check=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True,
                          env=dict(os.environ, XK_STATE_DIR=side)).stdout


def stamp(event):
    return event["timestamp"]["seconds"] * 1000 + \
        event["timestamp"]["microseconds"] / 1000


def last(events, name):
    found = [stamp(e) for e in events if e.get("event") == name]
    return found[-1] if found else None


# ---- by xk ----

def open_events(side):
    domains = os.path.join(side, "domains")
    uuid, = os.listdir(domains)
    return open(os.path.join(domains, uuid, "events.log"), encoding="utf-8")


def read_events(file):
    return [json.loads(line.lstrip("\0")) for line in file
            if line.strip("\0\n")]


def move(here, there):
    with open_events(here) as source:
        begin = time.perf_counter()
        result = json.loads(xk(
            here, "--json", "migrate", "idle", "there", "--transport",
            f"env XK_STATE_DIR={there} {XK} migrate-receive"))
        total = (time.perf_counter() - begin) * 1000
        stopped = last(read_events(source), "STOP")
    with open_events(there) as target:
        resumed = last(read_events(target), "RESUME")
    return resumed - stopped, total, result["downtime_s"] * 1000


# ---- by QEMU alone ----

def accelerator():
    """The accelerator that xk uses here."""
    able = json.loads(xk(SIDES[0], "capabilities", "--json"))
    return "kvm" if able["kvm_acceleration"]["available"] else "tcg"


class Qemu:
    def __init__(self, image, incoming):
        self.path = tempfile.mktemp(dir=SCRATCH)
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-nodefaults", "-no-user-config",
             "-display", "none", "-machine", "q35", "-accel", accelerator(), "-m", str(MEMORY),
             "-device", "VGA", "-drive",
             f"file={image},format=raw,if=virtio",
             "-qmp", f"unix:{self.path},server=on,wait=off"] +
            (["-incoming", "defer"] if incoming else []),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.events = []
        self.stream = self.connect()
        self.stream.readline()
        self.run("qmp_capabilities")

    def connect(self):
        peer = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + 10
        while True:
            try:
                peer.connect(self.path)
                return peer.makefile("rw")
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def run(self, command, **arguments):
        json.dump({"execute": command, "arguments": arguments}, self.stream)
        self.stream.write("\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(answer["error"]["desc"])
            else:
                return answer["return"]

    def wait_for(self, event):
        while last(self.events, event) is None:
            self.events.append(json.loads(self.stream.readline()))
        return last(self.events, event)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def move_bare(image):
    source, target = Qemu(image, False), Qemu(image, True)
    way = tempfile.mktemp(dir=SCRATCH)
    try:
        time.sleep(1)       # let the firmware finish
        target.run("migrate-incoming", uri="unix:" + way)
        source.run("migrate-set-parameters", **{"max-bandwidth": 1 << 50})
        begin = time.perf_counter()
        source.run("migrate", uri="unix:" + way)
        downtime = target.wait_for("RESUME") - source.wait_for("STOP")
        return downtime, (time.perf_counter() - begin) * 1000
    finally:
        source.end()
        target.end()


def end_monitor(side):
    """End the monitor, whose pid is in its lock file."""
    try:
        with open(os.path.join(side, "monitor.lock"), encoding="ascii") as lock:
            pid = int(lock.read())
        monitor = os.pidfd_open(pid)
        signal.pidfd_send_signal(monitor, signal.SIGTERM)
        select.select([monitor], [], [], 10)
    except (OSError, ValueError):
        pass            # it has already ended


def main():
    image = os.path.join(SCRATCH, "idle.img")
    with open(image, "wb") as file:
        file.write(IDLE.ljust(1 << 20, b"\0"))
    with open(os.path.join(SCRATCH, "idle.cfg"), "w") as file:
        file.write(f'name = "idle"\ntype = "hvm"\nmemory = {MEMORY}\n'
                   f'disk = [ "format=raw,vdev=xvda,access=rw,target={image}" '
                   "]\n")
    for side in SIDES:
        os.mkdir(side, 0o700)
    ours, theirs = [], []
    xk(SIDES[0], "create", "-q", file.name)
    time.sleep(1)
    here, there = SIDES
    for _ in range(ROUNDS):
        ours.append(move(here, there))
        here, there = there, here
        copy = image + ".copy"
        shutil.copy(image, copy)
        theirs.append(move_bare(copy))
    for which, text in ((0, "stands still"), (1, "move takes")):
        a = statistics.median(row[which] for row in ours)
        b = statistics.median(row[which] for row in theirs)
        print(f"| idle {MEMORY} MiB guest {text}: xk migrate / QEMU alone, ms "
              f"| {a:.1f} | {b:.1f} | +{a - b:.1f} | "
              f"{'+20 ms' if which == 0 else ''} |")
    told = statistics.median(row[2] for row in ours)
    print(f"| the same as xk migrate tells it, ms | {told:.1f} | | | |")


try:
    main()
finally:
    for side in SIDES:
        subprocess.run([XK, "destroy", "idle"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL,
                       env=dict(os.environ, XK_STATE_DIR=side), check=False)
        end_monitor(side)
    shutil.rmtree(SCRATCH, ignore_errors=True)
