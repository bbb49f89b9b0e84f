"""The agent: serves a device until it is told to stop, or the process that started it ends."""

from __future__ import annotations

import ctypes
import os
import resource
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import uvicorn

from mqn.device.agent.http.app import build_app
from mqn.device.agent.http.listening import bind, secure
from mqn.device.agent.http.parts import AgentParts
from mqn.device.agent.http.uvicorn_server import GRACE_SECONDS, QuietServer
from mqn.device.agent.service.assembly import assemble
from mqn.device.agent.service.config import AgentConfig
from mqn.device.agent.service.folder import keep_folder
from mqn.device.agent.trust.certificate import expiry
from mqn.device.agent.trust.exposure import check_exposure, warnings
from mqn.device.agent.trust.privileges import become, check_python
from mqn.device.agent.trust.tokens import TOKENS_FILE, Tokens
from mqn.device.backends.opening import open_backend
from mqn.errors import DeviceError
from mqn.parsing import write_json

MAX_FILES = 4096


def serve(
    config: AgentConfig,
    token: str | None = None,
    *,
    ready_file: Path | None = None,
    on_ready: Callable[[str], None] | None = None,
    on_warning: Callable[[str], None] | None = None,
    until_stdin_closes: bool = False,
) -> None:
    """Serve a device until SIGINT or SIGTERM: the first lets the running job finish, the second does not.

    Args:
        config: which, where and how.
        token: what its owner brings, beside the tokens of the folder; without any, everybody on this machine comes in.
        ready_file: gets `{"url": ..., "pid": ...}` once requests are answered.
        on_ready: is given the URL at that moment.
        on_warning: is given what the owner should know, a line each.
        until_stdin_closes: end also when standard input does: it closes when the process that started the agent ends.

    Raises:
        UsageError: the address cannot be bound, the folder is another agent's, or the user cannot be had.
        ConfigError: the file of tokens is damaged.
        DeviceRefusedError: the address is not loopback and something is missing for that.
        DeviceError: the queue's worker broke down, or its record is damaged.
    """
    tokens = Tokens(None if config.folder is None else config.folder / TOKENS_FILE, token)
    check_exposure(config, tokens)
    listener, tls = bind(config.host, config.port), secure(config.certificate, config.key)
    expires = None if config.certificate is None else expiry(config.certificate)
    host, port = listener.getsockname()[:2]
    url = f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{port}"
    breakdown = _Breakdown()

    def announce() -> None:
        if ready_file is not None:
            write_json(ready_file, {"url": url, "pid": os.getpid()})
        if on_ready is not None:
            on_ready(url)

    with listener, keep_folder(config.folder) as folder:
        if config.user:
            become(config.user, folder)
            check_python(config.user)
        if on_warning is not None:
            for line in warnings(tokens, expires):
                on_warning(line)
        _allow_files()
        _hide()
        underway = folder / "backend"
        underway.mkdir(exist_ok=True)
        backend = open_backend(config.backend, folder=underway, benchmark_model=config.benchmark_model)
        with assemble(folder, config, backend, tokens, certificate_expires=expires, on_breakdown=breakdown) as parts:
            server = _build_server(parts, tls, config.limits.drain_seconds, announce)
            breakdown.guard(server)
            if until_stdin_closes:
                threading.Thread(target=_watch_stdin, args=(server.stop,), name="lifeline", daemon=True).start()
            parts.audit.write("agent began", url=url, backend=config.backend)
            server.run(sockets=[listener])
            parts.audit.write("agent ended")
    if breakdown.happened:
        raise DeviceError("the agent broke down; its traceback stands above")


class _Breakdown:
    """Stops the server when the queue's worker breaks down, also before the server exists."""

    def __init__(self) -> None:
        self.happened = False
        self._server: QuietServer | None = None

    def __call__(self) -> None:
        self.happened = True
        if self._server is not None:
            self._server.stop()

    def guard(self, server: QuietServer) -> None:
        self._server = server
        if self.happened:
            server.stop()


def _build_server(
    parts: AgentParts, tls: ssl.SSLContext | None, drain_seconds: float, announce: Callable[[], None]
) -> QuietServer:
    def drain() -> None:
        parts.leases.drain()
        parts.jobs.drain(drain_seconds)

    def stop() -> None:
        parts.jobs.close()
        parts.leases.close()

    settings = uvicorn.Config(
        build_app(parts),
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        date_header=False,
        server_header=False,
        lifespan="off",
        ws="none",
        loop="asyncio",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return QuietServer(settings, tls, on_ready=announce, on_drain=drain, on_stop=stop)


def _allow_files() -> None:
    # Every connection is an open file, and the usual soft limit is low.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _hide() -> None:
    # Processes of the same user, such as a pass, could read the agent's environment and memory.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE is 4


def _watch_stdin(stop: Callable[[], None]) -> None:
    # Sleeps in read(2) until the other end of the pipe is closed, by its owner or by the kernel after a kill -9.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop()
