# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest: its intended state, and the state that it reports."""

import collections
import os
import subprocess
import time
import uuid

from soaklib import ring
from soaklib.count import Problem

# Per minute; toolstack/policy.c takes ten for a loop.
CRASHES = 6


class Guest:
    SILENT_S = 60       # a running guest reports within that time

    def __init__(self, number, folder, form, on_crash):
        self.number = number
        self.first_name = self.name = f"soak{number}"
        self.uuid = str(uuid.UUID(int=0x50a4 << 96 | number + 1))
        self.form = form
        self.on_crash = on_crash
        self.image = f"{folder}/{self.name}.{form}"
        self.save = f"{folder}/{self.name}.save"
        self.config = f"{folder}/{self.name}.cfg"
        self.ident = 0x736f0000 + number
        self.host = None        # where it runs or ran
        self.state = "gone"     # as intended: running, gone or saved
        self.told = 0           # it reported everything up to this as safe
        self.writes = self.reads = self.lives = 0
        self.reads_of_life = 0
        self.heard = time.monotonic()
        self.ear = ring.Ear()
        self.crashes = collections.deque(maxlen=CRASHES)
        self.lost = []          # what it reported as wrong

    def make_image(self):
        raw = self.image + ".raw"
        ring.make_image(raw, self.ident)
        if self.form == "raw":
            os.rename(raw, self.image)
            return
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", self.form,
                        raw, self.image], check=True)
        os.unlink(raw)

    # ---- its reports ----

    def listen(self, path):
        for what, *words in self.ear.hear(path):
            if what == b"?":
                self.lost.append(("guests lost",
                                  words[0].decode(errors="replace")))
                continue
            self._hear(what.decode(), [int(word, 16) for word in words])

    def _hear(self, what, words):
        if what == "E":
            self.lost.append(("errors in guests", f"request {words[0]}"))
        elif what == "L":
            self.lost.append(("lost writes", "block {} has {2:x}, not {1:x}"
                              .replace("{}", "{0:x}").format(*words)))
        elif words[0] ^ words[1] ^ ring.SUM == words[2]:
            self.heard = time.monotonic()
            self._count(what, *words[:2])

    def _count(self, what, number, reads):
        if what == "B":
            self.lives += 1
            self.reads_of_life = 0
            if number < self.told:
                self.lost.append(("lost writes", f"it told of {self.told:x} "
                                  f"and begins at {number:x}"))
            # It continues from there in any case.
            self.told = number
            return
        self.writes += max(0, number - self.told)
        self.told = max(self.told, number)
        self.reads += max(0, reads - self.reads_of_life)
        self.reads_of_life = reads

    def complain(self):
        if self.lost:
            kind, text = self.lost[0]
            more = len(self.lost) - 1
            self.lost = []
            raise Problem(kind, f"{self.first_name}: {text}"
                          + (f" (and {more} more)" if more else ""), self)
        if self.state == "running" and (
                time.monotonic() - self.heard > self.SILENT_S):
            raise Problem("guests lost", f"{self.first_name} has told nothing "
                          f"for {self.SILENT_S} s", self)

    # ---- its writes ----

    def check_image(self):
        """The guest does not run: its image must have all reported writes."""
        raw = self.image
        if self.form != "raw":
            raw = self.image + ".raw"
            done = subprocess.run(
                ["qemu-img", "convert", "-f", self.form, "-O", "raw",
                 self.image, raw], check=False, capture_output=True, text=True)
            if done.returncode != 0:
                raise Problem("left over", f"{self.first_name}: {done.stderr}",
                              self)
        last, wrong = ring.last_in(raw, self.ident)
        if self.form != "raw":
            os.unlink(raw)
        if wrong:
            slot, want, found = wrong[0]
            raise Problem("lost writes", f"{self.first_name}: block {slot:x} "
                          f"has {found:x}, not {want:x}, and "
                          f"{len(wrong) - 1} more", self)
        if last < self.told:
            raise Problem("lost writes", f"{self.first_name} told of "
                          f"{self.told:x}, and its image has {last:x}", self)

    # ---- crashes ----

    def may_crash(self):
        """Return whether one more crash is not taken for a loop."""
        return len(self.crashes) < CRASHES or (
            time.monotonic() - self.crashes[0] > 65)

    def crashed(self):
        self.crashes.append(time.monotonic())
