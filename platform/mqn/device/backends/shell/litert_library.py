"""LiteRT's library for a device, and the C library that it wants where the device has another.

The wheel's `libLiteRt.so` is built for glibc 2.27. A device without glibc (Android, Alpine) or with an older one gets
the compiler's own loader and libraries beside it. Tried: x86-64 in a chroot with nothing but BusyBox (13 MB are pushed
in all), and aarch64 under qemu-user (`tests/lab/aarch64.py`). Not tried: a phone, where Android may not let `shell`
start a foreign loader.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from mqn.errors import DeviceRefusedError
from mqn.files.publishing import publish_file
from mqn.home import home

PACKAGE = "ai-edge-litert"
MEMBER = "ai_edge_litert/libLiteRt.so"
PLATFORMS = {"x86_64": "manylinux_2_27_x86_64", "aarch64": "manylinux_2_27_aarch64"}
LOADERS = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}
SUPPORT = ("libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libstdc++.so.6", "libgcc_s.so.1")
DOWNLOAD_SECONDS = 300

_MACHINES = {62: "x86_64", 183: "aarch64", 243: "riscv64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """LiteRT for a device.

    Attributes:
        path: `libLiteRt.so` on this machine.
        runtime: its name and version, for `DeviceInfo.runtime`.
    """

    path: Path
    runtime: str


def find_library(architecture: str) -> Library:
    """Find LiteRT's library: `$MQN_LITERT_LIBRARY`, the installed wheel's, or that of the same version for the device.

    Args:
        architecture: the device's, as `uname -m` says.

    Raises:
        DeviceRefusedError: there is none, or the one that was named is for another architecture.
    """
    if named := os.environ.get("MQN_LITERT_LIBRARY"):
        path = Path(named)
        found = read_architecture(path)
        if found != architecture:
            raise DeviceRefusedError(f"MQN_LITERT_LIBRARY={named} is for {found or 'no'} processor, not {architecture}")
        return Library(path=path, runtime=f"LiteRT's C API, {path.name} of {path.stat().st_size} bytes")
    version = metadata.version(PACKAGE)
    runtime = f"{PACKAGE} {version}, C API"
    if architecture == platform.machine():
        package = util.find_spec("ai_edge_litert")
        if package is not None and package.origin is not None:
            return Library(path=Path(package.origin).with_name("libLiteRt.so"), runtime=runtime)
    return Library(path=_download(architecture, version), runtime=runtime)


def read_architecture(path: Path) -> str:
    """The processor that a program or library is for, as `uname -m` says; empty where it is unknown.

    Raises:
        DeviceRefusedError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(20)
    except OSError as error:
        raise DeviceRefusedError(f"{path} cannot be read: {error.strerror}") from error
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return ""
    return _MACHINES.get(int.from_bytes(head[18:20], "little"), "")


def _download(architecture: str, version: str) -> Path:
    folder = home() / "cache" / "litert" / f"{version}-{architecture}"
    library = folder / "libLiteRt.so"
    if library.is_file():
        return library
    if architecture not in PLATFORMS:
        raise DeviceRefusedError(
            f"{PACKAGE} has no library for {architecture}, only for {', '.join(PLATFORMS)}; set MQN_LITERT_LIBRARY"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="download-", dir=folder) as name:
        _run_pip(Path(name), architecture, version)
        wheel = next(Path(name).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as source:
            unpacked = Path(name) / library.name
            with unpacked.open("wb") as target:
                shutil.copyfileobj(source, target)
        publish_file(unpacked, library)
    return library


def _run_pip(folder: Path, architecture: str, version: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--platform", PLATFORMS[architecture], "--dest", str(folder), f"{PACKAGE}=={version}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False)
        words = (done.stderr.strip().splitlines() or ["no reason given"])[-1] if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        words = str(error)
    if words:
        raise DeviceRefusedError(
            f"{PACKAGE} {version} for {architecture} cannot be fetched: {words[:300]}; set MQN_LITERT_LIBRARY"
        )
