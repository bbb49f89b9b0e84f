"""A file that a user names by path or URL, as one of this machine: checkpoints, weights, response curves.

What a URL names is fetched once to `$MQN_HOME/cache/files`, and again when another file lies there.
"""

from __future__ import annotations

import functools
import hashlib
import os
import secrets
from pathlib import Path

from mqn.errors import NetworkError, WeightsError
from mqn.files.local_names import beginning_of
from mqn.files.publishing import disk_faults
from mqn.home import home
from mqn.text.redaction import redact_url


def is_url(source: str | os.PathLike[str]) -> bool:
    """Whether a file is named by URL."""
    return "://" in os.fspath(source)


def local_file(source: str | os.PathLike[str]) -> Path:
    """The file on this machine. A path is taken as it is, whether or not there is such a file.

    Raises:
        WeightsError: there is no such file at the URL.
        ConfigError: no library that is installed knows such URLs.
        NetworkError: it cannot be fetched now.
        DiskError: this machine's disk is full.
    """
    named = os.fspath(source)
    return _fetched(named) if is_url(named) else Path(named).expanduser()


@functools.lru_cache(maxsize=64)
def _fetched(url: str) -> Path:
    from mqn.net.bucket import Bucket

    parent, _, name = url.rpartition("/")
    bucket = Bucket(parent, what="the storage at")
    state = bucket.state(name)
    if state is None:
        raise WeightsError(f"there is no file {redact_url(url)}; check its address and your keys")
    identity = hashlib.sha256(f"{redact_url(url)}\n{state}".encode()).hexdigest()[:16]
    path = home() / "cache" / "files" / identity / beginning_of(name, "file")
    if path.is_file():
        return path
    temporary = path.with_name(f".{secrets.token_hex(4)}.new")
    try:
        with disk_faults(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not bucket.get(name, temporary):
                raise NetworkError(f"{redact_url(url)} went away while it was fetched; try again")
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
