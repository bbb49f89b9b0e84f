"""A web site on loopback that misbehaves as told."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Page:
    """One address.

    Attributes:
        body: what it serves.
        etag: its mark, "" for none.
        last_modified: its date, "" for none.
        kind: content type.
        ranges: whether it honours Range.
        drops: cut the connection so many times, each time after `drop_after` bytes.
        drop_after: bytes.
        answers: statuses to give before anything else.
        announced: a Content-Length that is not true.
        encoding: a Content-Encoding to claim.
        pause_s: before every 4096 bytes.
    """

    body: bytes
    etag: str = '"v1"'
    last_modified: str = "Mon, 02 Jan 2023 03:04:05 GMT"
    kind: str = "application/octet-stream"
    ranges: bool = True
    drops: int = 0
    drop_after: int = 0
    answers: list[int] = field(default_factory=list)
    announced: int | None = None
    encoding: str = ""
    pause_s: float = 0.0


class Site:
    """Pages by path, and what was asked for: (path, Range, status answered)."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str, int]] = []
        handler = type("Handler", (_Handler,), {"site": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def put(self, path: str, body: bytes | str, **settings: Any) -> Page:
        self.pages[path] = Page(body.encode() if isinstance(body, str) else body, **settings)
        return self.pages[path]

    def ranges(self, path: str) -> list[str]:
        return [asked for at, asked, _ in self.asked if at == path]

    def statuses(self, path: str) -> list[int]:
        return [status for at, _, status in self.asked if at == path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # Or every answer waits 40 ms for the acknowledgement of its headers.

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        page = self.site.pages.get(self.path) or self.site.pages.get(self.path.partition("?")[0])
        if page is None:
            self._answer(404)
        elif page.answers:
            self._answer(page.answers.pop(0))
        else:
            start, status = self._judge(page)
            if status == 416:
                self._answer(416)
            else:
                self._serve(page, start, status)

    def _note(self, status: int) -> None:
        self.site.asked.append((self.path, self.headers.get("Range", ""), status))

    def _answer(self, status: int) -> None:
        self._note(status)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _judge(self, page: Page) -> tuple[int, int]:
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if not found or not page.ranges or (condition and condition not in (page.etag, page.last_modified)):
            return 0, 200
        return int(found[1]), 206 if int(found[1]) < len(page.body) else 416

    def _serve(self, page: Page, start: int, status: int) -> None:
        self._note(status)
        rest = page.body[start:]
        headers = {
            "Content-Type": page.kind,
            "Content-Length": str(len(rest) if page.announced is None else page.announced),
            "ETag": page.etag,
            "Last-Modified": page.last_modified,
            "Content-Encoding": page.encoding,
            "Content-Range": f"bytes {start}-{len(page.body) - 1}/{len(page.body)}" if status == 206 else "",
        }
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.close_connection = bool(page.drops) or page.announced is not None
        if page.drops:
            page.drops -= 1
            rest = rest[: page.drop_after]
        with contextlib.suppress(OSError):
            for begin in range(0, len(rest), 4096):
                time.sleep(page.pause_s)
                self.wfile.write(rest[begin : begin + 4096])
