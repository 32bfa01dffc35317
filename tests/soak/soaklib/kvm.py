# SPDX-License-Identifier: GPL-2.0-or-later
"""KVM: two hosts on this machine; the guest is a kernel of its own."""

import os
import shutil
import signal
import subprocess

from soaklib.guest import Guest
from soaklib.world import (Host, STATE_MIB, World, eventually, kill, link_of,
                           processes, read, words_of)

FORMS = ("raw", "qcow2")
ON_CRASH = ("restart", "destroy", "preserve", "restart", "restart")


class KvmWorld(World):
    LIST_S = 10         # its own limit
    PATIENCE = 1
    WEIGHTS = {
        "destroy": 10, "pause": 10, "rename": 10, "reset": 8, "save": 10,
        "migrate": 16, "monitor_killed": 4, "monitor_stopped": 2,
        "guest_killed": 10, "guest_stopped": 3, "full": 4,
    }

    def __init__(self, options, book, random):
        super().__init__(options, book, random)
        self.can_fill = os.geteuid() == 0
        self.make_hosts()
        self.kernel = f"{self.scratch}/writer"
        subprocess.run([f"{options.here}/guest/build", self.kernel],
                       check=True)
        for number in range(options.guests):
            self.guests.append(self.make_guest(number))

    def make_hosts(self):
        for name in ("one", "two"):
            state = f"{self.scratch}/{name}"
            os.mkdir(state, 0o700)
            if self.can_fill:
                subprocess.run(["mount", "-t", "tmpfs", "-o",
                                f"mode=700,size={STATE_MIB}m", "soak", state],
                               check=True)
            self.hosts.append(Host(name, state, self.options.xk, "kvm"))

    def make_guest(self, number):
        guest = Guest(number, self.images, FORMS[number % len(FORMS)],
                      ON_CRASH[number % len(ON_CRASH)])
        guest.host = self.hosts[number % 2]
        guest.make_image()
        with open(guest.config, "w", encoding="utf-8") as file:
            file.write(f'name = "{guest.name}"\nuuid = "{guest.uuid}"\n'
                       f'type = "pvh"\nkernel = "{self.kernel}"\n'
                       f'memory = 32\non_crash = "{guest.on_crash}"\n'
                       f"disk = [ 'format={guest.form},vdev=xvda,access=rw,"
                       f"target={guest.image}' ]\n")
        return guest

    def console(self, guest):
        return f"{guest.host.record(guest)}/console.log"

    # ---- processes ----

    def guest_processes(self, guest, hosts=None):
        records = [os.path.realpath(h.record(guest)) for h in
                   hosts or [guest.host]]
        return [pid for pid in processes()
                if any(link_of(f"/proc/{pid}/cwd").startswith(record)
                       for record in records)
                and "/qemu-system-" in link_of(f"/proc/{pid}/exe")]

    def kill_guest(self, guest):
        pids = self.guest_processes(guest)
        for pid in pids:
            if kill(pid):
                self.book.kills["QEMU"] += 1
        return bool(pids)

    def end_by_force(self, guest):
        for pid in self.guest_processes(guest, self.hosts):
            kill(pid, signal.SIGCONT)
            kill(pid)
        for host in self.hosts:
            shutil.rmtree(host.record(guest), ignore_errors=True)

    def programs(self, word, host):
        """Processes of xk that run this verb on this host."""
        state = f"XK_STATE_DIR={host.state}".encode()
        return [pid for pid in processes()
                if link_of(f"/proc/{pid}/exe").endswith("/xk")
                and word in words_of(pid)
                and state in read(f"/proc/{pid}/environ").split(b"\0")]

    # ---- the end ----

    def own_processes(self):
        mark = f"XK_STATE_DIR={self.scratch}".encode()
        return [pid for pid in processes()
                if link_of(f"/proc/{pid}/exe").rsplit("/", 1)[-1].startswith(
                    ("qemu-", "xk"))
                and (mark in read(f"/proc/{pid}/environ")
                     or link_of(f"/proc/{pid}/cwd").startswith(self.scratch))]

    def things(self):
        """Our resources on the host other than processes and files."""
        loops = [read(f"/sys/block/{name}/loop/backing_file").decode()
                 for name in os.listdir("/sys/block")]
        mounts = [line.split()[1] for line in
                  read("/proc/self/mounts").decode().splitlines()]
        return {f"loop or mount {path.strip()}" for path in loops + mounts
                if path.startswith(self.scratch)}

    def left_over(self):
        """Everything is destroyed: return what was not there before."""
        eventually(20, lambda: not self.own_processes())
        left = [f"process {pid} {words_of(pid)[:4]}"
                for pid in self.own_processes()]
        left += self.files_left()
        for guest in self.guests:
            guest.ear.close()
        for pid in self.own_processes():
            kill(pid, signal.SIGCONT)
            kill(pid)
        if self.can_fill:
            for host in self.hosts:
                done = subprocess.run(["umount", host.state], check=False,
                                      capture_output=True, text=True)
                if done.returncode != 0:
                    left.append(done.stderr.strip())
        return left + sorted(self.things())
