"""Downloading, against a real HTTP server on loopback that can break off, exchange its file, and go away."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from mqn.errors import WeightsError
from mqn.home import home
from mqn.networks.downloads import MIRROR_VARIABLE, fetch

CONTENT = bytes(range(256)) * 40
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@dataclass
class Publisher:
    content: bytes = CONTENT
    break_off_after: int | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    state = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append((self.path, self.headers.get("Range")))
            tag = f'"{hashlib.sha256(state.content).hexdigest()}"'
            start = 0
            if "Range" in self.headers and self.headers.get("If-Range") == tag:
                start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            if self.path != "/mirror/net/weights.h5":
                self.send_error(404)
                return
            if start >= len(state.content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(state.content) - start))
            self.end_headers()
            self.wfile.write(state.content[start : state.break_off_after])

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv(MIRROR_VARIABLE, f"http://127.0.0.1:{server.server_port}/mirror/")
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_is_downloaded_once(publisher: Publisher) -> None:
    for _ in range(2):
        path = fetch("net/weights.h5", md5=MD5)
        assert path.read_bytes() == CONTENT
    assert path.parent == home() / "cache" / "weights"
    assert publisher.requests == [("/mirror/net/weights.h5", None)]


def test_an_interrupted_download_goes_on_where_it_stopped(publisher: Publisher) -> None:
    publisher.break_off_after = 1000
    with pytest.raises(WeightsError, match=r"cannot download http://127.*weights\.h5 .* try again"):
        fetch("net/weights.h5", md5=MD5)
    publisher.break_off_after = None
    assert fetch("net/weights.h5", md5=MD5).read_bytes() == CONTENT
    assert publisher.requests[-1][1] == "bytes=1000-"


def test_the_rest_of_another_file_is_not_appended(publisher: Publisher) -> None:
    publisher.break_off_after = 1000
    with pytest.raises(WeightsError):
        fetch("net/weights.h5")
    publisher.break_off_after = None
    publisher.content = CONTENT[::-1]
    assert fetch("net/weights.h5").read_bytes() == CONTENT[::-1]


def test_a_wrong_hash_is_refused_and_leaves_nothing_behind(publisher: Publisher) -> None:
    publisher.content = CONTENT + b"!"
    with pytest.raises(WeightsError, match=f"its publisher says {MD5}"):
        fetch("net/weights.h5", md5=MD5)
    assert not [path for path in (home() / "cache" / "weights").iterdir() if not path.name.endswith(".lock")]


def test_a_file_that_changed_since_it_arrived_is_refused(publisher: Publisher) -> None:
    path = fetch("net/weights.h5")
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match="recorded on arrival"):
        fetch("net/weights.h5")


def test_a_missing_file_names_its_address(publisher: Publisher) -> None:
    with pytest.raises(WeightsError, match=r"cannot download http://127\.0\.0\.1:\d+/mirror/net/other\.h5 .*404"):
        fetch("net/other.h5")
    assert publisher.requests == [("/mirror/net/other.h5", None)]


def test_without_network_the_error_names_the_address_and_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, "http://127.0.0.1:1")
    with pytest.raises(WeightsError, match=r"http://127\.0\.0\.1:1/net/weights\.h5 .*its path for 'imagenet'"):
        fetch("net/weights.h5")


def test_plain_http_is_asked_only_for_what_has_a_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path))
    monkeypatch.setenv(MIRROR_VARIABLE, "http://mirror.example")
    with pytest.raises(WeightsError, match="plain http without a SHA-256 is not used"):
        fetch("vgg16/weights.h5")
