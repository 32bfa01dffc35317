# SPDX-License-Identifier: GPL-2.0-or-later
"""Xen: one host, the lab's dom0, and small Linux guests on our disks."""

import glob
import json
import os
import shutil
import signal
import subprocess

from soaklib.guest import Guest
from soaklib.ring import Ear
from soaklib.world import (Host, STATE_MIB, World, kill, link_of, processes,
                           read, words_of)

FORMS = ("raw", "qcow2")
ON_CRASH = ("restart", "destroy", "preserve", "restart", "restart")
SHUTDOWN_CRASH = "3"
CONSOLES = "/var/log/xen/console"


class XenGuest(Guest):
    SILENT_S = 240      # ten of them on one emulated processor

    def __init__(self, number, folder, form, on_crash):
        super().__init__(number, folder, form, on_crash)
        self.extra = f"{folder}/{self.first_name}-extra.raw"
        self.ears = {}

    def listen(self, _path):
        """xenconsoled names the log at a domain's start and never renames it."""
        names = glob.glob(f"{CONSOLES}/guest-{self.first_name}.log") + (
            glob.glob(f"{CONSOLES}/guest-{self.first_name}-*.log"))
        for name in sorted(names, key=os.path.getmtime):
            self.ear = self.ears.setdefault(name, Ear())
            super().listen(name)


class XenWorld(World):
    LIST_S = 10         # its own limit
    PATIENCE = 4
    WEIGHTS = {
        "destroy": 8, "pause": 8, "rename": 8, "reboot": 6, "save": 10,
        "attach": 8, "monitor_killed": 4, "monitor_stopped": 2,
        "backend_killed": 16, "backend_stopped": 6, "daemon_killed": 8,
        "flusher_killed": 4,
        "guest_killed": 5, "full": 4,
    }

    def __init__(self, options, book, random):
        super().__init__(options, book, random)
        self.can_fill = True
        self.usual_s.update(create=0.5, restore=1, save=1, destroy=0.2)
        self.stop_domain = f"{options.build}/tests/lab/stop-domain"
        self.audited = f"{self.scratch}/before"
        self.make_hosts()
        subprocess.run(["audit", "save", self.audited], check=True)
        for number in range(options.guests):
            self.guests.append(self.make_guest(number))

    def make_hosts(self):
        state = f"{self.scratch}/one"
        os.mkdir(state, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o",
                        f"mode=700,size={STATE_MIB}m", "soak", state],
                       check=True)
        self.hosts.append(Host("one", state, self.options.xk, "xen"))

    def make_guest(self, number):
        guest = XenGuest(number, self.images, FORMS[number % len(FORMS)],
                         ON_CRASH[number % len(ON_CRASH)])
        guest.host = self.hosts[0]
        guest.make_image()
        with open(guest.extra, "wb") as file:
            file.truncate(1 << 20)
        made = self.options.made
        with open(guest.config, "w", encoding="utf-8") as file:
            file.write(f'name = "{guest.name}"\nuuid = "{guest.uuid}"\n'
                       f'type = "pv"\nkernel = "{self.options.kernel}"\n'
                       f'ramdisk = "{made}/soak-initrd"\n'
                       'extra = "console=hvc0 quiet loglevel=1"\n'
                       f'memory = 96\nvcpus = 1\n'
                       f'on_crash = "{guest.on_crash}"\n'
                       f"disk = [ 'format={guest.form},vdev=xvda,access=rw,"
                       f"target={guest.image}' ]\n")
        return guest

    def console(self, guest):
        return f"{CONSOLES}/guest-{guest.first_name}.log"

    # ---- the evidence of a fault ----

    def keep(self, folder):
        self.tell(f"{folder}/store", "xenstore-ls", "-f")
        self.tell(f"{folder}/processes", "ps", "axwwo", "pid,stat,wchan,args")
        for guest in self.guests:
            self.tell(f"{folder}/disks-{guest.first_name}",
                      guest.host.program, "--json", "block-list", guest.uuid)
        self.tell(f"{folder}/domains", "xl", "list", "-v")
        for line in read(f"{folder}/domains").splitlines()[2:]:
            name, domid = line.decode().split()[:2]
            for program in glob.glob("/usr/lib/xen-*/bin/xenctx"):
                self.tell(f"{folder}/cpu-{name}", program, "-a", domid)
        self.tell("/dev/null", "xl", "debug-keys", "eq")
        shutil.copytree(CONSOLES, f"{folder}/console")

    def tell(self, path, *words):
        with open(path, "w", encoding="utf-8") as file:
            try:
                subprocess.run(words, stdout=file, stderr=file, timeout=30,
                               env=self.hosts[0].environment, check=False)
            except (OSError, subprocess.SubprocessError) as error:
                print(error, file=file)

    # ---- processes ----

    def backends(self, guest, name=b"xk-backend"):
        record = os.fsencode(f"/domains/{guest.uuid}/")
        found = []
        for pid in processes():
            words = words_of(pid)
            if len(words) > 2 and words[1] == b"block" and (
                    words[0].endswith(name) and record in words[2]):
                found.append(pid)
        return found

    def flushers(self, guest):
        return self.backends(guest, b"xk-flusher")

    def daemons(self, guest):
        """Find them by the domain's own user."""
        found = []
        for path in glob.glob(f"{guest.host.record(guest)}/vbd-*/device.json"):
            uid = json.loads(read(path) or b"{}").get("uid")
            found += [pid for pid in processes()
                      if read(f"/proc/{pid}/comm").startswith(b"qemu-storage")
                      and owner(pid) == uid]
        return found

    def is_stopped(self, guest):
        result = guest.host.run("block-list", "--json", guest.uuid)
        return result.status == 0 and any(
            row["state"] == "stopped" for row in json.loads(result.out))

    guest_processes = backends

    def kill_guest(self, guest):
        """Let Xen stop the domain as if its kernel had crashed."""
        entry = next((row for row in self.look_at(guest.host)
                      if row["uuid"] == guest.uuid), None)
        if entry is None:
            return False
        done = subprocess.run([self.stop_domain, str(entry["domid"]),
                               SHUTDOWN_CRASH], check=False)
        self.book.kills["guest"] += done.returncode == 0
        return done.returncode == 0

    def end_by_force(self, guest):
        for pid in (self.backends(guest) + self.daemons(guest)
                    + self.flushers(guest)):
            kill(pid, signal.SIGCONT)
            kill(pid)
        shutil.rmtree(guest.host.record(guest), ignore_errors=True)

    def programs(self, word, _host):
        return [pid for pid in processes() if word in words_of(pid)
                and link_of(f"/proc/{pid}/exe").endswith("/xk")]

    # ---- the end ----

    def own_processes(self):
        mark = os.fsencode(self.scratch)
        return [pid for pid in processes()
                if words_of(pid)[0].rsplit(b"/", 1)[-1].startswith(
                    (b"xk", b"qemu-"))
                and (mark in read(f"/proc/{pid}/environ")
                     or mark in read(f"/proc/{pid}/cmdline"))]

    def left_over(self):
        self.eventually(15, lambda: not self.own_processes())
        left = [f"process {pid} {words_of(pid)[:4]}"
                for pid in self.own_processes()]
        left += self.files_left()
        for pid in self.own_processes():
            kill(pid, signal.SIGCONT)
            kill(pid)
        done = subprocess.run(["audit", "compare", "--settle", "30",
                               self.audited], check=False,
                              capture_output=True, text=True)
        left += done.stdout.splitlines() if done.returncode != 0 else []
        done = subprocess.run(["umount", self.hosts[0].state], check=False,
                              capture_output=True, text=True)
        if done.returncode != 0:
            left.append(done.stderr.strip())
        return left


def owner(pid):
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None
