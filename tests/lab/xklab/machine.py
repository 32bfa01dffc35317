# SPDX-License-Identifier: GPL-2.0-or-later
"""One emulated lab host: its QEMU and the sockets that lead into it."""

import os
import shlex
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from xklab.host import LAB, Unavailable, cache_dir

# Why this model: SMAP kills a PV dom0 under TCG, AVX breaks ssh, RDTSCP makes
# Xen kill PVH guests; without RDRAND every libxl program waits for entropy.
CPU = ("qemu64,+svm,+npt,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+lahf_lm,"
       "-rdtscp,+rdrand")
DOM0_MIB = 1536
XEN_LINE = ("console=com1 com1=115200,8n1 noreboot bootscrub=0 "
            "loglvl=warning guest_loglvl=warning "
            "dom0_mem={dom0}M,max:{dom0}M dom0_max_vcpus={cpus}")
LINUX_LINE = "console={console} quiet mitigations=off panic=-1"
CHANNELS = ("console", "control", "out", "err", "qmp")


@dataclass
class Spec:
    """What a lab host is to be."""
    mode: str                       # "xen" or "kvm"
    command: list                   # argv inside the host
    number: int = 1                 # host1 or host2
    cpus: int = 1
    icount: bool = False            # time is counted in instructions
    memory_mib: int = 4096
    build: Path = None              # the built tree: /xk
    source: Path = LAB.parent.parent            # /src
    output: Path = None             # /output
    shares: list = field(default_factory=list)  # (folder, mount point)
    pair: Path = None               # a folder that both hosts write to
    wire: socket.socket = None      # the network between both
    shell: bool = False             # the terminal is the host's console
    environment: dict = field(default_factory=dict)


class Machine:
    """A running lab host; stop() always, or it outlives its purpose."""

    def __init__(self, host, spec, work):
        self.spec = spec
        self.name = f"host{spec.number}"
        self.job = work / self.name
        self.job.mkdir()
        self.channels = {}
        self.write_job()
        self.start(self.arguments(host))

    def write_job(self):
        """/job/job is read by the host's init as shell."""
        spec = self.spec
        size = shutil.get_terminal_size()
        words = {
            "lab_mode": spec.mode, "lab_name": self.name,
            "lab_number": spec.number, "lab_pair": "yes" if spec.pair else "",
            "lab_shell": "yes" if spec.shell else "",
            "lab_rows": size.lines, "lab_columns": size.columns,
            "lab_shares": " ".join(f"{tag}:{point}"
                                   for tag, _, point in self.shares()),
        }
        lines = [f"{key}={shlex.quote(str(value))}"
                 for key, value in words.items()]
        lines += [f"export {key}={shlex.quote(value)}"
                  for key, value in spec.environment.items()]
        command = " ".join(shlex.quote(str(word)) for word in spec.command)
        lines.append(f"lab_command=({command})")
        (self.job / "job").write_text("\n".join(lines) + "\n")

    def shares(self):
        return [(f"share{i}", folder, point)
                for i, (folder, point) in enumerate(self.spec.shares)]

    def arguments(self, host):
        spec = self.spec
        return (
            ["-machine", "pc", *self.clock_arguments(), "-cpu", CPU,
             "-smp", str(spec.cpus), "-m", str(spec.memory_mib),
             "-nodefaults", "-no-user-config", "-display", "none",
             "-no-reboot", "-device", "virtio-rng-pci",
             "-drive", f"file={comma(host / 'disk.img')},if=virtio,"
             "format=raw,snapshot=on,cache=unsafe"]
            + self.boot_arguments(host)
            + self.share_arguments())

    def clock_arguments(self):
        """With icount an instruction takes 2 ns of the host's time."""
        if self.spec.icount:
            return ["-accel", "tcg,thread=single", "-icount", "shift=1"]
        return ["-accel", "tcg,thread=multi"]

    def boot_arguments(self, host):
        spec = self.spec
        if spec.mode == "kvm":
            return ["-kernel", str(host / "vmlinux"),
                    "-initrd", str(host / "initrd"),
                    "-append", LINUX_LINE.format(console="ttyS0")]
        line = LINUX_LINE.format(console="hvc0")
        return ["-kernel", str(host / "xen"),
                "-append", XEN_LINE.format(dom0=DOM0_MIB, cpus=spec.cpus),
                "-initrd", f"{comma(host / 'vmlinux')} {line},"
                f"{comma(host / 'initrd')}"]

    def share_arguments(self):
        spec = self.spec
        rows = [("lab", LAB, True), ("src", spec.source, True),
                ("xk", spec.build, True), ("cache", cache_dir(), True),
                ("job", self.job, False), ("output", spec.output, False)]
        rows += [(tag, folder, True) for tag, folder, _ in self.shares()]
        if spec.pair:
            rows.append(("pair", spec.pair, False))
        arguments = []
        for tag, folder, read_only in rows:
            arguments += ["-virtfs", f"local,path={comma(folder)},"
                          f"mount_tag={tag},security_model=none,"
                          f"multidevs=remap,readonly="
                          f"{'on' if read_only else 'off'}"]
        return arguments

    def start(self, arguments):
        ends = {}
        channels = CHANNELS[1:] if self.spec.shell else CHANNELS
        for name in channels:
            self.channels[name], ends[name] = socket.socketpair()
        for name, end in ends.items():
            arguments += ["-chardev", f"socket,id={name},fd={end.fileno()}"]
        if self.spec.shell:
            arguments += ["-chardev",
                          "stdio,id=console,mux=on,signal=off",
                          "-mon", "chardev=console,mode=readline"]
        arguments += ["-serial", "chardev:console",
                      "-device", "virtio-serial-pci"]
        arguments += ["-mon", "chardev=qmp,mode=control"]
        for name, tag in (("control", "ctl"), ("out", "out"), ("err", "err")):
            arguments += ["-device",
                          f"virtserialport,chardev={name},name=lab.{tag}"]
        fds = [end.fileno() for end in ends.values()]
        if self.spec.wire:
            fds.append(self.spec.wire.fileno())
            arguments += ["-netdev", f"socket,id=wire,fd={fds[-1]}",
                          "-device", "virtio-net-pci,netdev=wire,romfile=,"
                          f"mac=52:54:00:11:00:0{self.spec.number}"]
        with open(self.job / "qemu.log", "wb") as log:
            self.process = launch(arguments, fds, log, self.spec.shell)
        for end in ends.values():
            end.close()
        if self.spec.wire:
            self.spec.wire.close()

    def release(self):
        """Let the host past its barrier."""
        self.channels["control"].sendall(b"go\n")

    def reset(self):
        """As if the power had failed; the host starts anew. What QEMU answers
        is read by the run, like all that comes by a channel."""
        for command in ('"qmp_capabilities"',
                        '"set-action", "arguments": {"reboot": "reset"}',
                        '"system_reset"'):
            self.channels["qmp"].sendall(b'{"execute": %s}\n'
                                         % command.encode())

    def processor_s(self):
        """The processor time that its QEMU has used."""
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        except OSError:
            return 0.0
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def complaints(self):
        """What QEMU itself said, and how it ended where it did."""
        words = (self.job / "qemu.log").read_text(errors="replace")
        status = self.process.poll()
        if status is not None:
            how = f"signal {-status}" if status < 0 else f"status {status}"
            words += f"QEMU ended with {how}\n"
        return words

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for channel in self.channels.values():
            channel.close()


def comma(path):
    """QEMU's option lists take a comma only if it is doubled."""
    return str(path).replace(",", ",,")


def launch(arguments, fds, log, shell):
    """QEMU dies with us, however we die."""
    for tool in ("qemu-system-x86_64", "setpriv"):
        if not shutil.which(tool):
            raise Unavailable(f"{tool} is not installed: run ./bootstrap")
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64"] + arguments,
        stdin=None if shell else subprocess.DEVNULL,
        stdout=None if shell else subprocess.DEVNULL, stderr=log,
        pass_fds=fds, env={**os.environ, "LC_ALL": "C"})
