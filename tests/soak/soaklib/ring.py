# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest reports and writes, as in tests/soak/guest/writer.h."""

import os
import re
import struct

BLOCK, RING, FIRST, BATCH = 4096, 256, 256, 8
IMAGE_BYTES = 4 << 20
TORN = 0xffffffff
SUM = 0x5a5a5a5a
LINE = re.compile(rb"^([BAL]) ([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8})\r?$"
                  rb"|^(E) ([0-9a-f]{8})\r?$|^(\?) (.*)$")


def wanted(slot, last):
    back = (last - 1 - slot) % RING
    return last - back if last > back else 0


def number_in(block, slot, ident):
    number = struct.unpack_from("<I", block)[0]
    if number == 0:
        return 0 if not any(block) else TORN
    right = struct.pack("<4I", number, number ^ 0xffffffff, ident,
                        number ^ ident) * (BLOCK // 16)
    return number if block == right and (number - 1) % RING == slot else TORN


def missing(held, last):
    """The slots that lack the number that they must have once last is safe."""
    return [slot for slot in range(RING)
            if (slot - last) % RING >= BATCH
            and held[slot] != wanted(slot, last)]


def last_in(path, ident):
    """Return (the number up to which everything is there, wrong slots)."""
    with open(path, "rb") as image:
        image.seek(FIRST * BLOCK)
        held = [number_in(image.read(BLOCK), slot, ident)
                for slot in range(RING)]
    newest = max((n for n in held if n != TORN), default=0)
    last = newest - newest % BATCH
    if last == newest and last > 0 and missing(held, last):
        last -= BATCH
    return last, [(s, wanted(s, last), held[s]) for s in missing(held, last)]


def make_image(path, ident):
    with open(path, "wb") as image:
        image.write(struct.pack("<I", ident))
        image.truncate(IMAGE_BYTES)


class Ear:
    """The lines that a guest reports, from a file that may be replaced.

    A file is read to its end even after it was unlinked.
    """

    def __init__(self):
        self.file = None
        self.rest = b""

    def _open(self, path):
        try:
            self.file = open(path, "rb")
        except OSError:
            self.file = None
        self.rest = b""

    def _is_other(self, path):
        try:
            there = os.stat(path)
        except OSError:
            return False
        mine = os.fstat(self.file.fileno())
        return (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino)

    def _seek(self):
        """A long log restarts with its last 512 KiB (toolstack/kvm/logs.h).
        """
        size = os.fstat(self.file.fileno()).st_size
        if self.file.tell() > size:
            self.file.seek(min(size, 512 << 10))
            self.rest = b""

    def _take(self):
        self._seek()
        *lines, self.rest = (self.rest + self.file.read()).split(b"\n")
        for line in lines:
            match = LINE.match(line.lstrip(b"\0"))
            if match is not None:
                yield [group for group in match.groups() if group is not None]

    def close(self):
        if self.file is not None:
            self.file.close()
        self.file = None

    def hear(self, path):
        if self.file is not None:
            yield from self._take()
            if not self._is_other(path):
                return
            yield from self._take()
            self.close()
        self._open(path)
        if self.file is not None:
            yield from self._take()
