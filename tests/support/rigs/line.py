"""A network that breaks when a test says so.

python -m tests.support.rigs.line PORT TO_PORT TO_HOST

leads what comes to PORT of 127.0.0.1 on to another machine: in a namespace, to where the host listens for it.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from typing import Literal

State = Literal["open", "cut", "stalled"] | int
"""What becomes of a connection; a number: it is answered with that HTTP status."""


class Line:
    """A socket in front of a server on loopback that can be cut.

    What is open breaks, and nothing gets through until it mends. Stalled, nothing breaks: bytes are taken and go
    nowhere until it mends. It can also answer in the server's place.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", listen: int = 0) -> None:
        """Listen at `host`, for the server at `port` of 127.0.0.1; `listen` is the port there, 0 a free one."""
        self._target = ("127.0.0.1", port)
        self._server = socket.create_server((host, listen))
        self.port = self._server.getsockname()[1]
        self._open: list[socket.socket] = []
        self._state: State = "open"
        self._flowing = threading.Event()
        self._flowing.set()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def is_cut(self) -> bool:
        return self._state == "cut"

    def cut(self) -> None:
        self._set("cut")
        self._break_all()

    def stall(self) -> None:
        self._set("stalled")

    def answer(self, status: int) -> None:
        """Answer every HTTP request of a new connection with a status, and break those that are open."""
        self._set(status)
        self._break_all()

    def mend(self) -> None:
        self._set("open")

    def close(self) -> None:
        self._server.close()
        self.cut()

    def lead_to(self, port: int, host: str = "127.0.0.1") -> None:
        """Lead new connections to another port."""
        self._target = (host, port)

    def _set(self, state: State) -> None:
        self._state = state
        (self._flowing.clear if state == "stalled" else self._flowing.set)()

    def _break_all(self) -> None:
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                threading.Thread(target=self._take, args=(near,), daemon=True).start()

    def _take(self, near: socket.socket) -> None:
        self._flowing.wait()
        if isinstance(self._state, int):
            self._refuse(near, self._state)
            return
        far = None if self.is_cut else self._reach()
        if far is None:
            near.close()
            return
        self._open += [near, far]
        for pair in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _reach(self) -> socket.socket | None:
        with contextlib.suppress(OSError):
            far = socket.create_connection(self._target, timeout=10)
            far.settimeout(None)
            return far
        return None

    def _refuse(self, near: socket.socket, status: int) -> None:
        with contextlib.suppress(OSError), near:
            near.settimeout(5)
            near.recv(65_536)
            near.sendall(f"HTTP/1.1 {status} -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            near.shutdown(socket.SHUT_WR)
            while near.recv(65_536):  # Closed with bytes unread, the answer would be lost.
                pass

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self._flowing.wait()
                target.sendall(data)
        for one in (source, target):
            # Closed alone, it would stay open for as long as the other thread waits for what it brings.
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


if __name__ == "__main__":
    Line(0, listen=int(sys.argv[1])).lead_to(int(sys.argv[2]), sys.argv[3])
    threading.Event().wait()
