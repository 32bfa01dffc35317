# SPDX-License-Identifier: GPL-2.0-or-later
"""The hosts, the guests on them, and what inspecting them must find."""

import collections
import json
import os
import re
import signal
import subprocess
import tempfile
import time

from soaklib.count import Problem

VERB_S = 90             # beyond every verb's own limit: a hang
STATE_MIB = 48

Result = collections.namedtuple("Result", "status out err seconds")
Entry = collections.namedtuple("Entry", "host name state")


def eventually(seconds, test):
    """Return test()'s value once it is true, or its last value."""
    end = time.monotonic() + seconds
    while True:
        found = test()
        if found or time.monotonic() > end:
            return found
        time.sleep(0.05)


class Verb:
    """A running verb."""

    def __init__(self, argv, environment):
        self.begin = time.monotonic()
        self.argv = argv
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err,
            env=environment)

    def signal(self, number):
        """Return whether the verb still ran."""
        if self.process.poll() is not None:
            return False
        self.process.send_signal(number)
        return True

    def wait(self, limit=VERB_S):
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            where = waits()
            self.process.kill()
            self.process.wait()
            raise Problem("verbs that failed",
                          f"hangs: {self.argv}\n{where}") from None
        seconds = time.monotonic() - self.begin
        texts = []
        for file in (self.out, self.err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
            file.close()
        return Result(status, *texts, seconds)


class Host:
    """A host, which is one state directory."""

    def __init__(self, name, state, program, hypervisor):
        self.name = name
        self.state = state
        self.program = program
        self.environment = {**os.environ, "XK_STATE_DIR": state,
                            "XK_HYPERVISOR": hypervisor}
        self.filler = None

    def start(self, *words):
        return Verb([self.program, *words], self.environment)

    def run(self, *words):
        return self.start(*words).wait()

    def record(self, guest):
        return f"{self.state}/domains/{guest.uuid}"

    # ---- its own file system, which can be full ----

    def fill(self):
        """Fill it until not one more byte fits."""
        self.filler = f"{self.state}/filler"
        fd = os.open(self.filler, os.O_WRONLY | os.O_CREAT, 0o600)
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    os.write(fd, bytes(size))
            except OSError:
                pass
        os.close(fd)

    def make_room(self):
        if self.filler is not None:
            os.unlink(self.filler)
            self.filler = None


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def words_of(pid):
    return read(f"/proc/{pid}/cmdline").split(b"\0")


def link_of(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def waits():
    """Where each of our processes and their children waits in the kernel."""
    lines = []
    for pid in processes():
        words = b" ".join(words_of(pid))[:120].decode(errors="replace")
        if re.search(r"xk|qemu|xl|xen", words):
            stack = read(f"/proc/{pid}/stack").decode(errors="replace")
            calls = re.findall(r"\] (\w+)", stack)[:6]
            lines.append(f"{pid} {words}: {' '.join(calls)}")
    return "\n".join(lines)


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


class World:
    """What both hypervisors have in common."""

    def __init__(self, options, book, random):
        self.options = options
        self.book = book
        self.random = random
        self.scratch = options.scratch
        self.images = f"{self.scratch}/images"
        os.mkdir(self.images)
        self.hosts = []
        self.guests = []
        self.usual_s = {}       # typical duration of a verb

    # ---- looking ----

    def look_at(self, host):
        result = host.run("list", "--json")
        self.book.lists += 1
        self.book.longest_list_s = max(self.book.longest_list_s,
                                       result.seconds)
        if result.status != 0 or result.seconds > self.LIST_S:
            raise Problem("verbs that failed", f"list on {host.name}: status "
                          f"{result.status} after {result.seconds:.1f} s: "
                          f"{result.err.strip()}")
        return json.loads(result.out)

    def look(self):
        """Return {uuid: [Entry]} of all hosts."""
        found = collections.defaultdict(list)
        for host in self.hosts:
            for row in self.look_at(host):
                if row["domid"] == 0:
                    continue
                found[row["uuid"]].append(
                    Entry(host, row["name"], row["state"]))
        return found

    def find(self, guest):
        """Return its Entry or None. Two entries are a fault."""
        entries = self.look()[guest.uuid]
        if len(entries) > 1:
            raise Problem("guests lost", f"{guest.first_name} is there twice: "
                          f"{describe(entries)}", guest)
        return entries[0] if entries else None

    def listen(self):
        for guest in self.guests:
            guest.listen(self.console(guest))
        for guest in self.guests:
            guest.complain()

    def check(self):
        """Each guest that should exist exists once, and no other does."""
        found = self.look()
        for guest in self.guests:
            entries = found.pop(guest.uuid, [])
            want = 1 if guest.state == "running" else 0
            if len(entries) != want:
                raise Problem("guests lost" if len(entries) < want or want
                              else "left over",
                              f"{guest.first_name} should be {guest.state}: "
                              f"{describe(entries)}", guest)
            if want and entries[0] != (guest.host, guest.name, "running"):
                raise Problem("guests lost", f"{guest.name} should run on "
                              f"{guest.host.name}: {describe(entries)}", guest)
        found = {uuid: e for uuid, e in found.items() if e}
        if found:
            raise Problem("left over", f"unknown domains: {found}")
        self.listen()

    # ---- doing ----

    def must(self, host, *words, allowed=(0,), guest=None):
        """Run a verb that has to succeed."""
        result = host.run(*words)
        self.book.note(f"  {host.name}: {' '.join(words)}: {result.status}")
        if result.status not in allowed:
            raise Problem("verbs that failed", f"{host.name}: "
                          f"{' '.join(words)}: status {result.status}: "
                          f"{result.err.strip()}", guest)
        return result

    def eventually(self, seconds, test):
        return eventually(seconds * self.PATIENCE, test)

    def must_soon(self, host, *words, guest=None):
        """Repeat a verb after a kill until the guest exists. A process killed
        between fork() and exec() holds its lock for a moment longer and blocks
        the verb; or another process finishes the operation meanwhile."""
        result = None

        def is_done():
            nonlocal result
            result = self.must(host, *words, allowed=(0, 4, 5), guest=guest)
            self.book.stops["a killed verb in the way"] += result.status != 0
            return result.status == 0 or self.find(guest) is not None
        if not self.eventually(5, is_done):
            raise Problem("verbs that failed", f"{host.name}: "
                          f"{' '.join(words)}: {result.err.strip()}", guest)

    def await_state(self, guest, state, seconds=30):
        """Wait for this state; "gone" means no entry."""
        if not self.eventually(seconds, lambda: self.has_state(guest, state)):
            raise Problem("guests lost", f"{guest.first_name} never was "
                          f"{state}: {describe_one(self.find(guest))}", guest)

    def has_state(self, guest, *states):
        entry = self.find(guest)
        return (entry.state if entry else "gone") in states

    def has_begun(self, guest, lives):
        """Whether it has rebooted. look() starts a monitor if it was killed."""
        self.look()
        guest.listen(self.console(guest))
        return guest.lives > lives

    def runs(self, guest, host):
        guest.host = host
        guest.state = "running"
        guest.heard = time.monotonic()
        self.await_state(guest, "running")

    def gone(self, guest):
        """The guest has ended for good: check what it wrote."""
        guest.state = "gone"
        guest.listen(self.console(guest))
        guest.check_image()
        guest.complain()

    def create(self, guest):
        self.must(guest.host, "create", "-q", guest.config, guest=guest)
        guest.name = guest.first_name
        self.runs(guest, guest.host)

    def repair(self, guest):
        """After a fault: end the guest by any means, to start it anew."""
        for host in self.hosts:
            host.run("destroy", guest.uuid)
        self.end_by_force(guest)
        guest.listen(self.console(guest))
        guest.lost = []
        if os.path.exists(guest.save):
            os.unlink(guest.save)
        guest.make_image()
        guest.told = 0
        guest.state = "gone"

    def keep(self, folder):
        """Save what the hypervisor knows about a fault into that folder."""

    # ---- processes and files ----

    def monitor_pid(self, host):
        pids = self.programs(b"monitor", host)
        return pids[0] if pids else None

    def kill_programs(self, word, host, name):
        killed = [pid for pid in self.programs(word, host) if kill(pid)]
        if killed:
            self.book.kills[name] += len(killed)
            self.book.note(f"  {name} of {host.name} killed")
        return bool(killed)

    def kill_monitor(self, host):
        return self.kill_programs(b"monitor", host, "monitor")

    def kill_workers(self, host):
        return self.kill_programs(b"domain-event", host,
                                  "worker of the monitor")

    def kill_receivers(self, host):
        return self.kill_programs(b"migrate-receive", host, "migrate-receive")

    # Who owns a domain that was moved is never forgotten (toolstack/migration/
    # handover.h).
    STANDING = re.compile(r"domains|lib(/dump|/moves(/[-0-9a-f]*)?)?"
                          r"|lock|monitor\.lock|monitor\.log")

    def files_left(self):
        for host in self.hosts:
            for folder, folders, files in os.walk(host.state):
                for name in folders + files:
                    path = os.path.relpath(f"{folder}/{name}", host.state)
                    if not self.STANDING.fullmatch(path):
                        yield f"file {path} of host {host.name}"


def describe(entries):
    return ", ".join(f'"{e.name}" {e.state} on {e.host.name}'
                     for e in entries) or "nowhere"


def describe_one(entry):
    return describe([entry] if entry else [])
