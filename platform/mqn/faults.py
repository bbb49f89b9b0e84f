"""Faults of machinery (disk, memory, network) by our names, whichever library raised them.

A full disk arrives as `OSError 28`, as a line of PyTorch's about `inline_container`, or as the cause of an error of our
own ("cannot write scores.json"). Whichever it is, the work may succeed later, and no candidate is to blame.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from mqn.errors import DeviceError, DiskError, FaultError, MqnError, NetworkError, ProcessLostError
from mqn.text.redaction import shortened

WRITE_FAULTS = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there, or raise the quota",
    errno.EROFS: "mount it for writing, or choose another folder",
    errno.EIO: "the disk or its connection fails",
}
"""The system's error numbers of a disk that cannot be written to, and what to do."""
_DISK = {
    **WRITE_FAULTS,
    errno.ENOLCK: "the file system cannot lock files now",
    errno.EOPNOTSUPP: "the file system cannot lock files; use another for $MQN_HOME and the artifacts",
    errno.ESTALE: "the network's file system lost it",
    errno.ENOTCONN: "the network's file system lost it",
    errno.ETIMEDOUT: "the network's file system does not answer",
}
_REFUSED = {
    errno.EACCES: "permission denied",
    errno.EPERM: "not permitted",
    errno.ENOTDIR: "a part of it is a file, not a folder",
    errno.EEXIST: "there is something else of that name",
    errno.EISDIR: "it is a folder, not a file",
    errno.ENOTEMPTY: "the folder is not empty",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "the link points at itself",
    errno.EXDEV: "it lies on another file system",
}
_EXHAUSTED = {
    errno.ENOMEM: "memory is used up",
    errno.EAGAIN: "no further process or thread can be had",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open on this machine",
}
_BUSY = (408, 429)
# PyTorch's writer names a place in its own source, not the system's error.
_DISK_WORDS = (
    "inline_container",
    "PytorchStreamWriter",
    "No space left on device",
    "Disk quota exceeded",
    " requested and ",  # numpy: "100000 requested and 16368 written"
)
_READER_WORDS = ("PytorchStreamReader",)
_MEMORY_WORDS = (
    "DefaultCPUAllocator",
    "out of memory",
    "bad_alloc",
    "Cannot allocate memory",
    "OOM when allocating",
    "can't start new thread",
)


def fault_of(error: BaseException) -> FaultError | None:
    """The fault of machinery that an exception stands for, itself or through what caused it.

    Args:
        error: as it was raised, of whichever library. Devices have names of their own for what may succeed later.

    Returns:
        The fault by name, in one line; None where the program or its input is to blame.
    """
    if isinstance(error, DeviceError):
        return None
    causes = list(_causes(error))
    if any(type(cause).__name__ == "gaierror" for cause in causes):
        return None  # An unknown host name: most likely there is no network, and a user has to act.
    for cause in causes:
        found = _fault(cause)
        if found is not None:
            # Our own errors say in their line which file or step it was.
            return type(found)(str(error)) if isinstance(error, MqnError) else found
    return None


def refused_path(error: BaseException) -> DiskError | None:
    """The system's refusal of a path, such as a file where a folder is wanted.

    Args:
        error: as it was raised.

    Returns:
        It in one line, with the path; None for every other failure. No second try helps; a user has to act.
    """
    if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):  # pathlib's word for ELOOP
        return DiskError(f"{line_of(error)}: the link points at itself")
    number = getattr(error, "errno", None)
    if not isinstance(error, OSError) or number not in _REFUSED or not error.filename:
        return None
    named = error.filename2 or error.filename
    path = os.fsdecode(named) if isinstance(named, bytes) else named
    return DiskError(f"cannot use {path}: {_REFUSED[number]}")


def failure_of(error: BaseException) -> MqnError | None:
    """What crosses the border between processes by its name.

    Args:
        error: as it was raised.

    Returns:
        The fault of machinery, the error of ours, or what the system says of a path; None for a mistake in the program.
    """
    return fault_of(error) or (error if isinstance(error, MqnError) else refused_path(error))


def ran_out_of_memory(text: str) -> bool:
    """Whether a process's last words say that memory was used up."""
    return any(word in text for word in _MEMORY_WORDS)


def _fault(error: BaseException) -> FaultError | None:
    if isinstance(error, FaultError):
        return error
    if isinstance(error, MemoryError):
        return ProcessLostError(f"out of memory: {line_of(error)}")
    if isinstance(error, (ConnectionResetError, ConnectionAbortedError, ConnectionRefusedError)) or _broke_off(error):
        return NetworkError(f"the network failed: {line_of(error)}")
    if isinstance(error, OSError) and error.errno is not None:
        return _of_number(error, error.errno)
    # TensorFlow and others have exception types of their own; the words of our own errors are not a library's.
    return None if isinstance(error, MqnError) else _of_words(error)


def _of_number(error: OSError, number: int) -> FaultError | None:
    what = f"{error.strerror or line_of(error)}{f' ({error.filename})' if error.filename else ''}"
    if number in _DISK:
        return DiskError(f"{what}: {_DISK[number]}")
    if number in _EXHAUSTED:
        return ProcessLostError(f"{what}: {_EXHAUSTED[number]}")
    return None


def _of_words(error: BaseException) -> FaultError | None:
    text = str(error)
    if isinstance(error, NotImplementedError) and "flock" in text:  # filelock's word for a system that cannot
        return DiskError(f"{line_of(error)}: {_DISK[errno.EOPNOTSUPP]}")
    if any(word in text for word in _DISK_WORDS) and not any(word in text for word in _READER_WORDS):
        return DiskError(f"a file could not be written ({line_of(error)}): is the disk full?")
    if ran_out_of_memory(text):
        return ProcessLostError(f"out of memory: {line_of(error)}")
    return None


def _broke_off(error: BaseException) -> bool:
    """Whether an exception of httpx means that the network or a server failed, perhaps for a while."""
    if not type(error).__module__.startswith("httpx"):
        return False
    if any(kind.__name__ == "TransportError" for kind in type(error).__mro__):
        return True
    response = getattr(error, "response", None)
    return response is not None and (response.status_code in _BUSY or response.status_code >= 500)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, then what it was raised from or in the handling of."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def line_of(error: BaseException) -> str:
    """An exception's message as one line of at most 200 characters; its type's name where it has none."""
    text = " ".join(str(error).split())
    return shortened(text, 200) if text else type(error).__name__
