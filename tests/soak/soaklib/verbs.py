# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs that are killed, stopped or run twice at once, and what must hold then.

After each verb `status` is 0, or None if it is unknown how far the verb came. A
verb that was not completed is run again, and must succeed.
"""

import json
import os
import shlex
import signal
import time

from soaklib.count import Problem
from soaklib.world import describe, describe_one

MODES = {"plain": 2, "killed": 6, "stopped": 1, "twice": 1, "monitor": 1}


class Verbs:
    def __init__(self, world):
        self.world = world
        self.book = world.book
        self.random = world.random

    def do(self, guest, name):
        getattr(self, name)(guest)

    # ---- disturbing ----

    def some_time(self, name):
        usual = self.world.usual_s.get(name, 0.05)
        time.sleep(self.random.uniform(0, 1.2 * usual))

    def disturbed(self, guest, name, *words, modes=MODES, victim=None):
        """Return 0 or None; any other status is a fault."""
        mode = self.random.choices(list(modes), modes.values())[0]
        self.book.note(f"{guest.name} on {guest.host.name}: "
                       f"{' '.join(words)} ({mode})")
        verb = guest.host.start(*words)
        if mode == "plain":
            return self.end_of(guest, name, verb, usual=True)
        if mode == "twice":
            return self.twice(guest, name, verb, words)
        self.some_time(name)
        if mode == "killed":
            return self.killed(name, verb)
        if mode == "stopped":
            return self.stopped(guest, name, verb)
        if mode == "monitor":
            self.world.kill_monitor(guest.host)
            return self.end_of(guest, name, verb)
        if victim(verb):        # "other": the process at the other end
            self.book.kills[f"the other end of {name}"] += 1
            verb.wait()
            return None
        return self.end_of(guest, name, verb)

    def end_of(self, guest, name, verb, usual=False):
        result = verb.wait()
        if result.status != 0:
            raise Problem("verbs that failed", f"{guest.first_name}: {name}: "
                          f"status {result.status}: {result.err.strip()}",
                          guest)
        if usual:
            old = self.world.usual_s.get(name, result.seconds)
            self.world.usual_s[name] = 0.8 * old + 0.2 * result.seconds
        return 0

    def killed(self, name, verb):
        verb.signal(signal.SIGKILL)
        result = verb.wait()
        self.book.note(f"  ended with {result.status}")
        if result.status == -signal.SIGKILL:
            self.book.kills[name] += 1
            return None
        return 0 if result.status == 0 else None

    def stopped(self, guest, name, verb):
        """Meanwhile every other process must be able to list."""
        if verb.signal(signal.SIGSTOP):
            self.book.stops[name] += 1
        time.sleep(self.random.uniform(0.2, 2))
        self.world.look()
        if self.random.random() < 0.5:
            return self.killed(name, verb)
        verb.signal(signal.SIGCONT)
        return self.end_of(guest, name, verb)

    def twice(self, guest, name, verb, words):
        """At least one of the two succeeds; the other may be refused."""
        other = guest.host.start(*words)
        self.some_time(name)
        if self.random.random() < 0.5:
            self.killed(name, other)
        else:
            other.wait()
        self.book.note(f"  ended with {verb.wait().status}")
        return None

    # ---- verbs, and what must hold after them ----

    def is_there(self, guest):
        """Whether the guest exists, once the killed verb was finished or undone
        by a worker of the monitor or by our own look()."""
        if not self.world.eventually(60, lambda: self.world.has_state(
                guest, "running", "gone")):
            raise Problem("guests lost", f"{guest.name} is neither there nor "
                          f"gone: {describe_one(self.world.find(guest))}",
                          guest)
        return self.world.find(guest) is not None

    def create(self, guest):
        world = self.world
        guest.host = self.random.choice(world.hosts)
        guest.name = guest.first_name
        status = self.disturbed(guest, "create", "create", "-q", guest.config)
        if not self.is_there(guest):
            if status == 0:
                raise Problem("guests lost", f"{guest.name}: created, and not "
                              "there", guest)
            world.must_soon(guest.host, "create", "-q", guest.config,
                            guest=guest)
        world.runs(guest, guest.host)

    def destroy(self, guest):
        status = self.disturbed(guest, "destroy", "destroy", guest.uuid)
        if status is None:
            self.world.must(guest.host, "destroy", guest.uuid, allowed=(0, 3),
                            guest=guest)
        self.is_gone(guest)

    def is_gone(self, guest):
        entry = self.world.find(guest)
        if entry is not None:
            raise Problem("left over", f"{guest.name}: destroyed, and "
                          f"{describe_one(entry)}", guest)
        self.world.gone(guest)

    def pause(self, guest):
        for name, state in (("pause", "paused"), ("unpause", "running")):
            status = self.disturbed(guest, name, name, guest.uuid)
            if status is None:
                self.world.must(guest.host, name, guest.uuid, guest=guest)
            entry = self.world.find(guest)
            if entry is None or entry.state != state:
                raise Problem("guests lost", f"{guest.name} is not {state}: "
                              f"{describe_one(entry)}", guest)
        self.world.runs(guest, guest.host)

    def rename(self, guest):
        old = guest.name
        new = f"{guest.first_name}-{self.random.randrange(1000)}"
        if new == old:
            new += "a"
        status = self.disturbed(guest, "rename", "rename", guest.uuid, new)
        entry = self.world.find(guest)
        if entry is None:
            raise Problem("guests lost", f"{old}: renamed, and nowhere", guest)
        if entry.name == old and status is None:
            self.world.must(guest.host, "rename", guest.uuid, new, guest=guest)
            entry = self.world.find(guest)
        if entry is None or entry.name != new:
            raise Problem("guests lost", f"{old}: renamed to {new}: "
                          f"{describe_one(entry)}", guest)
        guest.name = new

    def reset(self, guest):
        status = self.disturbed(guest, "reset", "reset", guest.uuid)
        if status is None:
            self.world.must(guest.host, "reset", guest.uuid, guest=guest)
        self.world.runs(guest, guest.host)

    def reboot(self, guest):
        """The guest is asked to reboot and does."""
        if not guest.may_crash():
            return
        guest.crashed()
        lives = guest.lives
        if self.disturbed(guest, "reboot", "reboot", guest.uuid) is None:
            self.world.must(guest.host, "reboot", guest.uuid, allowed=(0, 5),
                            guest=guest)
        if not self.world.eventually(
                60, lambda: self.world.has_begun(guest, lives)):
            raise Problem("guests lost", f"{guest.name} did not reboot", guest)
        self.world.runs(guest, guest.host)

    def attach(self, guest):
        """Attach a disk and detach it."""
        disk = f"{guest.extra},raw,xvdb,w"
        if self.disturbed(guest, "block-attach", "block-attach", guest.uuid,
                          disk) is None:
            self.world.must(guest.host, "block-attach", guest.uuid, disk,
                            allowed=(0, 4), guest=guest)
        if self.disks(guest) != {"xvda", "xvdb"}:
            raise Problem("guests lost", f"{guest.name} has the disks "
                          f"{self.disks(guest)}", guest)
        if self.disturbed(guest, "block-detach", "block-detach", guest.uuid,
                          "xvdb") is None:
            self.world.must(guest.host, "block-detach", guest.uuid, "xvdb",
                            allowed=(0, 3), guest=guest)
        if self.disks(guest) != {"xvda"}:
            raise Problem("left over", f"{guest.name} has the disks "
                          f"{self.disks(guest)}", guest)

    def disks(self, guest):
        result = self.world.must(guest.host, "block-list", "--json",
                                 guest.uuid, guest=guest)
        return {row["vdev"] for row in json.loads(result.out)}

    def save(self, guest):
        status = self.disturbed(guest, "save", "save", guest.uuid, guest.save)
        if status is None:
            self.after_broken_save(guest)
        if self.world.find(guest) is not None:
            raise Problem("left over", f"{guest.name}: saved, and there",
                          guest)
        self.no_strays(guest)
        self.world.gone(guest)
        guest.state = "saved"

    def after_broken_save(self, guest):
        """The guest goes on or is complete in the file; recovery decides."""
        world = self.world

        def has_gone_on():
            return world.has_state(guest, "running") or (
                world.find(guest) is None and os.path.exists(guest.save))
        if not self.world.eventually(60, has_gone_on):
            raise Problem("guests lost", f"{guest.name}, its save broken: "
                          f"{describe_one(world.find(guest))}, file: "
                          f"{os.path.exists(guest.save)}", guest)
        self.no_strays(guest)
        world.must(guest.host, "save", guest.uuid, guest.save, guest=guest,
                   allowed=(0, 3) if os.path.exists(guest.save) else (0,))

    def strays(self, guest):
        name = f"{guest.first_name}."
        known = {name + what for what in ("save", "cfg", guest.form)}
        return {file for file in os.listdir(self.world.images)
                if file.strip(".").startswith(name)} - known

    def no_strays(self, guest):
        """A worker of the monitor may be recovering at this moment."""
        if not self.world.eventually(20, lambda: not self.strays(guest)):
            raise Problem("left over", f"files: {self.strays(guest)}", guest)

    def restore(self, guest):
        world = self.world
        guest.host = self.random.choice(world.hosts)
        status = self.disturbed(guest, "restore", "restore", guest.save)
        if not self.is_there(guest):
            if status == 0:
                raise Problem("guests lost", f"{guest.name}: restored, and "
                              "not there", guest)
            world.must_soon(guest.host, "restore", guest.save, guest=guest)
        world.runs(guest, guest.host)
        os.unlink(guest.save)

    # ---- moves ----

    def migrate(self, guest):
        world = self.world
        there = next(h for h in world.hosts if h is not guest.host)
        transport = shlex.join(["env", f"XK_STATE_DIR={there.state}",
                                there.program, "migrate-receive"])
        words = ["migrate", guest.uuid, "there", "--transport", transport]
        if self.random.random() < 0.5:
            words += ["--bandwidth", "1"]

        def kill_receiver(_verb):
            return world.kill_receivers(there)
        status = self.disturbed(
            guest, "migrate", *words, victim=kill_receiver,
            modes={"plain": 2, "killed": 5, "stopped": 1, "other": 4,
                   "twice": 1, "monitor": 1})
        host = self.await_one_copy(guest)
        if status == 0 and host is not there:
            raise Problem("guests lost",
                          f"{guest.name}: moved, and still here", guest)
        world.runs(guest, host)

    def await_one_copy(self, guest):
        """Wait until it runs on one host and nothing is left on the other."""
        def one_runs():
            entries = self.world.look()[guest.uuid]
            if sum(entry.state == "running" for entry in entries) > 1:
                raise Problem("guests lost", f"two of {guest.name} run", guest)
            if len(entries) != 1 or entries[0].state != "running":
                return None
            host = entries[0].host
            return host if not any(os.path.exists(other.record(guest))
                                   for other in self.world.hosts
                                   if other is not host) else None
        host = self.world.eventually(90, one_runs)
        if host is None:
            entries = self.world.look()[guest.uuid]
            raise Problem("guests lost", f"{guest.name}, moved: "
                          f"{describe(entries)}", guest)
        return host
