#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compare xl and xk, alternating between two Xen hosts: a running PVH guest is
moved there and back, over ssh and over plain TCP, and saved and restored.

  xen_migrate_bench.py [ROUNDS]     on the first of two hosts that ssh joins;
                                    `make bench-xen-migrate` runs it in the lab

Each tool moves its own guest of the same configuration. The downtime is not
what the tool reports: each host asks Xen every few milliseconds whether its
newest domain has suspended to be moved or has been unpaused, and the clocks of
both hosts are compared before. Prints medians.
"""
import functools
import glob
import json
import os
import shlex
import statistics
import subprocess
import sys
import time

PORTS = {"xk": 7011, "xl": 7012}
LOOK_S = 0.005
LIMIT_S = 300
SSH = ["ssh", "-S", "/run/bench.ssh", "host2"]

for folder in glob.glob("/usr/lib/xen-*/lib/python"):
    sys.path.append(folder)
from xen.lowlevel.xc import xc as open_xc       # noqa: E402

SUSPENDED = 2       # SHUTDOWN_suspend, xen/include/public/sched.h


# ---- the agent on both hosts ----

def newest(xc, known):
    found = [d for d in xc.domain_getinfo() if d["domid"] > known]
    return max(found, key=lambda d: d["domid"]) if found else None


def await_stop(xc, domid):
    """Return the time at which the domain has suspended to be moved."""
    while True:
        info, = xc.domain_getinfo(domid, 1) or [{"domid": -1}]
        if info["domid"] != domid or (
                info["shutdown"] and info["shutdown_reason"] == SUSPENDED):
            return time.time()
        time.sleep(LOOK_S)


def await_start(xc, known):
    """Return the time at which a new domain runs."""
    while True:
        info = newest(xc, known)
        if info and not info["paused"]:
            return time.time()
        time.sleep(LOOK_S)


def agent():
    """Answer the bench on standard input and output, one line each."""
    xc = open_xc()
    for line in sys.stdin:
        verb, *words = line.split()
        if verb == "clock":
            answer = time.time()
        elif verb == "last":
            answer = (newest(xc, 0) or {"domid": 0})["domid"]
        else:
            wait = {"start": await_start, "stop": await_stop}[verb]
            print("ready", flush=True)
            answer = wait(xc, int(words[0]))
        print(json.dumps(answer), flush=True)


class Agent:
    def __init__(self, prefix):
        self.process = subprocess.Popen(
            prefix + ["python3", os.path.abspath(__file__), "--agent"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.process.stdin.flush()

    def hear(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, *words):
        self.say(*words)
        return self.hear()

    def wait_for(self, what, domid):
        self.say(what, domid)
        assert self.process.stdout.readline() == "ready\n"

    def ahead_s(self):
        """How far its clock is ahead of ours, by the fastest round trip."""
        best = (LIMIT_S, 0)
        for _ in range(20):
            begin = time.time()
            clock = self.ask("clock")
            end = time.time()
            best = min(best, (end - begin, clock - (begin + end) / 2))
        return best[1]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


# ---- the bench ----

def run(argv):
    """Write its output to a file: xl leaves a process that keeps pipes open."""
    begin = time.monotonic()
    with open("/run/bench.out", "w+", encoding="utf-8") as out:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out,
                              stderr=subprocess.STDOUT, timeout=LIMIT_S,
                              check=False)
        took = time.monotonic() - begin
        if done.returncode:
            out.seek(0)
            sys.exit(f"{' '.join(argv)}: {done.returncode}: {out.read()}")
    return took


def quoted(prefix, argv):
    """ssh passes one line to a shell."""
    return prefix + [shlex.quote(word) if prefix else word for word in argv]


def serve(prefix):
    """Start the receiver of the tool for each connection."""
    return [subprocess.Popen(
        quoted(prefix, ["socat", f"TCP-LISTEN:{port},fork,reuseaddr",
                        f"EXEC:{tool} migrate-receive,nofork"]),
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for tool, port in PORTS.items()]


def migrate_argv(tool, way, to):
    if way == "ssh":
        return [tool, "migrate", tool, to]
    plain = f"socat - TCP:{to}:{PORTS[tool]}"
    if tool == "xk":
        return ["xk", "migrate", "xk", to, "--transport", plain]
    return ["xl", "migrate", "-s", "", "xl", plain]


class Move:
    """Move one guest to the other host."""

    def __init__(self, hosts):
        self.hosts = hosts      # {name: (prefix, agent)}
        self.at = {"xk": "host1", "xl": "host1"}
        self.domids = {}

    def domid(self, tool, host):
        prefix, _ = self.hosts[host]
        done = subprocess.run(prefix + ["xl", "domid", tool], check=True,
                              capture_output=True, text=True)
        return int(done.stdout)

    def __call__(self, way, tool):
        here = self.at[tool]
        there = "host2" if here == "host1" else "host1"
        (prefix, source), (_, target) = self.hosts[here], self.hosts[there]
        source.wait_for("stop", self.domid(tool, here))
        target.wait_for("start", target.ask("last"))
        argv = migrate_argv(tool, way, there)
        took = run(quoted(prefix, argv))
        stood = (target.hear() - target.ahead_s()) - \
            (source.hear() - source.ahead_s())
        self.at[tool] = there
        return took, stood


def by_turns(rounds, measure):
    """Return {tool: [durations]}."""
    found = {"xk": [], "xl": []}
    for _ in range(rounds):
        for tool, rows in found.items():
            rows.append(measure(tool))
    return found


def show(what, found, column, target, unit=1):
    xk, xl = (statistics.median(row[column] for row in found[tool]) * unit
              for tool in ("xk", "xl"))
    print(f"| {what} | {xk:.2f} | {xl:.2f} | {xk / xl:.2f} | {target} |",
          flush=True)


def save_and_restore(tool):
    file = f"/tmp/{tool}.save"
    saved = run([tool, "save", tool, file])
    restored = run([tool, "restore", file])
    os.unlink(file)
    return saved, restored


def guest_is_up(tool):
    with open(f"/var/log/xen/console/guest-{tool}.log", "rb") as log:
        return b"tick 3" in log.read()


def write_config(tool):
    guest = subprocess.run(["/src/examples/make-guest"], check=True, text=True,
                           capture_output=True).stdout.strip()
    path = f"/run/{tool}.cfg"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'name = "{tool}"\ntype = "pvh"\nmemory = 192\nvcpus = 1\n'
                   f'kernel = "{guest}/vmlinuz"\nramdisk = "{guest}/initrd"\n'
                   'extra = "console=hvc0 quiet ticks"\n'
                   'tsc_mode = "native"\n')
    return path


def make_guests():
    for tool in ("xk", "xl"):
        run([tool, "create", "-q", write_config(tool)])
        end = time.monotonic() + LIMIT_S
        while not guest_is_up(tool):
            if time.monotonic() > end:
                sys.exit(f"the guest of {tool} does not boot")
            time.sleep(1)


def bench(rounds):
    make_guests()
    print("| PVH guest, s | xk | xl | ratio | target |")
    print("|---|---|---|---|---|")
    found = by_turns(rounds, save_and_restore)
    show("save", found, 0, "1.0")
    show("restore", found, 1, "1.0")
    hosts = {"host1": ([], Agent([])), "host2": (SSH, Agent(SSH))}
    servers = serve([]) + serve(SSH)
    move = Move(hosts)
    for way, count in (("plain TCP", 2 * rounds), ("ssh", rounds)):
        found = by_turns(count, functools.partial(move, way))
        show(f"migrate over {way}", found, 0, "0.6")
        show("of it the guest stands still", found, 1, "1.0")
    for _, each in hosts.values():
        each.end()
    for server in servers:
        server.terminate()


def main():
    if "--agent" in sys.argv:
        agent()
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    subprocess.run(["ssh", "-fNM", "-S", "/run/bench.ssh", "host2"],
                   check=True)
    try:
        bench(rounds)
    finally:
        subprocess.run(SSH[:3] + ["-O", "exit", "host2"], check=False)


main()
