# SPDX-License-Identifier: GPL-2.0-or-later
"""Disturbances of hosts and guests other than verbs."""

import signal
import time

from soaklib.count import Problem
from soaklib.world import describe_one, kill


class Chaos:
    def __init__(self, world, verbs):
        self.world = world
        self.verbs = verbs
        self.book = world.book
        self.random = world.random

    def do(self, guest, name):
        getattr(self, name)(guest)

    # ---- the monitor ----

    def monitor_killed(self, guest):
        self.book.note(f"the monitor of {guest.host.name} is killed")
        self.world.kill_monitor(guest.host)

    def monitor_stopped(self, guest):
        """Verbs need no monitor."""
        pid = self.world.monitor_pid(guest.host)
        if pid is None or not kill(pid, signal.SIGSTOP):
            return
        self.book.note(f"the monitor of {guest.host.name} is stopped")
        self.book.stops["monitor"] += 1
        try:
            self.verbs.do(guest, self.random.choice(["pause", "rename"]))
        finally:
            kill(pid, signal.SIGCONT)

    # ---- the guest's process ----

    def guest_killed(self, guest):
        if not guest.may_crash() or not self.world.kill_guest(guest):
            return
        self.book.note(f"{guest.name} on {guest.host.name}: its process is "
                       f"killed ({guest.on_crash})")
        guest.crashed()
        what = self.random.choice(["monitor", "worker", "nothing", "nothing"])
        time.sleep(self.random.uniform(0, 0.1))
        if what == "monitor":
            self.world.kill_monitor(guest.host)
        if what == "worker":
            self.world.kill_workers(guest.host)
        self.after_crash(guest)

    def after_crash(self, guest):
        world = self.world
        if guest.on_crash == "restart":
            lives = guest.lives
            world.runs(guest, guest.host)
            if not world.eventually(60, lambda: world.has_begun(guest, lives)):
                raise Problem("guests lost",
                              f"{guest.name} did not begin anew", guest)
        elif guest.on_crash == "destroy":
            world.await_state(guest, "gone")
            world.gone(guest)
        else:
            world.await_state(guest, "crashed")
            self.verbs.destroy(guest)

    def guest_stopped(self, guest):
        """Neither the host's list nor a verb may wait too long for it."""
        pids = self.world.guest_processes(guest)
        if not pids:
            return
        self.book.note(f"{guest.name} on {guest.host.name}: its process stops")
        self.book.stops["guest"] += 1
        for pid in pids:
            kill(pid, signal.SIGSTOP)
        try:
            self.world.look()
            word = self.random.choice(["pause", "unpause", "reset"])
            result = guest.host.run("--timeout", "1", word, guest.uuid)
            self.book.note(f"  {word}: {result.status}")
            time.sleep(self.random.uniform(0, 3))
        finally:
            for pid in pids:
                kill(pid, signal.SIGCONT)
        self.world.must(guest.host, "unpause", guest.uuid, guest=guest)
        self.world.runs(guest, guest.host)

    # ---- the processes that serve its disk ----

    def backend_killed(self, guest):
        """The next process continues; the guest notices nothing."""
        for _ in range(self.random.choice([1, 1, 1, 2, 4])):
            if not self.signal_all(self.world.backends(guest), signal.SIGKILL):
                return
            self.book.note(f"{guest.name}: its backend is killed")
            self.book.kills["xk-backend"] += 1
            what = self.random.choice(["monitor", "nothing", "nothing"])
            time.sleep(self.random.uniform(0, 0.3))
            if what == "monitor":
                self.world.kill_monitor(guest.host)
        self.goes_on(guest)

    def backend_stopped(self, guest):
        pids = (self.world.backends(guest) + self.world.daemons(guest)
                + self.world.flushers(guest))
        if not pids:
            return
        pid = self.random.choice(pids)
        is_flusher = pid in self.world.flushers(guest)
        self.book.note(f"{guest.name}: what serves its disk stops")
        self.book.stops["what serves a disk"] += 1
        try:
            self.signal_all([pid], signal.SIGSTOP)
            self.world.look()
            time.sleep(self.random.uniform(0, 3))
            if self.random.random() < 0.3:
                self.signal_all([pid], signal.SIGKILL)
        finally:
            self.signal_all([pid], signal.SIGCONT)
        self.goes_on(guest, is_flusher)

    def flusher_killed(self, guest):
        """Kill it with its backend, or alone. Killed during a flush, it takes
        the result of the flush with it."""
        victims = self.world.flushers(guest)
        if victims and self.random.random() < 0.3:
            victims += self.world.backends(guest)
        if not self.signal_all(victims, signal.SIGKILL):
            return
        self.book.note(f"{guest.name}: what flushes its disk is killed")
        self.book.kills["xk-flusher"] += 1
        self.goes_on(guest, True)

    def daemon_killed(self, guest):
        if not self.signal_all(self.world.daemons(guest), signal.SIGKILL):
            return
        self.book.note(f"{guest.name}: its storage daemon is killed")
        self.book.kills["qemu-storage-daemon"] += 1
        self.goes_on(guest)

    def signal_all(self, pids, number):
        return [pid for pid in pids if kill(pid, number)]

    def goes_on(self, guest, flusher_killed=False):
        """The guest reports more writes. Or its disk is stopped, because a
        storage daemon may have taken an unflushed write with it, or a flusher
        the result of a flush."""
        world, told = self.world, guest.told

        def has_gone_on():
            guest.listen(world.console(guest))
            return guest.told > told + 16 or world.is_stopped(guest)
        if not world.eventually(30, has_gone_on):
            raise Problem("guests lost", f"{guest.name} does not go on", guest)
        if world.is_stopped(guest):
            if guest.form == "raw" and not flusher_killed:
                raise Problem("guests lost",
                              f"{guest.name}: its disk was stopped", guest)
            self.book.note("  its disk is stopped")
            self.book.stops["disks, by what was lost with a process"] += 1
            guest.lost = [what for what in guest.lost
                          if what[0] != "errors in guests"]
            self.verbs.destroy(guest)

    # ---- a full file system ----

    def full(self, guest):
        """Verbs may fail and guests may stop, but no data is lost."""
        host, tried = guest.host, {}
        if not self.world.can_fill:
            return
        self.book.note(f"{host.name} is full")
        self.book.stops["full file system"] += 1
        host.fill()
        try:
            for _ in range(self.random.randrange(1, 5)):
                other = self.random.choice([g for g in self.world.guests
                                            if g.host is host
                                            and g.state == "running"])
                killed = self.while_full(other)
                tried[other] = tried.get(other, False) or killed
                self.world.look()
        finally:
            host.make_room()
        self.book.note(f"{host.name} has room")
        for other, killed in tried.items():
            self.after_full(other, killed)

    def while_full(self, guest):
        """Return whether the guest was killed."""
        what = self.random.choice(["pause", "rename", "reset", "kill"])
        if what == "kill" and (guest.on_crash == "restart"
                               and guest.may_crash()):
            guest.crashed()
            self.book.note(f"  {guest.name}: its process is killed")
            return self.world.kill_guest(guest)
        words = ["pause" if what == "kill" else what, guest.uuid]
        if what == "rename":
            words.append(f"{guest.first_name}-full")
        result = guest.host.run(*words)
        self.book.note(f"  {' '.join(words)}: {result.status}: "
                       f"{result.err.strip()[:100]}")
        return False

    def after_full(self, guest, killed):
        """A guest that could not be restarted is kept as crashed, by design."""
        world = self.world
        if killed and world.eventually(10, lambda: world.has_state(
                guest, "crashed")) and not world.eventually(
                    5, lambda: world.has_state(guest, "running")):
            self.book.note(f"  {guest.name} is kept as it is")
            self.verbs.destroy(guest)
            return
        if not world.eventually(60, lambda: world.has_state(guest, "running",
                                                      "paused")):
            raise Problem("guests lost", f"{guest.name}, after its host was "
                          f"full: {describe_one(world.find(guest))}", guest)
        world.must(guest.host, "unpause", guest.uuid, guest=guest)
        guest.name = world.find(guest).name
        world.runs(guest, guest.host)
