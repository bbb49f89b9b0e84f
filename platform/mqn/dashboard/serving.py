"""Serves the dashboard with uvicorn, until it is interrupted."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from mqn.dashboard.access import FEWEST_CHARACTERS
from mqn.device import wire
from mqn.device.agent.http.listening import bind
from mqn.errors import ConfigError, UsageError

TOKEN_VARIABLE = "MQN_DASHBOARD_TOKEN"  # noqa: S105 - the variable's name
_NICENESS = 5
"""Added to the process's own: on a busy machine drivers go first (0), and trainings on Ray last (15)."""


def find_token(host: str, variable: str | None, file: Path | None) -> str:
    """The token that visitors need; empty: none, which loopback alone may do.

    Args:
        host: the address that is listened on.
        variable: what the environment says; None or empty: nothing.
        file: or a file that holds it.

    Raises:
        ConfigError: the file cannot be read.
        UsageError: other machines can reach the address and there is no token, or it is too short.
    """
    token, where = variable or "", TOKEN_VARIABLE
    if file is not None:
        try:
            token, where = file.read_text(encoding="utf-8").strip(), str(file)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise ConfigError(f"cannot read {file}: {reason}") from error
    if not token and (file is not None or not wire.is_loopback(host)):
        reached = f"{host} can be reached from other machines" if file is None else f"{file} is empty"
        raise UsageError(f"{reached}; set {TOKEN_VARIABLE}, give --token-file FILE, or listen on 127.0.0.1")
    if token and len(token) < FEWEST_CHARACTERS:
        raise UsageError(
            f"the token of {where} has {len(token)} characters, and could be guessed; {FEWEST_CHARACTERS} or more are "
            "needed: python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return token


def open_port(host: str, port: int) -> tuple[socket.socket, str]:
    """Listen on an address; returns the socket and the address as a browser takes it.

    Raises:
        UsageError: it cannot be had.
    """
    listener = bind(host, port)
    name = f"[{host}]" if ":" in host else host
    return listener, f"{name}:{listener.getsockname()[1]}"


def serve(
    app: ASGIApp,
    listener: socket.socket,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    on_ready: Callable[[], object] = lambda: None,
) -> None:
    """Serve an app until the process is interrupted; the listener is closed at the end.

    From then on the process gives way to drivers on this machine.

    Args:
        app: an ASGI app.
        listener: a socket that listens.
        certificate: for TLS; None: plain HTTP.
        key: the certificate's; None: it is in the same file.
        on_ready: called once requests are answered.

    Raises:
        ConfigError: certificate or key cannot be used.
    """
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"cannot use certificate {certificate} with key {key}: {error}") from error
    os.nice(_NICENESS)
    with contextlib.closing(listener), contextlib.suppress(KeyboardInterrupt):
        _Server(config, on_ready).run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it is ready."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()
