"""Unpacks archives from strangers: into one folder only, up to a size; an interrupted unpacking is repeated."""

from __future__ import annotations

import contextlib
import errno
import gzip
import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, Self

from mqn.errors import FetchError, LocalNameError
from mqn.files.local_names import DistinctNames, inside, is_own, make_own, remove_own, safe_path
from mqn.files.publishing import publish_folder

_BLOCK = 1 << 20
# HDR pictures hardly compress: what swells more than this is no collection of them.
_LARGEST_RATIO = 100
_ALWAYS_ALLOWED = 64 << 20
_MOST_MEMBERS = 1_000_000
_LARGEST_NOTE_BYTES = 1 << 20
_NOTES = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_ORIGIN = ".archive"

# Beside what the libraries document, names that are no text and numbers that fit nothing end in these.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
    struct.error,
)


class _Member(NamedTuple):
    """A plain file in an archive. `open` gives its bytes; `streamed`: they are read even if nobody wants them."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]
    streamed: bool = False


class _BoundedHeader(tarfile.TarInfo):
    """A member's head. What stands before it (long names, further notes) is read into memory, so it is bounded."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if info.type in _NOTES and not 0 <= info.size <= _LARGEST_NOTE_BYTES:
            raise tarfile.ReadError(f"a note of {info.size} bytes stands before a member")
        return info


def extract(archive: Path, folder: Path, wanted: Callable[[str], bool], *, anew: bool = False) -> None:
    """Take the wanted files out of an archive. Links and devices are never made.

    Files are extracted into a folder beside `folder`, which is renamed when everything is there. A later call goes on
    with what a killed one has left of the same archive. If `folder` exists, it counts as the archive's content, and
    nothing is done.

    Args:
        archive: a zip or tar file, plain or compressed.
        folder: where to; made.
        wanted: says for a member's path, with `/`, whether to take it.
        anew: replace a folder that an earlier call made, once the new one is whole.

    Raises:
        FetchError: not an archive, damaged, encrypted, nothing wanted in it, a member's path leaves the folder or is
            not safe, it grows out of proportion, or the disk has no room for it.
        LocalNameError: a folder is in the way that no call has made.
    """
    if folder.is_dir() and not anew:
        return
    if os.path.lexists(folder) and not is_own(folder):
        raise LocalNameError(f"{folder} was not unpacked by this program, so it is not replaced; move it away")
    partial = folder.with_name(f"{folder.name}.partial")
    _begin(partial, archive)
    try:
        count = _take_all(archive, partial, wanted)
        if not count:
            raise FetchError(f"{archive}: holds none of the files that this dataset has; is it another one?")
    except (FetchError, LocalNameError) as error:
        remove_own(partial, within=folder.parent)
        raise FetchError(str(error)) from error
    except (*_DAMAGE, OSError) as error:
        # A place before the file's begin is an invalid argument.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise out_of_room(error, folder) from error
        remove_own(partial, within=folder.parent)
        raise FetchError(
            f"{archive}: damaged or cut short ({' '.join(str(error).split()) or type(error).__name__}); fetch it again"
        ) from error
    (partial / _ORIGIN).unlink()
    publish_folder(partial, folder, replace=anew)


def _take_all(archive: Path, partial: Path, wanted: Callable[[str], bool]) -> int:
    """Take the wanted members; how many there were."""
    budget = max(archive.stat().st_size * _LARGEST_RATIO, _ALWAYS_ALLOWED)
    taken = DistinctNames()
    count = 0
    with _opened(archive) as members:
        for number, member in enumerate(members):
            if number >= _MOST_MEMBERS:
                raise FetchError(f"{archive}: has more than {_MOST_MEMBERS} members; it is not used")
            if not wanted(member.name):
                # What is not wanted is unpacked on the way all the same, in archives that are one stream.
                budget -= max(member.size, 0) if member.streamed else 0
                _require_budget(budget, member, archive)
                continue
            try:
                name = safe_path(member.name)
                taken.add(name)
                target = inside(partial, name)
            except LocalNameError as error:
                raise FetchError(f"{archive}: {error}; nothing of the archive is used") from error
            budget -= _take(member, target, budget, archive)
            count += 1
    return count


def _begin(partial: Path, archive: Path) -> None:
    """Make the folder to unpack into; what is in it of another archive goes."""
    status = archive.stat()
    origin = f"{status.st_size}:{status.st_mtime_ns}"
    mark = partial / _ORIGIN
    if os.path.lexists(partial) and not (mark.is_file() and mark.read_text() == origin):
        remove_own(partial, within=partial.parent)
    make_own(partial)
    mark.write_text(origin)


def out_of_room(error: OSError, folder: Path) -> FetchError:
    """What to tell of a file that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FetchError(f"the disk of {folder} is full; what is there is kept: make room and run the command again")
    return FetchError(f"cannot write below {folder}: {error.strerror or error}")


def require_room(folder: Path, needed: int) -> None:
    """Ask before work begins whether its result will fit; raises `FetchError` if it will not."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise FetchError(
            f"{needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB free at {folder}; make room, or choose another "
            "disk with --output"
        )


def _is_tar(path: Path) -> bool:
    # Not tarfile.is_tarfile: it reads a note of any size.
    try:
        with tarfile.open(path, tarinfo=_BoundedHeader):
            return True
    except tarfile.TarError:
        return False


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[Iterator[_Member]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            yield _zip_members(file, archive)
    elif _is_tar(archive):
        with tarfile.open(archive, tarinfo=_BoundedHeader) as tar:
            yield _tar_members(tar, archive)
    else:
        raise FetchError(f"{archive}: neither a zip nor a tar archive; unpack it yourself and give the folder")


def _zip_members(file: zipfile.ZipFile, archive: Path) -> Iterator[_Member]:
    for info in file.infolist():
        if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):
            continue
        if info.flag_bits & 1:
            raise FetchError(f"{archive}: is encrypted; unpack it yourself and give the folder")
        yield _Member(_inside(info.filename, archive), info.file_size, lambda info=info: file.open(info))  # type: ignore[misc]


def _tar_members(tar: tarfile.TarFile, archive: Path) -> Iterator[_Member]:
    for info in tar:
        stream = tar.extractfile(info) if info.isreg() else None
        if stream is not None:
            yield _Member(_inside(info.name, archive), info.size, lambda stream=stream: stream, streamed=True)  # type: ignore[misc]


def _inside(name: str, archive: Path) -> str:
    """A member's path, once it is sure that it stays where it is put."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name) or not path.parts:
        raise FetchError(f"{archive}: its member {name!r} would leave the folder; nothing of the archive is used")
    return path.as_posix()


def _require_budget(budget: int, member: _Member, archive: Path) -> None:
    if budget < 0:
        raise FetchError(
            f"{archive}: unpacks to more than {_LARGEST_RATIO} times its size at {member.name}; that is no collection "
            "of pictures, and it is not used"
        )


def _take(member: _Member, target: Path, budget: int, archive: Path) -> int:
    if target.is_file() and target.stat().st_size == member.size:
        return member.size
    target.parent.mkdir(parents=True, exist_ok=True)
    growing = target.with_name(f".{target.name}.part")
    written = 0
    with member.open() as stream, growing.open("wb") as output:
        while block := stream.read(_BLOCK):
            written += len(block)
            _require_budget(budget - written, member, archive)
            output.write(block)
    if written != member.size:
        raise EOFError(f"{member.name} has {written} of {member.size} bytes")
    growing.replace(target)
    return written
