"""What agent and client say to each other: paths, sizes, header names, and the JSON of leases and jobs.

    PUT    /v1/models/{sha256}        raw bytes           201 stored, 200 was there, 413 too large, 422 other hash
    HEAD   /v1/models/{sha256}                            200 there, 404 not
    POST   /v1/leases                 LeaseRequest        201 Lease, 409 too many wait, 422 cannot be
    GET    /v1/leases/{id}?wait=20                        200 Lease, once it waits no more or the wait is over
    PUT    /v1/leases/{id}                                200 Lease: a heartbeat
    DELETE /v1/leases/{id}                                200 Lease, given back; its jobs are cancelled
    POST   /v1/jobs                   JobRequest          202 JobStatus, 404 a model is missing, 409 busy or no lease
    GET    /v1/jobs/{id}?wait=20                          200 JobStatus, once its state changes or the wait is over
    DELETE /v1/jobs/{id}                                  200 JobStatus, cancelled unless it was done
    GET    /v1/device                                     200 DeviceInfo
    GET    /v1/state                                      200 MachineState, as it is now
    GET    /v1/isolation                                  200 Isolation: what passes are kept from
    GET    /v1/metrics                                    200 counters in Prometheus' text format
    GET    /v1/openapi.json                               200 this interface as an OpenAPI document
    GET    /v1/health                                     200, the one path that needs no token

Every failure is `{"error": "one line"}`. A token travels as `Authorization: Bearer ...`; a wrong or expired one is a
401. A full disk is a 507, a body that does not come a 408, too much at once a 429, a device that the agent cannot reach
a 503; 409, 429 and 503 say in `Retry-After` when to come back, unless coming back is of no use. A job is posted under a
lease (`Lease: id`), which gives its holder the device alone; every request that names a lease, and every poll of its
jobs, is a sign of life. A lease without a sign of life for its time ends, and its jobs with it. Both POSTs may be
repeated under the same `Idempotency-Key`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mqn.records import Comparison, Measurement, MeasureSettings, OpProfile

MODELS = "/v1/models"
LEASES = "/v1/leases"
JOBS = "/v1/jobs"
DEVICE = "/v1/device"
STATE = "/v1/state"
ISOLATION = "/v1/isolation"
METRICS = "/v1/metrics"
OPENAPI = "/v1/openapi.json"
HEALTH = "/v1/health"

IDEMPOTENCY_HEADER = "Idempotency-Key"
LEASE_HEADER = "Lease"
MODEL_NAME = re.compile(r"^[0-9a-f]{64}$", re.ASCII)

MAX_MODEL_BYTES = 256 * 1024 * 1024
MAX_JOB_BYTES = 64 * 1024
MAX_KEY_CHARACTERS = 128
MAX_HOLDER_CHARACTERS = 128
MIN_LEASE_SECONDS, MAX_LEASE_SECONDS = 1.0, 600.0
MAX_WAIT_SECONDS = 30.0

# What an agent carries out at most: no client may hold a device for hours.
MAX_TIMEOUT_SECONDS = 600.0
MAX_RUNS = 100_000
MAX_PROCESSES = 20
MAX_THREADS = 256
MAX_PROCESSORS = 1024
MAX_MEMORY_LIMIT_MB = 65_536

Part = Literal["model", "backbone", "head"]
JobKind = Literal["measure", "compare", "profile"]
JobState = Literal["queued", "running", "done", "cancelled"]
LeaseState = Literal["waiting", "held", "ended"]

_LIMITS = {
    "runs": MAX_RUNS,
    "seconds": MAX_TIMEOUT_SECONDS,
    "processes": MAX_PROCESSES,
    "warmup_limit_seconds": MAX_TIMEOUT_SECONDS,
    "threads": MAX_THREADS,
    "timeout_seconds": MAX_TIMEOUT_SECONDS,
    "memory_limit_mb": MAX_MEMORY_LIMIT_MB,
}
"""The largest settings that an agent accepts."""

PARTS: dict[int, tuple[Part, ...]] = {1: ("model",), 2: ("backbone", "head")}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A file to measure: the part it plays, and the name it was uploaded under."""

    part: Part
    sha256: str

    def __post_init__(self) -> None:
        if not MODEL_NAME.fullmatch(self.sha256):
            raise ValueError(f"sha256 {self.sha256[:80]!r} must be 64 lower-case hexadecimal digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """What to measure, and how.

    Attributes:
        kind: measure a model, compare two in turns, or profile one by operator.
        files: one `model`, or `backbone` and `head`, in the order they run.
        against: likewise the second model of a comparison; empty for the other kinds.
        settings: how; `accept` and `attempts` are the client's matter.
    """

    kind: JobKind = "measure"
    files: tuple[JobFile, ...]
    against: tuple[JobFile, ...] = ()
    settings: MeasureSettings = field(default_factory=MeasureSettings)

    def __post_init__(self) -> None:
        if tuple(file.part for file in self.files) not in PARTS.values():
            raise ValueError(f"files {[file.part for file in self.files]} must be ['model'] or ['backbone', 'head']")
        if self.kind == "compare" and tuple(file.part for file in self.against) not in PARTS.values():
            raise ValueError("against must be ['model'] or ['backbone', 'head'] where kind is 'compare'")
        if self.kind != "compare" and self.against:
            raise ValueError(f"against must be empty where kind is {self.kind!r}")
        for name, most in _LIMITS.items():
            if getattr(self.settings, name) > most:
                raise ValueError(f"{name} must be at most {most:g}")
        if any(number >= MAX_PROCESSORS for number in self.settings.processors):
            raise ValueError(f"processors must be below {MAX_PROCESSORS}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """Where a job stands.

    Attributes:
        id: its name on the agent.
        state: `done` comes with what the job's kind yields, whatever its verdict.
        measurement: of a job that measures; None before it is done.
        comparison: likewise of one that compares.
        profile: likewise of one that profiles.
        error: why a cancelled job was cancelled, where the agent did it: the lease ended, the device went away.
        refused: whether another try is of no use: the device lacks what the settings ask for.
    """

    id: str
    state: JobState
    measurement: Measurement | None = None
    comparison: Comparison | None = None
    profile: OpProfile | None = None
    error: str = ""
    refused: bool = False

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("done", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRequest:
    """A wish to have the device alone.

    Attributes:
        holder: who asks: a study, for example. Tokens take turns, and the holders of each, however many leases one asks
            for. Leases and jobs belong to the token; the name is for people.
        ttl_seconds: the lease ends so long after its last sign of life.
    """

    holder: str
    ttl_seconds: float = 60.0

    def __post_init__(self) -> None:
        if not self.holder.isprintable() or not 1 <= len(self.holder) <= MAX_HOLDER_CHARACTERS:
            raise ValueError(f"holder must have 1 to {MAX_HOLDER_CHARACTERS} printable characters")
        if not MIN_LEASE_SECONDS <= self.ttl_seconds <= MAX_LEASE_SECONDS:
            raise ValueError(f"ttl_seconds must be between {MIN_LEASE_SECONDS:g} and {MAX_LEASE_SECONDS:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A device lent.

    Attributes:
        id: its name on the agent.
        holder: who asked.
        state: `waiting` for its turn, `held`, or `ended`: given back, or no sign of life.
        ttl_seconds: as asked for.
        ahead: how many get the device before, the present holder included; 0 when held.
    """

    id: str
    holder: str
    state: LeaseState
    ttl_seconds: float
    ahead: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Something that a pass is kept from.

    Attributes:
        name: of what: `network`, `files`, ...
        holds: whether it is.
        how: how far, in words; or why not.
    """

    name: str
    holds: bool
    how: str

    @property
    def text(self) -> str:
        """In a line."""
        return f"{self.name}: {'holds' if self.holds else 'does not hold'}; {self.how}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What passes are isolated from on a device, since they run untrusted models."""

    guards: tuple[Guard, ...]


def is_loopback(host: str) -> bool:
    """Whether a host's name means this machine, by the name alone: elsewhere a token travels over TLS only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def name_parts(hashes: Sequence[str]) -> tuple[JobFile, ...]:
    """Name the parts of a model: one file is the `model`, two are `backbone` and `head`.

    `hashes` are in the order in which the files run.
    """
    if len(hashes) not in PARTS:
        raise ValueError(f"{len(hashes)} files given; one model, or backbone and head")
    return tuple(JobFile(part=part, sha256=sha256) for part, sha256 in zip(PARTS[len(hashes)], hashes, strict=True))
