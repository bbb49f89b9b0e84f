"""An agent's configuration: `agent.toml` in its folder, or options."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from mqn.device import wire
from mqn.device.agent.queue.jobs import CAPACITY
from mqn.device.agent.queue.store import QUOTA_BYTES
from mqn.parsing import from_mapping, read_toml

CONFIG_FILE = "agent.toml"
PORT = 8765
MAX_DRAIN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an agent takes upon itself.

    Attributes:
        quota_bytes: what the uploaded models may take together.
        capacity: how many jobs may wait beside the one that runs.
        max_model_bytes: size of the largest model.
        drain_seconds: how long the running job may go on once the agent is asked to end.
    """

    quota_bytes: int = QUOTA_BYTES
    capacity: int = CAPACITY
    max_model_bytes: int = wire.MAX_MODEL_BYTES
    drain_seconds: float = 120.0

    def __post_init__(self) -> None:
        if min(self.quota_bytes, self.capacity, self.max_model_bytes) < 1:
            raise ValueError("quota_bytes, capacity and max_model_bytes must be at least 1")
        if not 0 <= self.drain_seconds <= MAX_DRAIN_SECONDS:
            raise ValueError(f"drain_seconds must be between 0 and {MAX_DRAIN_SECONDS:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """An agent.

    Attributes:
        folder: where models, jobs and `tokens.json` are kept; None: a temporary one that goes with the agent.
        host: the address to bind; anything but loopback needs a token and a certificate.
        names: further names that it is reached under, for example of a proxy before it; those of its certificate and
            of loopback need not be said.
        port: 0 takes a free one.
        backend: what drives the device: `local`, `adb:SERIAL`, `ssh:USER@HOST[:PORT]`.
        benchmark_model: TensorFlow Lite's benchmark tool, for a backend that pushes one.
        certificate: for TLS, PEM; None: plain HTTP, on loopback only.
        key: of the certificate, PEM.
        user: the user that root becomes once the address is bound; empty: it stays root.
        allow_root: serve other machines as root all the same.
        limits: what it takes upon itself.
    """

    folder: Path | None = None
    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    port: int = PORT
    backend: str = "local"
    benchmark_model: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    user: str = ""
    allow_root: bool = False
    limits: Limits = field(default_factory=Limits)


def read_config(folder: Path) -> AgentConfig:
    """Read `agent.toml` of a folder; without one, the defaults hold.

    Paths in the file are relative to the folder, which also keeps models and jobs unless the file says otherwise.
    """
    path = folder / CONFIG_FILE
    config = from_mapping(AgentConfig, read_toml(path), source=str(path)) if path.is_file() else AgentConfig()
    paths = {"folder": folder / (config.folder or ".")}
    for name in ("benchmark_model", "certificate", "key"):
        given: Path | None = getattr(config, name)
        if given is not None:
            paths[name] = folder / given.expanduser()
    return dataclasses.replace(config, **paths)  # type: ignore[arg-type]
