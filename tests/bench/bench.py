#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compare xk with bare QEMU, alternating in one run; see docs/bench.md.

bench.py XK [ROUNDS]: run as any user, root or not, without other load.
"""
import json
import os
import re
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
os.environ["XK_STATE_DIR"] = os.path.join(SCRATCH, "state")


def xk(*words):
    return subprocess.run([XK, *words], check=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True).stdout


def timed(call, *words):
    begin = time.perf_counter()
    call(*words)
    return (time.perf_counter() - begin) * 1000


def config(name, more=""):
    path = os.path.join(SCRATCH, name + ".cfg")
    with open(path, "w") as file:
        file.write(f'name = "{name}"\ntype = "hvm"\nmemory = 128\n{more}\n')
    return path


def own_qemu():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd").startswith(SCRATCH):
                return int(pid)
        except OSError:
            pass
    raise RuntimeError("no QEMU of ours")


class Bare:
    """QEMU with the arguments that xk uses, and the same descriptors."""

    def __init__(self, pid, descriptors):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            self.argv = file.read().split(b"\0")[:-1]
        text = b" ".join(self.argv).decode()
        self.descriptors = descriptors
        self.folder = os.path.join(SCRATCH, "bare")
        os.makedirs(self.folder, exist_ok=True)
        for name in re.findall(r"pipe,id=\w+,path=([\w.]+)", text):
            for end in (".in", ".out"):
                path = os.path.join(self.folder, name + end)
                if os.path.exists(path):
                    continue
                if end == ".in":
                    os.mkfifo(path)
                else:
                    os.symlink("/dev/null", path)

    def open_all(self, listener, events):
        opened = {}
        for row in self.descriptors:
            kind, _, name = row["what"].partition(" ")
            path = os.path.join(self.folder, name)
            opened[row["number"]] = {
                "image": lambda: os.open(name, os.O_RDWR),
                "log": lambda: os.open(path, os.O_WRONLY | os.O_APPEND
                                       | os.O_CREAT, 0o600),
                "event": lambda: os.dup(events.fileno()),
                "socket": lambda: os.dup(listener.fileno()),
            }[kind]()
        return opened

    def start(self):
        """Return the milliseconds until QMP is ready, and the process."""
        path = os.path.join(self.folder, "qmp.sock")
        if os.path.exists(path):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        ours, theirs = socket.socketpair()
        opened = self.open_all(listener, theirs)
        high = {fd: os.dup2(have, 300 + fd) for fd, have in opened.items()}
        begin = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            os.chdir(self.folder)
            null = os.open("/dev/null", os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(null, 1)
            os.dup2(os.open("stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
                    2)
            for fd, have in high.items():
                os.dup2(have, fd, inheritable=True)
            os.execv(self.argv[0], self.argv)
        theirs.close()
        for fd in list(high.values()) + list(opened.values()):
            os.close(fd)
        with ours.makefile("rw") as peer:
            if not peer.readline():
                with open(os.path.join(self.folder, "stderr")) as file:
                    raise RuntimeError("bare QEMU: " + file.read())
            peer.write('{"execute": "qmp_capabilities"}\n')
            peer.flush()
            peer.readline()
        took = (time.perf_counter() - begin) * 1000
        listener.close()
        ours.close()
        return took, pid


def stop_bare(pid):
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)


def row(what, ours, theirs, target):
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    print(f"| {what} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} "
          f"| {target} |")


def create_and_destroy():
    image = os.path.join(SCRATCH, "disk.img")
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    path = config("bench", f"disk = [ 'format=raw,vdev=xvda,target={image}' ]"
                           "\nvif = [ 'type=user' ]")
    plan = json.loads(xk("create", "-n", "--json", path))["run"]
    xk("create", "-qp", path)
    bare = Bare(own_qemu(), plan["descriptors"])
    xk("destroy", "bench")
    creates, destroys, bare_starts, bare_stops = [], [], [], []
    for _ in range(ROUNDS):
        creates.append(timed(xk, "create", "-qp", path))
        destroys.append(timed(xk, "destroy", "bench"))
        took, pid = bare.start()
        bare_starts.append(took)
        bare_stops.append(timed(stop_bare, pid))
    row("xk create -p / bare QEMU until QMP answers, ms", creates, bare_starts,
        "1.3")
    row("xk destroy / bare QEMU teardown, ms", destroys, bare_stops, "2")


def fifty_domains():
    for number in range(50):
        xk("create", "-qp", config(f"d{number}"))
    lists = [timed(xk, "list", "--json") for _ in range(ROUNDS)]
    helps = [timed(xk, "help") for _ in range(ROUNDS)]
    assert len(json.loads(xk("list", "--json"))) == 50
    row("xk list of 50 domains / xk help, ms", lists, helps, "10 ms")
    with open(os.environ["XK_STATE_DIR"] + "/monitor.lock") as file:
        pid = int(file.read())
    with open(f"/proc/{pid}/smaps_rollup") as file:
        sizes = dict(re.findall(r"(\w+):\s+(\d+) kB", file.read()))
    print(f"| monitor of 50 domains, resident KiB (own share KiB) "
          f"| {sizes['Rss']} ({sizes['Pss']}) | | | 4096 |")
    for number in range(50):
        xk("destroy", f"d{number}")


def main():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read()).group(1)
    print(f"{os.cpu_count()} CPUs, {model}; medians of {ROUNDS}\n")
    print("| what | xk | other | ratio | target |\n|---|---|---|---|---|")
    try:
        create_and_destroy()
        fifty_domains()
    finally:
        listed = json.loads(xk("list", "--json"))
        for domain in listed:
            xk("destroy", domain["uuid"])
        shutil.rmtree(SCRATCH, ignore_errors=True)


main()
