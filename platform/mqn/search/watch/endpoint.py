"""Serves `/metrics` and `/healthz` of a driver over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from mqn.errors import ConfigError
from mqn.profile_tables.metrics import MetricsProfile

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_STALLED_SECONDS = 10.0

Trouble = Callable[[], Sequence[str]]
"""What is wrong with a driver, a line each; empty where it is well."""


class Endpoint:
    """An HTTP server in threads of its own; it takes GET only, and has no other page."""

    def __init__(self, profile: MetricsProfile, text: Callable[[], bytes], trouble: Trouble) -> None:
        """Bind the port.

        Args:
            profile: says where; its port is set.
            text: the metrics.
            trouble: what is wrong.

        Raises:
            ConfigError: the port cannot be had.
        """
        assert profile.port is not None

        class Handler(BaseHTTPRequestHandler):
            """Answers one request."""

            timeout = _STALLED_SECONDS

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    self._answer(200, _PROMETHEUS, text())
                elif path == "/healthz":
                    wrong = list(trouble())
                    body = json.dumps({"healthy": not wrong, "trouble": wrong}) + "\n"
                    self._answer(503 if wrong else 200, "application/json", body.encode())
                else:
                    self._answer(404, "text/plain", b"there are /metrics and /healthz\n")

            def _answer(self, code: int, kind: str, body: bytes) -> None:
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing: the terminal shows the study."""

        class Server(ThreadingHTTPServer):
            """Keeps quiet about peers that go away."""

            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                return

        try:
            self._server = Server((profile.host, profile.port), Handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"metrics.port = {profile.port}: cannot listen at {profile.host}: {error}; choose another port, or 0 "
                "for any that is free"
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
