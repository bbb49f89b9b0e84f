"""The agent: serves this machine as a device, until it is told to stop or whoever started it is gone."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import ipaddress
import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from mqn.device import machine, wire
from mqn.device.agent.app import build_app
from mqn.device.agent.jobs import CAPACITY, Jobs
from mqn.device.agent.store import QUOTA_BYTES, Store
from mqn.device.backends.isolation import TOKEN_VARIABLE, KillSwitch
from mqn.device.session import SessionFile, measure_here
from mqn.errors import DeviceError, DeviceRefusedError, MqnError, UsageError
from mqn.home import home
from mqn.parsing import write_json
from mqn.records import DeviceInfo, Measurement, MeasureSettings

GRACE_SECONDS = 2


class QuietServer(uvicorn.Server):
    """uvicorn's server, asleep between requests: its own loop wakes ten times a second, beside a timed pass."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready, self._on_stop = on_ready, on_stop
        self._awake: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def stop(self) -> None:
        """Make it end; from any thread or signal handler, and also before it has begun."""
        self.should_exit = True
        if self._awake is not None:
            loop, event = self._awake
            with contextlib.suppress(RuntimeError):  # the loop is closed already: it has ended
                loop.call_soon_threadsafe(event.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End upon a signal, in good order: uvicorn's own would raise the signal again at the end."""
        self.stop()

    async def main_loop(self) -> None:
        """Sleep until `stop`."""
        event = asyncio.Event()
        self._awake = (asyncio.get_running_loop(), event)
        self._on_ready()
        if not self.should_exit:
            await event.wait()
        # Before the connections are closed: those that wait for a job get their answer at once.
        await asyncio.to_thread(self._on_stop)


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    folder: Path | None = None,
    token: str | None = None,
    *,
    ready_file: Path | None = None,
    on_ready: Callable[[str], None] | None = None,
    until_stdin_closes: bool = False,
    quota_bytes: int = QUOTA_BYTES,
    capacity: int = CAPACITY,
    max_model_bytes: int = wire.MAX_MODEL_BYTES,
) -> None:
    """Serve this machine as a device until SIGINT or SIGTERM.

    Args:
        host: the address to bind; anything but loopback needs a token.
        port: 0 takes a free one.
        folder: where models and jobs are kept; None: a temporary folder that goes with the agent.
        token: what clients must bring; None lets everybody on this machine in.
        ready_file: gets `{"url": ..., "pid": ...}` once requests are answered.
        on_ready: is given the URL at that moment, if any.
        until_stdin_closes: end also when standard input does, as it does when whoever started the agent dies.
        quota_bytes: what the uploaded models may take together.
        capacity: how many jobs may wait beside the one that runs.
        max_model_bytes: size of the largest model.

    Raises:
        UsageError: the address cannot be bound.
        DeviceRefusedError: it is not loopback, and there is no token.
        DeviceError: the queue's worker broke down.
    """
    if not _is_loopback(host) and not token:
        raise DeviceRefusedError(
            f"{host} can be reached from other machines; set {TOKEN_VARIABLE} to a long random token, or bind 127.0.0.1"
        )
    listener = _bind(host, port)
    address = listener.getsockname()
    url = f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}"
    broken = threading.Event()

    def announce() -> None:
        if ready_file is not None:
            write_json(ready_file, {"url": url, "pid": os.getpid()})
        if on_ready is not None:
            on_ready(url)

    def break_down() -> None:
        broken.set()
        server.stop()

    with listener, _keep_folder(folder) as kept:
        store, info = Store(kept / "models", quota_bytes), machine.describe()
        bench = functools.partial(_bench, info, kept / "jobs")
        jobs = Jobs(store, kept / "jobs", bench, capacity=capacity, on_breakdown=break_down)
        config = uvicorn.Config(
            build_app(store, jobs, info, token, max_model_bytes),
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            lifespan="off",
            ws="none",
            loop="asyncio",
            http="h11",
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = QuietServer(config, announce, jobs.close)
        if until_stdin_closes:
            threading.Thread(target=_watch_stdin, args=(server.stop,), name="lifeline", daemon=True).start()
        try:
            server.run(sockets=[listener])
        finally:
            jobs.close()
    if broken.is_set():
        raise DeviceError("the agent's worker broke down; its traceback stands above")


def _bench(
    info: DeviceInfo, folder: Path, files: tuple[SessionFile, ...], settings: MeasureSettings, switch: KillSwitch
) -> Measurement:
    return measure_here(files, settings, device=info, folder=folder, switch=switch)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"cannot bind {host} port {port}: {error}; choose another --port, or 0 for a free one"
        ) from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextlib.contextmanager
def _keep_folder(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        # Jobs do not outlive an agent; a killed one may have left some.
        shutil.rmtree(folder / "jobs", ignore_errors=True)
        yield folder
        return
    parent = home() / "agent"
    parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="loopback-", dir=parent) as name:
        yield Path(name)


def _watch_stdin(stop: Callable[[], None]) -> None:
    # Sleeps in read(2) until the other end of the pipe is closed, by its owner or by the kernel after a kill -9.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m mqn.device.agent`; the token comes in the environment, where other users do not see it.

    Args:
        arguments: of the command line; None: the process's own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m mqn.device.agent", description="Serve this machine as a device.")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--folder", type=Path, help="where models are kept (default: a temporary folder)")
    parser.add_argument("--ready-file", type=Path, help="gets the URL as JSON once requests are answered")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input does")
    given = parser.parse_args(arguments)
    try:
        serve(
            given.host,
            given.port,
            given.folder,
            os.environ.get(TOKEN_VARIABLE) or None,
            ready_file=given.ready_file,
            on_ready=lambda url: print(url, flush=True),  # noqa: T201
            until_stdin_closes=given.until_stdin_closes,
        )
    except MqnError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0
