# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab host's files: made once for a recipe, kept in the cache.

The recipe is everything in tests/lab/host and the Debian release of this
machine. A host that was not used for a week is removed by the next build.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LAB = Path(__file__).resolve().parent.parent
RECIPE = LAB / "host"
FILES = ("disk.img", "vmlinux", "initrd", "xen")
UNUSED_S = 7 * 24 * 3600


class Unavailable(Exception):
    """A lab cannot be had on this machine; the text says why."""


def say(text):
    print(f"xk-lab: {text}", file=sys.stderr, flush=True)


def cache_dir():
    if os.environ.get("XK_CACHE"):
        return Path(os.environ["XK_CACHE"])
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "xk"


def recipe_hash():
    digest = hashlib.sha256()
    for path in sorted(RECIPE.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(Path("/etc/os-release").read_bytes())
    return digest.hexdigest()[:16]


def is_whole(directory):
    return all((directory / name).exists() for name in FILES)


def get():
    """Return the folder of a whole lab host, made now if need be."""
    cache = cache_dir()
    directory = cache / f"lab-host-{recipe_hash()}"
    if not is_whole(directory):
        cache.mkdir(parents=True, exist_ok=True)
        with open(cache / "lab-host.lock", "w") as lock:
            wait_for(lock)
            if not is_whole(directory):
                build(cache, directory)
    os.utime(directory)
    return directory


def make_guest():
    """The Linux guest for tests: cache_dir() is /cache inside a host."""
    done = subprocess.run([LAB.parent.parent / "examples" / "make-guest"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          env={**os.environ, "XK_CACHE": str(cache_dir())})
    if done.returncode != 0:
        raise Unavailable("no guest can be made here (see above)")


def wait_for(lock):
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another build of a lab host is under way; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)


def build(cache, directory):
    remove_unused(cache)
    work = Path(tempfile.mkdtemp(prefix=".lab-host-", dir=cache))
    try:
        done = subprocess.run([RECIPE / "build-host", work],
                              stdin=subprocess.DEVNULL, stdout=sys.stderr)
        if done.returncode == 77:
            raise Unavailable("no lab host can be built here (see above)")
        if done.returncode != 0:
            raise RuntimeError("building the lab host failed (see above)")
        work.chmod(0o755)
        work.rename(directory)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def remove_unused(cache):
    """Old hosts, and what a killed build left: only we hold the lock."""
    for path in cache.glob(".lab-host-*"):
        shutil.rmtree(path, ignore_errors=True)
    for path in cache.glob("lab-host-*"):
        if time.time() - path.stat().st_mtime > UNUSED_S:
            shutil.rmtree(path, ignore_errors=True)
