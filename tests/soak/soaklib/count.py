# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts of what was done and found, and the log before the first fault."""

import collections
import time

LAST = 40


class Problem(Exception):
    """A broken promise. The kind is one of Book.FAULTS."""

    def __init__(self, kind, text, guest=None):
        super().__init__(text)
        self.kind = kind
        self.guest = guest


class Book:
    FAULTS = ("lost writes", "guests lost", "left over", "errors in guests",
              "verbs that failed")

    def __init__(self, path):
        self.begin = time.monotonic()
        self.file = open(path, "w", encoding="utf-8", buffering=1)
        self.last = collections.deque(maxlen=LAST)
        self.steps = collections.Counter()
        self.kills = collections.Counter()
        self.stops = collections.Counter()
        self.faults = collections.Counter()
        self.first = None           # (text, the last lines before it)
        self.lists = 0
        self.longest_list_s = 0.0

    def seconds(self):
        return time.monotonic() - self.begin

    def note(self, text):
        line = f"{self.seconds():9.3f} {text}"
        self.last.append(line)
        self.file.write(line + "\n")

    def fault(self, kind, text, count=1):
        self.note(f"FAULT, {kind}: {text}")
        print(f"# {self.seconds():.1f} s: {kind}: {text}", flush=True)
        self.faults[kind] += count
        if self.first is None:
            self.first = (f"{kind}: {text}", list(self.last))
            return True
        return False

    def report(self, guests):
        rows = [("seconds", int(self.seconds())), ("guests", len(guests)),
                ("steps", sum(self.steps.values()))]
        rows += [(f"  {name}", n) for name, n in sorted(self.steps.items())]
        rows.append(("kills", sum(self.kills.values())))
        rows += [(f"  {name}", n) for name, n in sorted(self.kills.items())]
        rows.append(("stops, and other things", sum(self.stops.values())))
        rows += [(f"  {name}", n) for name, n in sorted(self.stops.items())
                 if n > 0]
        rows += [("lists", self.lists),
                 ("longest list, ms", int(self.longest_list_s * 1000)),
                 ("acknowledged writes", sum(g.writes for g in guests)),
                 ("verified reads", sum(g.reads for g in guests)),
                 ("lives of guests", sum(g.lives for g in guests))]
        rows += [(kind, self.faults[kind]) for kind in self.FAULTS]
        return "\n".join(f"{name:32} {value:10}" for name, value in rows)

    def good(self):
        return not any(self.faults.values())
