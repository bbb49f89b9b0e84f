"""A 64-bit ARM board that is none: the bench and the C runner under qemu-user, compared with this machine.

    python -m tests.lab.aarch64 --folder /tmp/mqn-aarch64

Needs x86-64 Linux, root, debootstrap, qemu-user-static, aarch64-linux-gnu-gcc, and Debian's and PyPI's mirrors. Makes
once, in the folder: a Debian with Python (unpacked, never configured: nothing of it runs as a system), and LiteRT's
aarch64 wheel with what it needs. Then it shows that

1. `python -m mqn.device.bench` under qemu gives the outputs of this machine, byte by byte, where XNNPACK runs the model
   (LiteRT's own kernels add floats in another order on ARM, so there only bench and runner are compared);
2. the device calls itself emulated, and its measurement is refused as a figure;
3. the runner, cross-compiled and driven through a shell in a chroot, gives the same outputs and is marked likewise.

For the third every program must start by itself: qemu is registered with the kernel (binfmt_misc) for as long as that
takes, unless it is already.

LiteRT reads `/proc/cpuinfo`, which under qemu describes the x86 processor, and dies of it (SIGSEGV); so it is shown
that of a Cortex-A72. Nothing else is covered up.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import platform
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from mqn.device import session
from mqn.device.backends.contract import Backend
from mqn.device.backends.local.backend import LocalBackend
from mqn.device.backends.local.isolation import KillSwitch, run_isolated
from mqn.device.backends.shell.backend import RunnerBackend
from mqn.device.backends.shell.loopback import HereShell
from mqn.device.passes import REQUEST_FILE, RESULT_FILE, Kind, PassRequest, PassResult, parse_result
from mqn.device.science.figures import figures
from mqn.device.wire import Isolation
from mqn.errors import MeasurementError
from mqn.parsing import file_hash, from_mapping, write_json
from mqn.records import DeviceInfo, MachineState, Measurement, MeasureSettings
from tests.support.tflite_models import convolutions

QEMU = "/usr/bin/qemu-aarch64-static"
SUITE = "bookworm"
WHEELS = ("ai-edge-litert", "numpy")
PLATFORMS = ("manylinux_2_27_aarch64", "manylinux_2_28_aarch64", "manylinux2014_aarch64")
SOURCES = Path(__file__).resolve().parents[2] / "platform"
# A pass takes a hundred times as long as on a board.
PATIENT = MeasureSettings(
    processes=1, runs=5, seconds=0, warmup_seconds=0.1, warmup_limit_seconds=0.5, timeout_seconds=300, attempts=1
)
BINFMT = Path("/proc/sys/fs/binfmt_misc")
# e_machine 183 of a 64-bit little-endian ELF program; F: the kernel opens qemu now, so that a chroot needs none.
RULE = (
    rb":qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:"
    rb"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:" + QEMU.encode() + b":F"
)


CPUINFO = """\
processor\t: {number}
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3

"""


class QemuBackend:
    """The Python bench under qemu-user: LocalBackend on another processor."""

    kinds: frozenset[Kind] = LocalBackend.kinds

    def __init__(self, rootfs: Path, site: Path) -> None:
        self._python = (QEMU, "-L", str(rootfs), str(rootfs / "usr/bin/python3"), "-P")
        os.environ["PYTHONPATH"] = f"{site}:{SOURCES}"

    def describe(self) -> DeviceInfo:
        script = "import json; from mqn.device import machine; from mqn.parsing import to_plain; "
        script += "print(json.dumps(to_plain(machine.describe())))"
        done = subprocess.run([*self._python, "-c", script], capture_output=True, text=True, check=True)
        return from_mapping(DeviceInfo, json.loads(done.stdout), source="qemu")

    def state(self) -> MachineState:
        return LocalBackend().state()

    def isolation(self) -> Isolation:
        return Isolation(guards=())

    def run(self, request: PassRequest, files: Mapping[str, Path], folder: Path, switch: KillSwitch) -> PassResult:
        for name, path in files.items():
            (folder / name).write_bytes(path.read_bytes())
        write_json(folder / REQUEST_FILE, request)
        command = (*self._python, "-m", "mqn.device.bench")
        ending = run_isolated(folder, request.settings.timeout_seconds, switch, command, confined=False)
        if ending.returncode != 0:
            raise RuntimeError(f"the bench under qemu: {ending.description}")
        return parse_result((folder / RESULT_FILE).read_bytes(), request)

    def close(self) -> None:
        del os.environ["PYTHONPATH"]


def make_rootfs(rootfs: Path) -> None:
    """Unpack a Debian with Python, unless it is there."""
    if (rootfs / "usr/bin/python3").exists():
        return
    options = ["--foreign", "--arch=arm64", "--variant=minbase", "--include=python3"]
    subprocess.run(["debootstrap", *options, SUITE, str(rootfs)], check=True, stdout=sys.stderr)
    for package in sorted((rootfs / "var/cache/apt/archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(package), str(rootfs)], check=True)


def write_cpuinfo(rootfs: Path) -> None:
    """Describe as many ARM processors as there are, where qemu's `-L` looks first, and where a mount finds it."""
    processors = [CPUINFO.format(number=number) for number in range(os.cpu_count() or 1)]
    for name in ("proc/cpuinfo", "cpuinfo"):
        (rootfs / name).write_text("".join(processors))


def make_site(site: Path, wheels: Path) -> None:
    """Unpack LiteRT's wheel and what it needs, unless they are there."""
    if (site / "ai_edge_litert").exists():
        return
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--python-version=3.11"]
    command += [f"--platform={name}" for name in PLATFORMS]
    wanted = [f"{name}=={metadata.version(name)}" for name in WHEELS]
    subprocess.run([*command, "--dest", str(wheels), *wanted], check=True, stdout=sys.stderr)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)


@contextlib.contextmanager
def registered() -> Iterator[None]:
    """Let the kernel start ARM programs by qemu meanwhile."""
    mounted = (BINFMT / "register").exists()
    if not mounted:
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=True)
    known = (BINFMT / "qemu-aarch64").exists()
    try:
        if not known:
            (BINFMT / "register").write_bytes(RULE)
        yield
    finally:
        if not known:
            (BINFMT / "qemu-aarch64").write_text("-1")
        if not mounted:
            subprocess.run(["umount", str(BINFMT)], check=True)


def measure(backend: Backend, model: Path, folder: Path, settings: MeasureSettings) -> Measurement:
    files = [session.SessionFile(part="model", sha256=file_hash(model), path=model)]
    return session.measure(backend, files, settings, folder=folder, switch=KillSwitch())


def report(title: str, measurement: Measurement) -> str:
    """Tell what was measured, and that it is no figure; the output's hash."""
    device, latency = measurement.device, measurement.latency_ms
    if latency is None:
        raise RuntimeError(f"{title}: {measurement.verdict}: {'; '.join(measurement.reasons)}")
    part = measurement.parts[0]
    say(f"{title}: {device.architecture} on {device.kernel}, emulated {device.emulated}, {device.runtime}")
    say(f"  p50 {latency.p50:.3f} ms of {latency.n}, peak {measurement.peak_memory_mb:.2f} MB, {measurement.verdict}")
    say(f"  output {part.output_sha256}, delegation {part.delegation}")
    try:
        figures(measurement)
        say("  figures() takes it")
    except MeasurementError as error:
        say(f"  figures() refuses it: {error}")
    return part.output_sha256


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Show all three.

    Returns:
        0 where the outputs are equal and the ARM ones are marked as emulated.
    """
    parser = argparse.ArgumentParser(description="Run the bench and the runner as aarch64, under qemu-user.")
    parser.add_argument("--folder", type=Path, required=True, help="for the root file system and the wheels")
    folder: Path = parser.parse_args().folder
    rootfs, site, work = folder / "rootfs", folder / "site", folder / "work"
    if platform.machine() != "x86_64":
        parser.error(f"this machine is {platform.machine()}: there is nothing to imitate")
    folder.mkdir(parents=True, exist_ok=True)
    make_rootfs(rootfs)
    write_cpuinfo(rootfs)
    make_site(site, folder / "wheels")
    work.mkdir(exist_ok=True)
    model = folder / "model.tflite"
    model.write_bytes(convolutions(32, 8, layers=4, dtype="int32"))
    os.environ.setdefault("MQN_HOME", str(folder / "home"))
    found = {}
    for delegate in ("xnnpack", "none"):
        settings = dataclasses.replace(PATIENT, delegate=delegate)
        found["here", delegate] = measure(LocalBackend(), model, work, settings)
        bench = QemuBackend(rootfs, site)
        found["bench under qemu", delegate] = measure(bench, model, work, settings)
        bench.close()
        with registered():
            runner = RunnerBackend(HereShell(Path("/mqn-device"), work, prefix=_chroot(rootfs)))
            found["runner under qemu", delegate] = measure(runner, model, work, settings)
            runner.close()
    outputs = {key: report(", ".join(key), measurement) for key, measurement in found.items()}
    equal = len({output for (_, delegate), output in outputs.items() if delegate == "xnnpack"}) == 1
    equal &= outputs["bench under qemu", "none"] == outputs["runner under qemu", "none"]
    marked = all(measurement.device.emulated == (where != "here") for (where, _), measurement in found.items())
    say(f"outputs as they should be: {equal}; ARM measurements marked as emulated, and no others: {marked}")
    return 0 if equal and marked else 1


def _chroot(rootfs: Path) -> tuple[str, ...]:
    enter = (
        f"mount -t proc proc {rootfs}/proc && mount --bind {rootfs}/cpuinfo {rootfs}/proc/cpuinfo && "
        f'mount --rbind /sys {rootfs}/sys && exec env -i PATH=/usr/bin:/bin HOME=/ /usr/sbin/chroot {rootfs} "$@"'
    )
    return ("unshare", "--mount", "sh", "-c", enter, "sh")


if __name__ == "__main__":
    sys.exit(main())
