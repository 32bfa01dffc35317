# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a job in one lab host or two: relay its output, judge how it ends."""

import math
import os
import re
import selectors
import sys
import time

from xklab.host import say

BOOT_S = 300            # from start to the barrier before the job
LAST_WORDS_S = 1        # a dying host's console goes on for so long
TAIL_LINES = 40
CONSOLE_BYTES = 4 << 20     # of each console the newest so many are kept

# A host that says one of these will not come back.
FATAL = re.compile(
    rb"Kernel panic - not syncing|Panic on CPU \d+|Xen BUG at"
    rb"|(Hardware )?Dom(ain )?0 (crashed|halted|shutdown)"
    rb"|Unable to mount root|Could not set up DOM0")
# A run is repeated for two faults of the emulation only, which are not those of
# any toolstack. It now and then shuts an HVM or PVH guest down with this:
TRIPLE_FAULT = b"Triple fault"
# And it now and then loses the timer of a whole host, whose emulated processor
# then sleeps for ever. A host beats every few seconds (inside/init), so one that
# is silent while its QEMU uses no processor time stands still.
SILENT_S = 120
IDLE_SHARE = 0.05       # of one processor
LOOK_S = 15

FAILED = 125            # the lab failed, not the job
TIMED_OUT = 124


class Pulse:
    """When a host last beat, and the processor time that it had used then."""

    def __init__(self, machine):
        self.heard = time.monotonic()
        self.processor_s = machine.processor_s()


class Run:
    """The hosts of one run, until one of them has said how it ended."""

    def __init__(self, machines, timeout_s):
        """Without a timeout a person sits there, who may take all day."""
        self.machines = machines
        self.timeout_s = timeout_s
        self.status = None
        self.failure = None         # (reason, hosts), where the lab failed
        self.started = time.monotonic()
        self.deadline = self.started + (BOOT_S if timeout_s else math.inf)
        self.script_started = None
        self.waiting = set()        # hosts at the barrier
        self.barriers_left = 3 if len(machines) > 1 else 1
        self.consoles = {m.name: bytearray() for m in machines}
        self.lines = {m.name: b"" for m in machines}
        self.pulses = {m.name: None for m in machines}
        self.stands_still = False
        self.dying = False
        self.selector = selectors.DefaultSelector()

    def watch(self):
        for machine in self.machines:
            for name, channel in machine.channels.items():
                self.selector.register(channel, selectors.EVENT_READ,
                                       (machine, name))
        while self.status is None:
            left = self.deadline - time.monotonic()
            if left <= 0:
                self.late()
                break
            for key, _ in self.selector.select(min(left, LOOK_S)):
                self.read(key)
            self.check_pulses()
        self.drain()
        if self.failure:
            self.report(*self.failure)

    # From the first beat on; a person's host is the person's to look after.
    def check_pulses(self):
        now = time.monotonic()
        for machine in self.machines:
            pulse = self.pulses[machine.name]
            if self.status is not None or not (self.timeout_s and pulse):
                continue
            silent_s = now - pulse.heard
            if silent_s < SILENT_S:
                continue
            busy_s = machine.processor_s() - pulse.processor_s
            if busy_s < silent_s * IDLE_SHARE:
                self.stands_still = True
                self.fail(f"{machine.name} stands still: its processor has "
                          f"slept for {silent_s:.0f} s", machine)

    def read(self, key):
        machine, name = key.data
        try:
            data = key.fileobj.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.selector.unregister(key.fileobj)
            if name == "control" and self.status is None:
                self.went_away(machine)
            return
        handlers = {"console": self.on_console, "control": self.on_control,
                    "out": relay_out, "err": relay_err, "qmp": ignore}
        handlers[name](machine, data)

    def went_away(self, machine):
        if self.timeout_s is None:
            self.status = 0
            return
        crashed = FATAL.search(self.consoles[machine.name])
        self.fail(f"{machine.name} {'crashed' if crashed else 'went away'}",
                  machine)

    def on_console(self, machine, data):
        console = self.consoles[machine.name]
        seen = max(0, len(console) - 64)
        console += data
        fatal = FATAL.search(console, seen)
        if fatal and not self.dying:
            self.dying = True
            self.deadline = time.monotonic() + LAST_WORDS_S
        if len(console) > CONSOLE_BYTES:
            del console[:-CONSOLE_BYTES]

    def on_control(self, machine, data):
        *lines, self.lines[machine.name] = (
            self.lines[machine.name] + data).split(b"\n")
        for line in lines:
            if self.status is not None:
                return
            verb, _, rest = line.decode(errors="replace").partition(" ")
            if verb == "beat":
                self.pulses[machine.name] = Pulse(machine)
            elif verb == "barrier":
                self.on_barrier(machine)
            elif verb == "reset":
                self.reset(rest)
            elif verb == "exit" and rest.isdigit():
                self.status = int(rest)
            else:
                self.fail(f"{machine.name}: {rest}", machine)

    def reset(self, name):
        for machine in self.machines:
            if machine.name == name:
                machine.reset()

    # A host that waits for a job only (host2) never reaches the last barrier.
    def on_barrier(self, machine):
        self.waiting.add(machine)
        last = self.barriers_left == 1
        if len(self.waiting) < len(self.machines) and not last:
            return
        self.barriers_left -= 1
        if last:
            self.script_started = time.monotonic()
            self.deadline = self.script_started + self.timeout_s
        for each in self.waiting:
            each.release()
        self.waiting.clear()

    def late(self):
        if self.dying:
            machine = next(m for m in self.machines
                           if FATAL.search(self.consoles[m.name]))
            self.fail(f"{machine.name} crashed", machine)
        elif self.script_started is None:
            self.fail(f"no job had started after {BOOT_S} s",
                      *self.machines)
        else:
            self.fail(f"the job was not done after {self.timeout_s} s",
                      *self.machines)
            self.status = TIMED_OUT

    def fail(self, reason, *machines):
        self.status = FAILED
        self.failure = (reason, machines)

    def report(self, reason, machines):
        for machine in machines:
            show_tail(machine.name, self.consoles[machine.name])
            print(machine.complaints(), end="", file=sys.stderr)
        say(reason)

    def drain(self):
        """What the hosts have said already, without waiting for more."""
        while self.selector.get_map():
            ready = self.selector.select(0)
            if not ready:
                return
            for key, _ in ready:
                if key.data[1] == "control":
                    self.selector.unregister(key.fileobj)
                else:
                    self.read(key)

    def boot_s(self):
        if self.script_started is None:
            return None
        return self.script_started - self.started

    def emulation_fault(self):
        """What the emulation did wrong, as a clause; or None."""
        if self.stands_still:
            return "a host's processor has slept for good"
        if any(TRIPLE_FAULT in c for c in self.consoles.values()):
            return 'Xen said "Triple fault"'
        return None


def show_tail(name, console):
    lines = bytes(console).replace(b"\r", b"").splitlines()[-TAIL_LINES:]
    say(f"the end of the console of {name}:")
    for line in lines:
        print("    " + line.decode(errors="replace"), file=sys.stderr)


def ignore(_machine, _data):
    pass


def relay_out(_machine, data):
    write_all(1, data)


def relay_err(_machine, data):
    write_all(2, data)


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]
