from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest

from mqn.errors import (
    DeviceAwayError,
    DiskError,
    FaultError,
    MqnError,
    NetworkError,
    PlanError,
    ProcessLostError,
    WeightsError,
)
from mqn.faults import failure_of, fault_of, refused_path

REQUEST = httpx.Request("GET", "https://example.org/weights")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/a/b.bin"), DiskError, "No space left on device (/a/b.bin)"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), DiskError, "raise the quota"),
        (OSError(errno.EROFS, "Read-only file system", "/a"), DiskError, "mount it for writing"),
        (OSError(errno.EIO, "Input/output error"), DiskError, "the disk or its connection fails"),
        (OSError(errno.ENOLCK, "No locks available"), DiskError, "cannot lock"),
        (OSError(errno.EOPNOTSUPP, "Operation not supported"), DiskError, "cannot lock files"),
        (NotImplementedError("FileSystem does not appear to support flock"), DiskError, "cannot lock files"),
        (RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0"), DiskError, "disk full?"),
        (RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"), DiskError, "disk full?"),
        (OSError("100000 requested and 16368 written"), DiskError, "disk full?"),
        (type("ResourceExhaustedError", (Exception,), {})("x; No space left on device"), DiskError, "disk full?"),
        (MemoryError(), ProcessLostError, "out of memory: MemoryError"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), ProcessLostError, "out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), ProcessLostError, "out of memory"),
        (RuntimeError("can't start new thread"), ProcessLostError, "out of memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), ProcessLostError, "memory is used up"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), ProcessLostError, "no further process"),
        (OSError(errno.EMFILE, "Too many open files"), ProcessLostError, "too many files"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), NetworkError, "reset by peer"),
        (httpx.ReadTimeout("timed out"), NetworkError, "timed out"),
        (httpx.RemoteProtocolError("peer closed connection"), NetworkError, "peer closed"),
        (httpx.HTTPStatusError("503", request=REQUEST, response=httpx.Response(503)), NetworkError, "503"),
    ],
)
def test_faults_go_by_our_names(error: Exception, kind: type[FaultError], words: str) -> None:
    found = fault_of(error)
    assert type(found) is kind
    assert words in str(found)
    assert "\n" not in str(found)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("shapes do not match"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "x"),
        RuntimeError("PytorchStreamReader failed reading zip archive: failed finding central directory"),
        RuntimeError("[enforce fail at inline_container.cc:145] . PytorchStreamReader failed"),
        KeyError("x"),
        httpx.HTTPStatusError("404", request=REQUEST, response=httpx.Response(404)),
        WeightsError("x is no checkpoint"),
        WeightsError("its weights need 3 GB: out of memory"),
    ],
)
def test_what_the_program_or_its_input_is_to_blame_for_is_no_fault(error: Exception) -> None:
    assert fault_of(error) is None


def test_a_cause_counts_and_our_own_line_is_kept() -> None:
    def write() -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise WeightsError("cannot write checkpoint.pt: No space left on device") from error

    with pytest.raises(MqnError) as raised:
        write()
    found = fault_of(raised.value)
    assert type(found) is DiskError
    assert str(found) == "cannot write checkpoint.pt: No space left on device"


def test_a_device_that_is_away_is_none_of_the_disks() -> None:
    error = DeviceAwayError("board does not answer")
    error.__cause__ = TimeoutError(errno.ETIMEDOUT, "Connection timed out")
    assert fault_of(error) is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_really_full_device_is_named() -> None:
    with pytest.raises(OSError) as raised, Path("/dev/full").open("wb") as stream:  # noqa: PT011 - its number is checked
        stream.write(b"x" * 100_000)
    assert isinstance(fault_of(raised.value), DiskError)


def test_a_name_that_nobody_knows_is_for_the_user_to_mend() -> None:
    error = WeightsError("cannot download https://nowhere/x; fetch it elsewhere")
    error.__cause__ = httpx.ConnectError("[Errno -2] Name or service not known")
    assert type(fault_of(error)) is NetworkError
    error.__cause__.__cause__ = socket.gaierror(-2, "Name or service not known")
    assert fault_of(error) is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_numpys_word_for_a_full_disk_is_known() -> None:
    with pytest.raises(OSError) as raised, Path("/dev/full").open("wb") as stream:  # noqa: PT011 - it is looked at below
        np.zeros(100_000).tofile(stream)
    assert isinstance(fault_of(raised.value), DiskError)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda folder: (folder / "file").mkdir(), "file: there is something else of that name"),
        (lambda folder: (folder / "file" / "inner").mkdir(), "inner: a part of it is a file, not a folder"),
        (lambda folder: (folder / "file").write_text("x") and folder.read_bytes(), ": it is a folder, not a file"),
        (lambda folder: (folder / ("x" * 300)).write_text(""), ": the name is too long"),
        (lambda folder: (folder / "loop").read_bytes(), "loop: the link points at itself"),
        (lambda folder: (folder / "loop").resolve(strict=True), "the link points at itself"),
    ],
)
def test_a_path_that_cannot_be_used_as_asked_is_told_in_one_line(
    act: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises((OSError, RuntimeError)) as raised:
        act(tmp_path)
    found = refused_path(raised.value)
    assert found is not None
    assert words in str(found)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory", "x"),
        PermissionError(errno.EPERM, "Operation not permitted"),  # of a process, not of a path
        RuntimeError("shapes do not match"),
    ],
)
def test_what_names_no_path_is_not_told_as_one(error: Exception) -> None:
    assert refused_path(error) is None


def test_what_crosses_a_process_has_a_name_and_a_mistake_has_none() -> None:
    assert isinstance(failure_of(OSError(errno.ENOSPC, "No space left on device")), DiskError)
    assert isinstance(failure_of(NotADirectoryError(errno.ENOTDIR, "Not a directory", "/a/b")), DiskError)
    own = PlanError("no such cut")
    assert failure_of(own) is own
    assert failure_of(KeyError("absent")) is None
