#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compare xl and xk, alternating on one Xen host, with a guest that only halts.

  xen_bench.py STUB [ROUNDS]     in a dom0; `make bench-xen` runs it in the lab

This program starts both by posix_spawn, so that the cost of a shell's fork is
not counted. Prints medians of the wall time and of the program's own CPU time.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MANY = 100

stub = sys.argv[1]
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 9
work = Path(tempfile.mkdtemp(dir="/run"))
programs = {}


def config(name):
    path = work / name
    path.write_text(f'name = "{name}"\ntype = "pvh"\nkernel = "{stub}"\n'
                    "memory = 16\nvcpus = 1\n")
    return str(path)


def find(program):
    if program not in programs:
        programs[program] = subprocess.run(
            ["which", program], check=True, text=True,
            capture_output=True).stdout.strip()
    return programs[program]


def run(*argv):
    """Return its wall time and its CPU time in milliseconds."""
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0)
            for fd in (1, 2)]
    begin = time.monotonic()
    pid = os.posix_spawn(find(argv[0]), argv, os.environ, file_actions=null)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - begin
    if status:
        sys.exit(f"{' '.join(argv)}: status {status}")
    return wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000


def life(tool):
    """Run one domain from create to destroy; return each verb's times."""
    return {
        "create": run(tool, "create", "-q", config(tool)),
        "pause": run(tool, "pause", tool),
        "unpause": run(tool, "unpause", tool),
        "destroy": run(tool, "destroy", tool),
    }


def by_turns(measure):
    """Return {verb: {tool: [(wall, cpu), ...]}} of all rounds."""
    times = {}
    for _ in range(rounds):
        for tool in ("xk", "xl"):
            for verb, took in measure(tool).items():
                times.setdefault(verb, {}).setdefault(tool, []).append(took)
    return times


def show(what, times, target):
    wall, cpu = ({tool: statistics.median(t[i] for t in times[tool])
                  for tool in times} for i in (0, 1))
    print(f"| {what} | {wall['xk']:.1f} ({cpu['xk']:.1f}) "
          f"| {wall['xl']:.1f} ({cpu['xl']:.1f}) "
          f"| {wall['xk'] / wall['xl']:.2f} | {target} |", flush=True)


def resident_kib(pid):
    """Return its total and its private memory."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    fields = dict(line.split()[:2] for line in text.splitlines()[1:])
    return (int(fields["Rss:"]),
            int(fields["Private_Dirty:"]) + int(fields["Private_Clean:"]))


def monitors():
    for proc in Path("/proc").iterdir():
        try:
            words = (proc / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"xk") and b"monitor" in words:
            yield proc.name


def main():
    run("xk", "create", "-q", config("keeper"))     # also starts the monitor
    print("| PVH stub, ms (CPU) | xk | xl | ratio | target |")
    print("|---|---|---|---|---|")
    times = by_turns(life)
    for verb, target in (("create", 0.5), ("pause", 0.3), ("unpause", 0.3),
                         ("destroy", 0.5)):
        show(verb, times[verb], target)
    first = statistics.median(t[0] for t in times["create"]["xk"])
    for n in range(1, 30):
        run("xk", "create", "-q", config(f"many{n}"))
    show("list of 30 domains",
         by_turns(lambda tool: {"list": run(tool, "list")})["list"], 0.3)
    last = [run("xk", "create", "-q", config(f"many{n}"))[0]
            for n in range(30, MANY)][-5:]
    print(f"| the last 5 of {MANY} creates / the first | "
          f"{statistics.median(last):.1f} | {first:.1f} "
          f"| {statistics.median(last) / first:.2f} | 1.2 |")
    for pid in monitors():
        all_, own = resident_kib(pid)
        print(f"| xk of {MANY} domains, resident KiB (own) | {all_} ({own}) "
              "| | | 6144 |")
    names = [d["name"] for d in json.loads(subprocess.run(
        ["xk", "list", "--json"], check=True, capture_output=True).stdout)]
    for name in names:
        if name != "Domain-0":
            run("xk", "destroy", name)


main()
