"""Ray, started or joined in one place for every command that needs it.

A Ray that is started here is this process's own: it listens on loopback only, wants a token (`$MQN_HOME/ray_token`,
readable by its owner alone), keeps its sockets and logs in a private folder with a short name, and goes with everything
in it when the process leaves it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mqn import shipping
from mqn.errors import ClusterError, ConfigError
from mqn.home import home
from mqn.net import ray_heads, sockets, telemetry
from mqn.profile_tables.ray import RayProfile

_TRIES = 3
_PAUSE_SECONDS = 5.0
_TOKEN_PATH = "RAY_AUTH_TOKEN_PATH"  # noqa: S105 - a name, no secret
_AUTH = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", _TOKEN_PATH)
_VITAL = ("gcs_server", "raylet")
_QUIET: Mapping[str, Any] = {"log_to_driver": False, "logging_level": "error", "ignore_reinit_error": True}

_LOOPBACK_ONLY = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"

_folders: list[Path] = []
"""Folders of Rays that were started here and not left yet."""

_own: dict[str, tuple[str | None, str]] = {}
"""Variables of this process that a Ray of our own needs: their values before it was started, and ours."""


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
        environment: variables of its workers. They come with Ray's own processes: those of a runtime environment would
            keep tasks from the workers that Ray starts beforehand.

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
            with _sigterm_kept(), _variables(environment or {}):
                ray.init(
                    "local",
                    num_cpus=cpus,
                    num_gpus=gpus,
                    include_dashboard=False,
                    object_store_memory=object_store_bytes,
                    _temp_dir=str(folder),
                    _node_ip_address="127.0.0.1",
                    _system_config=dict(system_config),
                    **_QUIET,
                )
        except Exception as error:  # Ray raises bare `Exception` where its node does not start in time.
            ray.shutdown()
            if attempt == _TRIES - 1:
                sockets.leave(folder)
                _forget_own()
                raise ClusterError(f"Ray does not start on this machine: {_line(error)}") from error
            time.sleep(_PAUSE_SECONDS)
        else:
            break
    _folders.append(folder)
    _silence()


def join(address: str, environment: Mapping[str, str] | None = None, *, profile: RayProfile | None = None) -> None:
    """Join a Ray that runs already, by whatever authentication its owner set up (`RAY_AUTH_MODE`, ...).

    What a driver was submitted with by `ray job submit` stays as it is.

    Args:
        address: `auto`, `host:port`, or `ray://host:port` for a client.
        environment: variables of our workers there.
        profile: says which packages are brought to the workers; None: ours.

    Raises:
        ConfigError: it cannot be joined, or its Python or Ray has another version.
    """
    telemetry.switch_off()
    _forget_own()
    ray_heads.check(address)
    import ray

    submitted = shipping.submitted_as()
    given = submitted.get("env_vars", {})
    variables = {**telemetry.ENVIRONMENT, **(environment or {})}
    wanted: dict[str, Any] = {"env_vars": {name: value for name, value in variables.items() if name not in given}}
    try:
        with contextlib.ExitStack() as stack:
            brought = (
                [] if "py_modules" in submitted else shipping.modules(stack, profile or RayProfile(address=address))
            )
            if brought:
                wanted["py_modules"] = brought
            with _sigterm_kept():
                ray.init(address, runtime_env=wanted, **_QUIET)
    except (ConnectionError, ValueError, RuntimeError, OSError, ray.exceptions.RayError) as error:
        raise ConfigError(f"cannot join Ray at {address!r}: {_reason(error)}") from error
    _silence()


@contextlib.contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Keep our handler of SIGTERM, where there is one: `ray.init` sets one that ends the process without a word.

    Raises:
        KeyboardInterrupt: SIGTERM came meanwhile.
    """
    ours = signal.getsignal(signal.SIGTERM)
    if not callable(ours) or threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGTERM, ours)


@contextlib.contextmanager
def _variables(given: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process while the block runs: processes that it starts meanwhile have them."""
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _reason(error: BaseException) -> str:
    """Why Ray was not joined, in a line: of versions that differ, which they are."""
    text = str(error)
    if "ersion mismatch" not in text and "versions" not in text:
        return _line(error)
    found = re.findall(r"(Ray|Python): *([\w.+-]+)", text)
    if len(found) != 4:
        return " ".join(text.split())
    theirs, ours = (" and ".join(f"{name} {version}" for name, version in side) for side in (found[:2], found[2:]))
    return f"it runs {theirs}, this is {ours}; install the same versions on both sides"


def ended() -> str:
    """Which vital process of a Ray that was started here has ended; empty where all run, or it was joined."""
    if not _folders:
        return ""
    worker: Any = sys.modules["ray._private.worker"]
    node = worker._global_node  # noqa: SLF001 - Ray has no public word for the processes that it started
    return "" if node is None else next((name for name, _ in node.dead_processes() if name in _VITAL), "")


def leave() -> None:
    """Leave Ray; one that was started here ends, and its folder and its variables go."""
    import ray

    with contextlib.suppress(Exception):  # What has died already may not be left in order.
        ray.shutdown()
    while _folders:
        sockets.leave(_folders.pop())
    _forget_own()


@contextlib.contextmanager
def named_faults() -> Iterator[None]:
    """Turn Ray's failures into a `ClusterError`.

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
    """Make Ray listen on 127.0.0.1 only, as on machines that form no cluster.

    Named for Windows and macOS, where that is the default; else Ray replaces 127.0.0.1 by an address of the network.
    """
    _set(_LOOPBACK_ONLY, "0")
    read_environment()


def _require_token() -> None:
    """Make Ray require a token; one that the user has set up is kept."""
    if any(os.environ.get(name) for name in _AUTH):
        return
    path = home() / "ray_token"
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_hex(32))
    path.chmod(0o600)
    _set("RAY_AUTH_MODE", "token")
    _set(_TOKEN_PATH, str(path))
    read_environment()


def _forget_own() -> None:
    """Take back the variables of a Ray of our own, so that a cluster is joined by its own token.

    A token that was set since then stays.
    """
    ours = {name: value for name, (_, value) in _own.items()}
    if os.environ.get(_TOKEN_PATH) != ours.get(_TOKEN_PATH):
        for name in _AUTH:
            _own.pop(name, None)
    while _own:
        name, (before, _) = _own.popitem()
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
    read_environment()


def _set(name: str, value: str) -> None:
    before = _own[name][0] if name in _own else os.environ.get(name)
    _own[name] = before, value
    os.environ[name] = value


def read_environment() -> None:
    """Have Ray read the environment again, where it has read it already."""
    constants: Any = sys.modules.get("ray._private.ray_constants")
    if constants is not None:
        constants.ENABLE_RAY_CLUSTER = constants.env_bool(_LOOPBACK_ONLY, sys.platform not in ("darwin", "win32"))
    raylet: Any = sys.modules.get("ray._raylet")
    if raylet is not None:
        raylet.Config.initialize("")
        raylet.AuthenticationTokenLoader.instance().reset_cache()


def _silence() -> None:
    """Ray prints what its processes said before they died to stdout, where documents for machines go."""
    worker: Any = sys.modules["ray._private.worker"]
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
