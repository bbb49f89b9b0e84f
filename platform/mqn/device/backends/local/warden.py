"""The warden: isolates a pass, waits for it, and kills what is left of it.

A program of its own, run by its path: it imports nothing of ours, so that it starts in 20 ms, and forks where no thread
is. It is told what to do by `mqn.device.backends.local.confinement`, and asleep in the kernel while the pass runs.

    agent -> warden -> (first process of a namespace of processes) -> pass

What it cannot do of its order ends the pass before it begins, with the reason in a pipe that the pass does not have.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import stat
import struct
import sys
from typing import Any, NoReturn

UNCONFINED_CODE = 125

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
PR_SET_SECUREBITS, NO_ROOT, CAPABILITY_VERSION = 28, 0b11, 0x20080522
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER = 0x00020000, 0x08000000, 0x10000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 1 << 12, 1 << 14, 1 << 18
SOCKET_FOLDERS = ("/run", "/tmp", "/var/tmp")  # noqa: S108  (they are hidden, not used)
# Landlock has the same numbers on every architecture.
SYS_CREATE, SYS_ADD, SYS_RESTRICT = 444, 445, 446
RULE_PATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_FILE, MAKE_REG, TRUNCATE = 1, 2, 4, 8, 32, 256, 1 << 14
READ = EXECUTE | READ_FILE | READ_DIR
WORK = READ_FILE | READ_DIR | WRITE_FILE | REMOVE_FILE | MAKE_REG | TRUNCATE
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
# Rights on files by version of the interface: all that it knows is forbidden but what a rule allows.
KNOWN_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
ALL_RIGHTS = (1 << 16) - 1
TCP, SCOPES = 0b11, 0b11  # bind and connect; abstract sockets and signals

libc: Any = ctypes.CDLL(None, use_errno=True)


def call(name: str, *values: Any) -> int:
    """Call a function of the C library; an `OSError` where it fails, here and in all that follows."""
    result: int = getattr(libc, name)(*values)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def landlock_version() -> int:
    """The version of the kernel's interface; an `OSError` where it has none, or it is off."""
    return call("syscall", SYS_CREATE, None, 0, 1)


def shut_files(readable: list[str], writable: list[str]) -> None:
    """Leave this process, and all that it starts, nothing but some files; and no signals, where the kernel knows how.

    Files and folders that do not exist are left out. In those that are writable new files may be made, but neither
    folders nor links.
    """
    version = landlock_version()
    rights = KNOWN_RIGHTS.get(version, ALL_RIGHTS)
    attributes = struct.pack("=QQQ", rights, TCP if version >= 4 else 0, SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = call("syscall", SYS_CREATE, attributes, size, 0)
    for paths, wanted in ((readable, READ), (writable, WORK)):
        for path in paths:
            try:
                descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            allowed = wanted & rights & (ALL_RIGHTS if folder else FILE_RIGHTS)
            call("syscall", SYS_ADD, rules, RULE_PATH, struct.pack("=Qi", allowed, descriptor), 0)
            os.close(descriptor)
    call("syscall", SYS_RESTRICT, rules, 0)
    os.close(rules)


def separate(flags: int, *, as_root: bool) -> None:
    """Enter namespaces of our own; who is not root needs one of users for that."""
    if as_root:
        call("unshare", flags)
        return
    user, group = os.geteuid(), os.getegid()
    call("unshare", flags | CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as stream:
            stream.write(text)


def cover(paths: list[str]) -> None:
    """Hide from a pass what it does not need, in our namespace of mounts alone.

    Hidden are the folders where services of this machine have their sockets, because no other guard protects these. For
    another user, every folder that is closed to others is hidden too, such as root's home. `paths` are the files and
    folders that the pass needs all the same; those that do not exist are left out.
    """
    call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    hidden: dict[str, dict[str, int]] = {path: {} for path in SOCKET_FOLDERS if os.path.realpath(path) == path}
    for path in sorted(set(paths)):
        above = next((folder for folder in hidden if path.startswith(f"{folder}/")), "") or closed_above(path)
        if above and os.path.exists(path) and not any(path.startswith(f"{other}/") for other in hidden.get(above, ())):
            hidden.setdefault(above, {})[path] = os.open(path, os.O_PATH | os.O_CLOEXEC)
    for above, ways in hidden.items():
        if not os.path.isdir(above):
            continue
        call("mount", b"none", above.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=755,size=1m")
        for path, descriptor in ways.items():
            folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            os.makedirs(path if folder else os.path.dirname(path), exist_ok=True)
            if not folder:
                os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC))
            source = f"/proc/self/fd/{descriptor}".encode()
            call("mount", source, path.encode(), None, MS_BIND | MS_REC, None)
            os.close(descriptor)


def closed_above(path: str) -> str:
    """The topmost folder above a path that is closed to other users; empty if none is, or the pass is of our own."""
    parts = path.strip("/").split("/")[:-1]
    for count in range(1, len(parts) + 1) if os.geteuid() == 0 else ():
        above = "/" + "/".join(parts[:count])
        with contextlib.suppress(OSError):
            if not os.stat(above).st_mode & stat.S_IXOTH:
                return above
    return ""


def give_folder(user: int) -> None:
    """Give the current folder, and the plain files in it, to a user; a link's target stays whose it is."""
    for entry in os.scandir("."):
        if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_nlink == 1:
            os.chown(entry.name, user, user, follow_symlinks=False)
    os.chown(".", user, user)


def become(user: int) -> None:
    """Be another user for good, in no group but its own."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def drop_rights() -> None:
    """Keep nothing of what root may beyond its own files: not even the program that takes over gets it back."""
    call("prctl", PR_SET_SECUREBITS, NO_ROOT, 0, 0, 0)
    call("capset", struct.pack("=Ii", CAPABILITY_VERSION, 0), struct.pack("=6I", *[0] * 6))


def begin(order: dict[str, Any], user: int) -> NoReturn:
    """Be the pass: with every guard in place, another program takes over."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if user:
            become(user)
        elif os.geteuid() == 0:
            drop_rights()
        if order["processes"]:
            resource.setrlimit(resource.RLIMIT_NPROC, (order["processes"], order["processes"]))
        if order["landlock"]:
            shut_files(order["readable"], [*order["writable"], os.getcwd()])
        call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.execvp(order["command"][0], order["command"])  # noqa: S606  (there is no shell, and must be none)
    except OSError as error:
        refuse(order, error)


def refuse(order: dict[str, Any], error: OSError) -> NoReturn:
    """End before the pass has begun."""
    os.write(order["report"], str(error).encode(errors="replace")[:500])
    os._exit(UNCONFINED_CODE)


def keep(order: dict[str, Any], user: int, told: int, alive: int) -> NoReturn:
    """Be the first of a namespace of processes: none of the others can end or watch it, and all end with it.

    How the pass ended is written to the pipe `told`; the pipe `alive` ends when the warden does.
    """
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.set_blocking(alive, False)
    with contextlib.suppress(BlockingIOError):
        if not os.read(alive, 1):  # it ended before the signal was set
            os._exit(UNCONFINED_CODE)
    child = os.fork()
    if not child:
        begin(order, user)
    while True:
        ended, status = os.wait()  # orphans too, as the first process does
        if ended == child:
            os.write(told, struct.pack("=i", status))
            os._exit(0)


def sweep(user: int) -> None:
    """Kill what is left of the pass: orphans become our children, however often they forked."""
    while True:
        if user:
            killer = os.fork()
            if not killer:
                # By the kernel, all of that user at once, also those who fork meanwhile.
                with contextlib.suppress(OSError):
                    become(user)
                    os.kill(-1, signal.SIGKILL)
                os._exit(0)
            os.waitpid(killer, 0)
        for child in children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def children() -> list[int]:
    """The processes whose parent we are."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stream:
                # The command stands in parentheses and may hold anything.
                if int(stream.read().rpartition(b")")[2].split()[1]) == os.getpid():
                    found.append(int(name))
    return found


def guard(order: dict[str, Any]) -> int:
    """Run a command with the guards of an order, and return its wait status."""
    pulled, child = False, 0

    def pull(*_: object) -> None:
        nonlocal pulled
        pulled = True
        if child:
            os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGTERM, pull)
    first, span = order["users"]
    user = first + os.getpid() % span if first else 0
    os.set_inheritable(order["report"], False)
    told, alive = os.pipe(), os.pipe()
    try:
        # So that we kill the pass when the agent is killed: it may have forgotten its own signal for that.
        call("prctl", PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != order["parent"]:
            return UNCONFINED_CODE << 8
        call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        call("prctl", PR_SET_SUBREAPER, 1, 0, 0, 0)
        if user:
            give_folder(user)
        if order["namespaces"]:
            separate(order["namespaces"], as_root=order["as_root"])
        if order["namespaces"] & CLONE_NEWNS:
            folder = os.getcwd()
            cover([*order["readable"], folder])
            os.chdir(folder)
        # From here on none of the same user can read or trace us, nor those that we fork before they are the pass.
        call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)
        inside = bool(order["namespaces"] & CLONE_NEWPID)
        child = os.fork()
        if not child:
            os.close(alive[1])
            if inside:
                keep(order, user, told[1], alive[0])
            begin(order, user)
    except OSError as error:
        refuse(order, error)
    os.close(told[1])
    if pulled:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    child = 0
    if inside:
        answer = os.read(told[0], 4)
        status = struct.unpack("=i", answer)[0] if answer else int(signal.SIGKILL)
    else:
        sweep(user)
    return int(signal.SIGKILL) if pulled else status


def end_like(status: int) -> NoReturn:
    """End as another process did, by its signal or with its exit code."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    end_like(guard(json.loads(sys.argv[1])))
