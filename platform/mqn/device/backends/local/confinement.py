"""What a pass is isolated from on this machine: found out once, by trying.

A pass runs an untrusted model, so it is kept from all that it does not need, as far as the kernel and the agent's own
rights allow. What was found to hold is then demanded of every pass (`warden.py`): it is shut in so, or does not begin.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mqn.device.backends.local import warden
from mqn.device.wire import Guard, Isolation
from mqn.home import home

WARDEN = (sys.executable, "-I", "-S", str(Path(warden.__file__).resolve()))
TRIAL_SECONDS = 60.0
# Above all users that systems give out; in a container without those, where systemd has its users of a moment.
USERS = ((1_900_000_000, 1 << 22), (61_184, 4_000))
_MOUNTS = warden.CLONE_NEWNS
_NAMESPACES = {
    "network": warden.CLONE_NEWNET,
    "processes": warden.CLONE_NEWPID,
    "memory": warden.CLONE_NEWIPC,
    "sockets": _MOUNTS,
}
SPARE_PROCESSES = 16
"""Beside a thread for each that the runtime and the machine's libraries start."""

VARIABLES = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME",
    "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX", "TF_CPP_MIN_LOG_LEVEL",
)  # fmt: skip
"""What a pass gets of the agent's environment: where programs and libraries are, and how they use processors."""

_SYSTEM = (
    "/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/gnu/store", "/proc", "/sys",
    "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd", "/etc/group",
    "/etc/ssl/openssl.cnf", "/etc/alternatives", f"/etc/python{sys.version_info.major}.{sys.version_info.minor}",
    "/dev/urandom", "/dev/random",
)  # fmt: skip
# Its own files there: it tells the kernel to forget its peak of memory, and to end it first where memory runs out.
_WRITABLE = ("/dev/null", "/dev/zero", "/proc/self")
_PATHS = (
    "import sys, os, json; "
    "print(json.dumps([sys.prefix, sys.base_prefix, os.path.realpath(sys.executable), *sys.path]))"
)
_trying = threading.Lock()
_NEEDS = "import mqn.device.bench.timed, mqn.device.bench.profiled, ai_edge_litert.interpreter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """How passes are shut in.

    Attributes:
        namespaces: that the warden enters, as the kernel's flags.
        as_root: whether it may without one of users.
        users: the first of the numbers that passes get as their user, and how many; (0, 1): the agent's own.
        landlock: whether files, TCP and signals are taken from it.
        processes: whether their number can be bounded.
        readable: files and folders that it may read.
        reasons: why what does not hold does not, by guard.
    """

    namespaces: int = 0
    as_root: bool = False
    users: tuple[int, int] = (0, 1)
    landlock: bool = False
    processes: bool = False
    readable: tuple[str, ...] = ()
    reasons: Mapping[str, str]

    def order(self, command: Sequence[str], threads: int, report: int) -> str:
        """The warden's order, as JSON; `report` is a descriptor that gets the reason where a pass cannot begin."""
        limit = threads + (os.cpu_count() or 1) + SPARE_PROCESSES
        return json.dumps(
            {
                "command": list(command),
                "parent": os.getpid(),
                "report": report,
                "namespaces": self.namespaces,
                "as_root": self.as_root,
                "users": self.users,
                "landlock": self.landlock,
                "readable": self.readable,
                "writable": _WRITABLE,
                "processes": limit if self.processes else 0,
            }
        )

    def describe(self) -> Isolation:
        """Which guards hold, in words."""
        network = bool(self.namespaces & warden.CLONE_NEWNET)
        inside = bool(self.namespaces & warden.CLONE_NEWPID)
        own = self.users != (0, 1)
        return Isolation(
            guards=(
                Guard(name="environment", holds=True, how="the agent's variables stay with it, but for paths"),
                self._guard("privileges", sys.platform == "linux", "can gain no new ones"),
                self._guard(
                    "network",
                    network,
                    "none: a network of its own without any interface",
                ),
                self._guard("sockets", bool(self.namespaces & _MOUNTS), "those of this machine's services are hidden"),
                self._guard("user", own, "a user of its own for each pass"),
                self._guard("files", self.landlock, "reads the system and Python, writes its own folder only"),
                self._guard(
                    "leftovers",
                    sys.platform == "linux",
                    "ends with all its processes, those that left its group too: "
                    + ("they are in a namespace of their own" if inside else "orphans are caught and killed"),
                ),
                self._guard("processes", self.processes, "their number is bounded"),
            )
        )

    def _guard(self, name: str, holds: bool, how: str) -> Guard:
        holds = holds and name not in self.reasons
        return Guard(name=name, holds=holds, how=how if holds else self.reasons.get(name, "not to be had here"))


def environment(folder: Path) -> dict[str, str]:
    """The variables that a pass gets, with its own folder as home and for temporary files."""
    kept = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    return kept | {"HOME": str(folder), "TMPDIR": str(folder)}


def confinement() -> Confinement:
    """How passes are shut in on this machine, tried once by a pass that loads what passes need."""
    with _trying:
        return _find_out()


@functools.cache
def _find_out() -> Confinement:
    if sys.platform != "linux":
        missing = f"{platform.system()} has nothing for that"
        guards = ("privileges", "network", "sockets", "user", "files", "processes")
        left = {"leftovers": "its group is killed; what left the group lives on"}
        return Confinement(reasons=dict.fromkeys(guards, missing) | left)
    root = os.geteuid() == 0
    plan = Confinement(
        namespaces=sum(_NAMESPACES.values()),
        as_root=root,
        users=USERS[0] if root else (0, 1),
        landlock=True,
        processes=root or _counts_by_namespace(),
        readable=_readable(),
        reasons={} if root else {"user": "the agent is not root, so passes run as the agent's own user"},
    )
    if not _trouble(plan, _NEEDS):
        return _settle(plan)
    return _settle(_weaken(plan))


def _weaken(plan: Confinement) -> Confinement:
    """Leave out what cannot be had, one guard at a time."""
    bare = replace(plan, namespaces=0, users=(0, 1), landlock=False, processes=False)
    reasons = dict(plan.reasons)
    found = bare
    for name, flag in _NAMESPACES.items():
        trouble = _trouble(replace(bare, namespaces=flag))
        if trouble:
            reasons[name if name in ("network", "sockets") else f"namespace of {name}"] = f"not separated: {trouble}"
        else:
            found = replace(found, namespaces=found.namespaces | flag)
    trouble = _trouble(replace(bare, landlock=True))
    if trouble:
        reasons["files"] = f"not separated: {trouble}"
    found = replace(found, landlock=not trouble)
    if found.landlock and "network" in reasons and warden.landlock_version() >= 4:
        reasons["network"] += "; TCP is refused all the same"
    if plan.users != (0, 1):
        for users in USERS:
            trouble = _trouble(replace(found, users=users), _NEEDS)
            if not trouble:
                found = replace(found, users=users)
                break
        else:
            reasons["user"] = f"the agent's own user, because another cannot run {sys.executable}: {trouble}"
    if found.namespaces & _MOUNTS and _trouble(found, _NEEDS):
        found = replace(found, namespaces=found.namespaces & ~_MOUNTS)
        reasons["sockets"] = "not separated: Python or the runtime lie beside them"
    if found.landlock and _trouble(found, _NEEDS):
        found = replace(found, landlock=False)
        reasons["files"] = "not separated: Python or the runtime lie where no rule expects them"
    counted = found.users != (0, 1) or (not plan.as_root and bool(found.namespaces) and _counts_by_namespace())
    if not counted:
        reasons["processes"] = "not bounded: the kernel counts all processes of the agent's user together"
    return replace(found, processes=counted, reasons=reasons)


def _settle(plan: Confinement) -> Confinement:
    reasons = dict(plan.reasons)
    if plan.landlock and any(home().resolve().is_relative_to(path) for path in plan.readable):
        reasons["files"] = f"its own folder only is written, but {home()} lies among what Python needs and is read"
    return replace(plan, reasons=reasons)


def _trouble(plan: Confinement, code: str = "") -> str:
    """Try a pass; why it does not run, empty where it does."""
    with tempfile.TemporaryDirectory(prefix="mqn-confined-") as folder:
        flags = ("-P",) if code else ("-I", "-S")
        reading, report = os.pipe()
        try:
            done = subprocess.run(
                [*WARDEN, plan.order([sys.executable, *flags, "-c", code], 1, report)],
                cwd=folder,
                env=environment(Path(folder)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(report,),
                timeout=TRIAL_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        finally:
            os.close(report)
            words = os.read(reading, 500).decode(errors="replace")
            os.close(reading)
        if done.returncode == 0:
            return ""
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return words or (lines[-1] if lines else f"exit code {done.returncode}")


def _readable() -> tuple[str, ...]:
    """What a pass has to read: the system's libraries, Python, and what Python imports from."""
    found: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mqn-confined-") as folder:
        asked = subprocess.run(
            [sys.executable, "-P", "-c", _PATHS],
            cwd=folder,
            env=environment(Path(folder)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    told: Any = json.loads(asked.stdout) if asked.returncode == 0 else []
    found = [path for path in told if Path(path).is_absolute() and len(Path(path).parts) > 1]
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return tuple(dict.fromkeys([*_SYSTEM, *found, *(path for path in libraries if path.startswith("/"))]))


def _counts_by_namespace() -> bool:
    """Whether the kernel counts processes by namespace of users: since 5.14."""
    numbers = platform.release().split("-")[0].split(".")
    return all(number.isdecimal() for number in numbers[:2]) and [int(number) for number in numbers[:2]] >= [5, 14]
