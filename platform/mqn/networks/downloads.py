"""Published weight files: fetched once, kept under `$MQN_HOME/cache/weights`, checked every time they are used.

A file is checked against its publisher's hash if there is one. If there is none, its SHA-256 is written beside it when
it arrives, and a file that no longer matches is refused: that finds later damage, not a published file that was wrong.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import httpx
from filelock import FileLock

from mqn.errors import FetchError, WeightsError
from mqn.files.publishing import publish_file
from mqn.home import home
from mqn.net.web_addresses import check_redirect, require_address
from mqn.parsing import file_hash

KERAS_APPLICATIONS = "https://storage.googleapis.com/tensorflow/keras-applications"

# A mirror of the above, for machines that only see their own network.
MIRROR_VARIABLE = "MQN_WEIGHTS_URL"

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


def fetch(path: str, *, md5: str | None = None) -> Path:
    """Give a published file, downloading it if it is not here yet.

    An interrupted download goes on where it stopped. Several processes may ask at once: one downloads, the others wait.
    `path` is below Keras's weights on the web, or below `$MQN_WEIGHTS_URL`; `md5` is the publisher's hash, if any.

    Raises:
        WeightsError: it cannot be downloaded, or is not the file that it should be.
    """
    folder = home() / "cache" / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / Path(path).name
    url = f"{os.environ.get(MIRROR_VARIABLE, KERAS_APPLICATIONS).rstrip('/')}/{path}"
    with FileLock(folder / f".{target.name}.lock"):
        if not target.exists():
            part = target.with_name(f".{target.name}.part")
            _download(url, part, hashed=md5 is not None)
            _check_md5(part, md5, url)
            _recorded(target).write_text(file_hash(part) + "\n", encoding="ascii")
            publish_file(part, target)
    _check_recorded(target, url)
    return target


def _recorded(target: Path) -> Path:
    return target.with_name(f"{target.name}.sha256")


def _download(url: str, part: Path, *, hashed: bool) -> None:
    tag_file = part.with_name(f"{part.name}.etag")
    headers = {}
    if part.exists() and tag_file.exists():
        # If-Range: the rest of the same file, or the whole of a new one.
        headers = {"Range": f"bytes={part.stat().st_size}-", "If-Range": tag_file.read_text(encoding="ascii")}
    hooks = {"response": [check_redirect]}
    try:
        require_address(url, hashed=hashed)
        with (
            httpx.Client(timeout=_TIMEOUT, follow_redirects=True, event_hooks=hooks) as http,
            http.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # everything had arrived before the interruption; the hash tells
            response.raise_for_status()
            if "etag" in response.headers:
                tag_file.write_text(response.headers["etag"], encoding="ascii")
            with part.open("ab" if response.status_code == httpx.codes.PARTIAL_CONTENT else "wb") as stream:
                for block in response.iter_bytes():
                    stream.write(block)
    except (httpx.HTTPError, httpx.InvalidURL, FetchError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"cannot download {url} ({reason}); try again, or fetch it elsewhere and give its path for 'imagenet'"
        ) from error
    tag_file.unlink(missing_ok=True)


def _check_md5(part: Path, expected: str | None, url: str) -> None:
    if expected is None:
        return
    with part.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != expected:
        part.unlink()
        raise WeightsError(
            f"{url} has MD5 {found}, its publisher says {expected}; try again, or give a path to a good copy"
        )


def _check_recorded(target: Path, url: str) -> None:
    try:
        expected = _recorded(target).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        expected = "nothing"
    found = file_hash(target)
    if found != expected:
        raise WeightsError(
            f"{target} has SHA-256 {found}, recorded on arrival was {expected}; delete it to download {url} again"
        )
