"""Builds the runner from its C sources for a device's architecture, once for each version of them."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqn.errors import DeviceRefusedError
from mqn.files.publishing import publish_file
from mqn.home import home

SOURCES = Path(__file__).parent / "runner"
FLAGS = ("-std=c11", "-O2", "-D_GNU_SOURCE")
LIBRARIES = ("-ldl", "-lm")
ANDROID_API = 28
TIMEOUT_SECONDS = 120

# As `uname -m` says, and as compilers say.
TRIPLES = {
    "x86_64": "x86_64-linux-gnu",
    "aarch64": "aarch64-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """A C compiler for a device.

    Attributes:
        command: its words, before the sources.
        bionic: whether it builds for Android's own C library: then LiteRT's library must be Android's as well.
    """

    command: tuple[str, ...]
    bionic: bool = False


def find_compiler(architecture: str) -> Compiler:
    """Find a compiler: `$CC`, the NDK in `$MQN_NDK`, this machine's own, or Debian's cross compiler.

    Args:
        architecture: the device's, as `uname -m` says.

    Raises:
        DeviceRefusedError: there is none, or the one that was named does not build for the device.
    """
    triple = TRIPLES.get(architecture)
    if triple is None:
        raise DeviceRefusedError(f"architecture {architecture!r}: the runner is built for {', '.join(TRIPLES)} only")
    if named := os.environ.get("CC"):
        command = tuple(shlex.split(named))
        target = _ask(command, "-dumpmachine")
        if target.split("-")[0] == architecture:
            return Compiler(command=command, bionic="android" in target)
    if ndk := os.environ.get("MQN_NDK"):
        pattern = f"toolchains/llvm/prebuilt/*/bin/{architecture}-linux-android{ANDROID_API}-clang"
        found = sorted(Path(ndk).glob(pattern))
        if not found:
            raise DeviceRefusedError(f"MQN_NDK={ndk} holds no {pattern}; name the NDK's own folder")
        return Compiler(command=(str(found[0]),), bionic=True)
    names = [f"{triple}-gcc"]
    if architecture == platform.machine():
        names = ["cc", "gcc", "clang", *names]
    for name in names:
        if path := shutil.which(name):
            return Compiler(command=(path,))
    raise DeviceRefusedError(
        f"no C compiler for {architecture}; install {' or '.join(names)} (Debian: gcc-{triple.replace('_', '-')}), "
        "or set CC or MQN_NDK"
    )


def build_runner(architecture: str, compiler: Compiler) -> Path:
    """Build the runner, unless it was built before.

    Args:
        architecture: names its folder.
        compiler: for the device.

    Returns:
        The program, under `home()`.

    Raises:
        DeviceRefusedError: it cannot be built; carries the compiler's last words.
    """
    sources = sorted(SOURCES.glob("*.[ch]"))
    digest = hashlib.sha256(repr((architecture, compiler, FLAGS, LIBRARIES)).encode())
    for source in sources:
        digest.update(source.read_bytes())
    folder = home() / "cache" / "runner"
    program = folder / f"mqn_runner-{architecture}-{digest.hexdigest()[:16]}"
    if program.is_file():
        return program
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="build-", dir=folder) as name:
        built = Path(name) / program.name
        files = [str(source) for source in sources if source.suffix == ".c"]
        _compile([*compiler.command, *FLAGS, *files, "-o", str(built), *LIBRARIES])
        publish_file(built, program)
    return program


def find_support(compiler: Compiler, names: Sequence[str]) -> dict[str, Path]:
    """Find the compiler's own copies of shared libraries, the loader among them.

    Args:
        compiler: for the device.
        names: as programs ask for them: `libc.so.6`.

    Returns:
        Where each lies; those that the compiler does not have are left out.
    """
    found = {name: Path(_ask(compiler.command, f"-print-file-name={name}")) for name in names}
    return {name: path.resolve() for name, path in found.items() if path.is_absolute() and path.is_file()}


def _ask(command: Sequence[str], question: str) -> str:
    return _call([*command, question], f"the compiler {shlex.join(command)!r} cannot be run").stdout.strip()


def _compile(command: Sequence[str]) -> None:
    trouble = f"the runner cannot be built with {command[0]}"
    done = _call(command, trouble)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines() or ["?"]
        raise DeviceRefusedError(f"{trouble}: {lines[0].strip()[:300]}")


def _call(command: Sequence[str], trouble: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeviceRefusedError(f"{trouble}: {error}") from error
