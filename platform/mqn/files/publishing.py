"""Files and folders that appear whole or not at all, and are still there after a power cut.

A rename alone is not enough: a file system may keep the new name before it keeps the file's bytes, and a power cut then
leaves an empty file under a good name. So the bytes are synced first, then the rename is made, then the folder that
holds the name is synced. `tests/benchmarks/bench_publishing.py` measures what that costs.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mqn.errors import DiskError, PictureError
from mqn.faults import WRITE_FAULTS

# Of linux/fcntl.h and linux/fs.h: paths are relative to this folder; two names change places.
_HERE, _RENAME_EXCHANGE = -100, 2
# File systems over a network or in user space may have no sync of folders.
_NOT_SYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.ENOSYS)


def publish_file(temporary: Path, target: Path) -> Path:
    """Give a finished file its name, so that it survives a power cut; a file of that name is replaced.

    Args:
        temporary: the file; it is closed, and lies on the same file system as `target`.
        target: its name.

    Raises:
        DiskError: the disk is full or read-only.
        OSError: another failure; the former file is still there.
    """
    with disk_faults(target):
        sync_file(temporary)
        temporary.replace(target)
        sync_folder(target.parent)
    return target


def publish_folder(folder: Path, target: Path, *, replace: bool = False) -> Path:
    """Give a finished folder its name, so that it and all that is in it survive a power cut.

    An older folder of that name changes places with the new one in one step, and is removed then. If the file system
    cannot do that, the older folder is moved aside first. If the process dies between the two moves, the older folder
    is still whole, under the name `.NAME.former-...`.

    Args:
        folder: the folder; nobody writes in it any more, and it lies on the same file system as `target`.
        target: its name.
        replace: whether an older folder of that name may be removed; the caller has checked that it may. An empty one
            always may.

    Raises:
        FileExistsError: there is something of that name, and `replace` is not set.
        DiskError: the disk is full or read-only.
        OSError: another failure; the older folder has its name again.
    """
    with disk_faults(target):
        sync_tree(folder)
        if not replace or not os.path.lexists(target):
            _rename_new(folder, target)
        else:
            _exchange(folder, target)
        sync_folder(target.parent)
    return target


@contextlib.contextmanager
def writing(target: Path) -> Iterator[Path]:
    """Write a file beside its place, and publish it when the block has succeeded.

    Yields:
        Where to write: a name in the same folder that begins with a dot. It is gone when the block fails.

    Raises:
        DiskError: the disk is full or read-only.
        OSError: another failure; the former file is still there.
    """
    temporary = target.with_name(f".{target.name}.new")
    try:
        with disk_faults(target):
            yield temporary
        publish_file(temporary, target)
    except BaseException:
        # A full disk should have its room back.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name to write to, and move what was written to `path` if the block succeeds.

    A reader, and a run that goes on after a full disk or a kill, sees the former file or the new one, never a part.

    Yields:
        A name in the same folder with the same suffix; it is gone when the block fails.

    Raises:
        PictureError: the block or the move ended in an `OSError`: disk full, no such folder, no permission.
    """
    temporary = path.with_name(f".{path.stem[:20]}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        if path.is_dir():
            raise PictureError(f"{path}: cannot be written: is a folder")
        sync_file(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise PictureError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        # Nothing is left under that name after a success, or if the folder went away.
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextlib.contextmanager
def disk_faults(path: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a `DiskError`.

    Raises:
        DiskError: the disk is full, its quota is used up, it is read-only or it fails.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in WRITE_FAULTS:
            raise
        raise DiskError(f"cannot write {path}: {error.strerror}: {WRITE_FAULTS[error.errno]}") from error


def sync_file(path: Path) -> None:
    """Wait until the bytes of a file are on the disk; raises `OSError` if the disk could not keep them."""
    # For writing: some systems sync no file that is only read. A file without that right (0400) is opened as it may be.
    mode = os.O_RDWR if os.access(path, os.W_OK) else os.O_RDONLY
    descriptor = os.open(path, mode | os.O_CLOEXEC)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where its file system can say so.

    Raises:
        OSError: the disk could not keep them.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _sync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SYNCED:
            raise
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Wait until everything below a folder is on the disk; links are not followed.

    Raises:
        OSError: the disk could not keep it.
    """
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(parent) / name
            if stat.S_ISREG(path.lstat().st_mode):
                sync_file(path)
        sync_folder(Path(parent))


def _sync(descriptor: int) -> None:
    # macOS: its fsync leaves the bytes in the disk's own memory.
    full_sync = getattr(fcntl, "F_FULLFSYNC", None)
    if full_sync is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, full_sync)
            return
    os.fsync(descriptor)


def _rename_new(folder: Path, target: Path) -> None:
    # A rename replaces an empty folder, and on some systems a file.
    if os.path.lexists(target) and (target.is_symlink() or not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    folder.rename(target)


def _swap(first: Path, second: Path) -> bool:
    """Exchange two names in one step; false where the system or the file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    done = rename(_HERE, os.fsencode(first.absolute()), _HERE, os.fsencode(second.absolute()), _RENAME_EXCHANGE)
    return bool(done == 0)


def _exchange(folder: Path, target: Path) -> None:
    if target.is_dir() and not target.is_symlink() and _swap(folder, target):
        # The names must be kept before the older folder goes, or a power cut could leave neither.
        sync_folder(target.parent)
        shutil.rmtree(folder, ignore_errors=True)
        return
    # Never the same name twice: nothing that lies there, of an earlier publication or of the user's, is in the way.
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name[:100]}.former-", dir=target.parent))
    former = aside / target.name
    try:
        target.rename(former)
        try:
            folder.rename(target)
        except OSError:
            former.rename(target)
            raise
        # The names must be kept before the older folder goes, or a power cut could leave neither.
        sync_folder(target.parent)
    except OSError:
        aside.rmdir()
        raise
    if former.is_dir() and not former.is_symlink():
        shutil.rmtree(former, ignore_errors=True)
    else:
        former.unlink()
    with contextlib.suppress(OSError):
        aside.rmdir()
