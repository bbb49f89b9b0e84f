"""One file over HTTP, whatever happens on the way: connections that drop, servers that restart, processes that die.

The next try, of this process or of a later one, asks for the rest under the condition that the file is still the same
(RFC 9110, section 14).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from mqn.data.public.catalogue import RemoteFile
from mqn.data.public.partial_file import PartialFile, Version, digests
from mqn.distribution import __version__
from mqn.errors import FetchError
from mqn.net.web_addresses import check_redirect

_TIMEOUT = httpx.Timeout(connect=15.0, read=60.0, write=30.0, pool=60.0)
# Poly Haven's terms ask programs to name themselves.
_HEADERS = {"User-Agent": f"mqn/{__version__} (public HDR datasets)", "Accept-Encoding": "identity"}
_PASSING = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to go on.

    Attributes:
        tries: how many in a row may bring no byte; every byte starts the count anew.
        first_wait_s: before the second try; it doubles with each.
        longest_wait_s: at most, whatever the server asks for.
    """

    tries: int = 8
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0

    def wait_s(self, failures: int, asked_s: float = 0.0) -> float:
        """Seconds before the next try, after so many failures in a row."""
        return min(max(self.first_wait_s * 2 ** (failures - 1), asked_s), self.longest_wait_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A whole file.

    Attributes:
        sha256: of its bytes, 64 hexadecimal digits.
        size_bytes: how many.
        etag: its server's mark of this version, where it gives one.
        last_modified: its server's date of it, where it gives one.
    """

    sha256: str
    size_bytes: int
    etag: str | None
    last_modified: str | None


class Stopped(Exception):  # noqa: N818 - no error: another thread asked for it
    """Another thread asked for an end."""


class _Passing(Exception):  # noqa: N818 - a reason to try again
    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class _Changed(Exception):  # noqa: N818 - a reason to start over
    """What has arrived is not the beginning of what the server has now."""


def client() -> httpx.Client:
    """A client for `download` and for listings; it may serve several threads."""
    hooks = {"response": [check_redirect]}
    return httpx.Client(timeout=_TIMEOUT, headers=_HEADERS, follow_redirects=True, event_hooks=hooks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The download of files, one call of `download` each; calls may run side by side.

    Attributes:
        http: from `client`.
        patience: how long to go on.
        on_bytes: hears how many bytes more there are; a negative number where a download starts over.
        stop: set by another thread to end every download.
    """

    http: httpx.Client
    patience: Patience
    on_bytes: Callable[[int], None]
    stop: threading.Event

    def download(self, remote: RemoteFile, target: Path, part: Path) -> Arrived:
        """Download a file to `target`, going on with what has grown at `part`.

        A file whose checksum is not the one expected is downloaded once more, from the beginning; if it is wrong again
        it is kept beside its part file as `....wrong`.

        Raises:
            FetchError: the server says no, does not answer, or has a file with another checksum.
            Stopped: `stop` was set.
        """
        arriving = PartialFile(part)
        for again in (True, False):
            version = self._persist(remote, arriving)
            sha256, md5 = digests(part)
            wrong = _mismatch(remote, sha256, md5)
            if wrong is None:
                size = arriving.size
                arriving.move(target)
                return Arrived(sha256=sha256, size_bytes=size, etag=version.etag, last_modified=version.last_modified)
            if again:
                self._start_over(arriving)
        aside = part.with_name(part.name.removesuffix(".part") + ".wrong")
        arriving.move(aside)
        raise FetchError(f"{remote.url}: {wrong}, twice; kept as {aside} and not used: try again later, or use --from")

    def _persist(self, remote: RemoteFile, part: PartialFile) -> Version:
        failures = 0
        while True:
            before = part.size
            try:
                return self._attempt(remote, part)
            except _Changed:
                self._start_over(part)
                failures += 1
                wait_s, reason = 0.0, "the server has another file at every try"
            except _Passing as error:
                failures = 1 if part.size > before else failures + 1
                wait_s, reason = self.patience.wait_s(failures, error.wait_s), str(error)
            if failures >= self.patience.tries:
                raise FetchError(
                    f"{remote.url}: {reason}; {failures} tries brought nothing. The {part.size} bytes that have "
                    "arrived are kept: the same command goes on from there"
                )
            if self.stop.wait(wait_s):
                raise Stopped

    def _attempt(self, remote: RemoteFile, part: PartialFile) -> Version:
        known, have = part.version(remote.url), part.size
        if known is None and have:
            raise _Changed
        if known is not None and have and have == known.total:
            _require_whole(have, known, remote)
            return known
        headers = {}
        if known is not None and have:
            headers["Range"] = f"bytes={have}-"
            if known.condition:
                headers["If-Range"] = known.condition
        try:
            with self.http.stream("GET", remote.url, headers=headers) as response:
                version = _judge(response, remote, known, have)
                if response.status_code == httpx.codes.OK:
                    self.on_bytes(-have)
                    part.begin(version)
                self._receive(response, part.path, remote.size_bytes)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise FetchError(f"{remote.url}: {_words(error)}") from error
        except (httpx.TransportError, httpx.StreamError) as error:
            raise _Passing(f"the connection failed ({_words(error)})") from error
        except httpx.HTTPError as error:
            raise FetchError(f"{remote.url}: {_words(error)}") from error
        _require_whole(part.size, version, remote)
        return version

    def _receive(self, response: httpx.Response, path: Path, most: int | None) -> None:
        with path.open("ab") as stream:
            # Raw: some servers call a .tar.gz gzip-encoded content, which a client would unpack on the way.
            for block in response.iter_raw():
                stream.write(block)
                self.on_bytes(len(block))
                if most is not None and stream.tell() > most:
                    raise _Changed
                if self.stop.is_set():
                    raise Stopped

    def _start_over(self, part: PartialFile) -> None:
        self.on_bytes(-part.size)
        part.forget()


def _judge(response: httpx.Response, remote: RemoteFile, known: Version | None, have: int) -> Version:
    """Say of which version of the file this is an answer, if it is one to take."""
    status = response.status_code
    if status in _PASSING:
        asked = response.headers.get("retry-after", "")
        raise _Passing(
            f"the server answers {status} {response.reason_phrase}", float(asked) if asked.isdigit() else 0.0
        )
    if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise _Changed
    if status not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
        raise FetchError(
            f"{remote.url}: the server answers {status} {response.reason_phrase}; get the file another way and give it "
            "with --from"
        )
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/html" and not remote.name.lower().endswith((".html", ".htm")):
        raise FetchError(
            f"{remote.url}: the server answers with a web page instead of {remote.name}; open the address in a browser "
            "and give the file with --from"
        )
    version = Version(
        url=remote.url,
        etag=response.headers.get("etag"),
        last_modified=response.headers.get("last-modified"),
        total=_total(response),
    )
    if status == httpx.codes.PARTIAL_CONTENT:
        start = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
        if start is None or int(start[1]) != have or known is None or not known.same_as(version):
            raise _Changed
    return version


def _total(response: httpx.Response) -> int | None:
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        found = re.search(r"/(\d+)$", response.headers.get("content-range", ""))
        return int(found[1]) if found else None
    length = response.headers.get("content-length", "")
    return int(length) if length.isdigit() else None


def _require_whole(have: int, version: Version, remote: RemoteFile) -> None:
    for total, told in ((version.total, "announced"), (remote.size_bytes, "lists")):
        if total is not None and have < total:
            raise _Passing(f"the server ended after {have} of the {total} bytes that it {told}")
        if total is not None and have > total:
            raise _Changed


def _mismatch(remote: RemoteFile, sha256: str, md5: str) -> str | None:
    if remote.sha256 is not None and remote.sha256 != sha256:
        return f"has SHA-256 {sha256}, expected {remote.sha256} (published, or seen at an earlier fetch: fetched.json)"
    if remote.md5 is not None and remote.md5 != md5:
        return f"has MD5 {md5}, expected {remote.md5}"
    return None


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
