"""Ray, started or joined in one place for every command that needs it.

A Ray that is started here is this process's own: it listens on loopback only, wants a token (`$MQN_HOME/ray_token`,
readable by its owner alone), keeps its sockets and logs in a private folder with a short name, and goes with everything
in it when the process leaves it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mqn import sockets, telemetry
from mqn.errors import ClusterError, ConfigError
from mqn.home import home

_TRIES = 3
_PAUSE_SECONDS = 5.0
_KNOCK_SECONDS = 5.0
_AUTH = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_VITAL = ("gcs_server", "raylet")
_QUIET: Mapping[str, Any] = {"log_to_driver": False, "logging_level": "error", "ignore_reinit_error": True}

_folders: list[Path] = []
"""Of the Rays that were started here and not left yet."""


def start(
    *,
    cpus: int,
    gpus: int | None = None,
    object_store_bytes: int,
    system_config: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
) -> None:
    """Start a Ray of our own on this machine.

    Args:
        cpus: processors that it may use.
        gpus: likewise; None: all that are found.
        object_store_bytes: memory for what tasks hand to each other.
        system_config: Ray's internal settings.
        environment: variables of its workers.

    Raises:
        ClusterError: it does not start, or there is no folder for its sockets.
    """
    telemetry.switch_off()
    _keep_to_loopback()
    _require_token()
    import ray

    folder = sockets.for_ray()
    for attempt in range(_TRIES):
        try:
            ray.init(
                "local",
                num_cpus=cpus,
                num_gpus=gpus,
                include_dashboard=False,
                object_store_memory=object_store_bytes,
                runtime_env={"env_vars": {**telemetry.ENVIRONMENT, **(environment or {})}},
                _temp_dir=str(folder),
                _node_ip_address="127.0.0.1",
                _system_config=dict(system_config),
                **_QUIET,
            )
        except Exception as error:  # Ray raises bare `Exception` where its node does not start in time.
            ray.shutdown()
            if attempt == _TRIES - 1:
                sockets.leave(folder)
                raise ClusterError(f"Ray does not start on this machine: {_line(error)}") from error
            time.sleep(_PAUSE_SECONDS)
        else:
            break
    _folders.append(folder)
    _silence()


def join(address: str, environment: Mapping[str, str] | None = None) -> None:
    """Join a Ray that runs already, by whatever authentication its owner set up (`RAY_AUTH_MODE`, ...).

    Args:
        address: `auto`, `host:port`, or `ray://host:port` for a client.
        environment: variables of our workers there.

    Raises:
        ConfigError: it cannot be joined.
    """
    telemetry.switch_off()
    _knock(address)
    import ray

    try:
        ray.init(address, runtime_env={"env_vars": {**telemetry.ENVIRONMENT, **(environment or {})}}, **_QUIET)
    except (ConnectionError, ValueError, RuntimeError, OSError, ray.exceptions.RayError) as error:
        raise ConfigError(f"cannot join Ray at {address!r}: {_line(error)}") from error
    _silence()


def _knock(address: str) -> None:
    """Knock at the address of a cluster: Ray itself would wait for one that is not there for many minutes.

    Raises:
        ConfigError: nobody answers there.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdecimal():
        return  # `auto`
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(f"cannot join Ray at {address!r}: nobody answers there ({error})") from error


def ended() -> str:
    """Which vital process of a Ray that was started here has ended; empty where all run, or it was joined."""
    if not _folders:
        return ""
    worker: Any = sys.modules["ray._private.worker"]
    node = worker._global_node  # noqa: SLF001 - Ray has no public word for the processes that it started
    return "" if node is None else next((name for name, _ in node.dead_processes() if name in _VITAL), "")


def leave() -> None:
    """Leave Ray; one that was started here ends, and its folder goes."""
    import ray

    with contextlib.suppress(Exception):  # What has died already may not be left in order.
        ray.shutdown()
    while _folders:
        sockets.leave(_folders.pop())


@contextlib.contextmanager
def named_faults() -> Iterator[None]:
    """Name what fails between this process and Ray.

    Raises:
        ClusterError: Ray is gone, or does not answer.
    """
    import ray

    try:
        yield
    except ray.exceptions.RayTaskError:
        raise
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise ClusterError(f"Ray failed: {_line(error)}") from error


def _keep_to_loopback() -> None:
    """Have Ray take this machine for one that forms no cluster: it then listens on 127.0.0.1 alone.

    Named for Windows and macOS, where that is the default; else Ray replaces 127.0.0.1 by an address of the network.
    """
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    constants: Any = sys.modules.get("ray._private.ray_constants")
    if constants is not None:  # It has read the environment already.
        constants.ENABLE_RAY_CLUSTER = False


def _require_token() -> None:
    """Have Ray want a token; one that the user has set up is kept."""
    if any(os.environ.get(name) for name in _AUTH):
        return
    path = home() / "ray_token"
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_hex(32))
    path.chmod(0o600)
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(path)}
    raylet: Any = sys.modules.get("ray._raylet")
    if raylet is not None:  # It has read the environment already.
        raylet.Config.initialize("")


def _silence() -> None:
    """Ray prints what its processes said before they died to stdout, where documents for machines go."""
    worker: Any = sys.modules["ray._private.worker"]
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
