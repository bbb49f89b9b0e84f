"""What agent and client say to each other: paths, sizes, header names, and the JSON of jobs.

    PUT    /v1/models/{sha256}        raw bytes           201 stored, 200 was there, 413 too large, 422 other hash
    HEAD   /v1/models/{sha256}                            200 there, 404 not
    POST   /v1/jobs                   JobRequest          202 JobStatus, 404 a model is missing, 409 busy, 422 cannot be
    GET    /v1/jobs/{id}?wait=20                          200 JobStatus, once its state changes or the wait is over
    DELETE /v1/jobs/{id}                                  200 JobStatus, cancelled unless it was done
    GET    /v1/device                                     200 DeviceInfo
    GET    /v1/health                                     200, the one path that needs no token

Every failure is `{"error": "one line"}`. A token travels as `Authorization: Bearer ...`; a wrong one is a 401.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mqn.records import Measurement, MeasureSettings

MODELS = "/v1/models"
JOBS = "/v1/jobs"
DEVICE = "/v1/device"
HEALTH = "/v1/health"

IDEMPOTENCY_HEADER = "Idempotency-Key"
MODEL_NAME = re.compile(r"^[0-9a-f]{64}$", re.ASCII)

MAX_MODEL_BYTES = 256 * 1024 * 1024
MAX_JOB_BYTES = 64 * 1024
MAX_KEY_CHARACTERS = 128
MAX_WAIT_SECONDS = 30.0

# What an agent carries out at most, whoever asks: nobody may hold a lent device for hours.
MAX_TIMEOUT_SECONDS = 600.0
MAX_RUNS = 100_000
MAX_MEMORY_LIMIT_MB = 65_536

Part = Literal["model", "backbone", "head"]
JobState = Literal["queued", "running", "done", "cancelled"]

PARTS: dict[int, tuple[Part, ...]] = {1: ("model",), 2: ("backbone", "head")}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A file to measure: the part it plays, and the name it was uploaded under."""

    part: Part
    sha256: str

    def __post_init__(self) -> None:
        """Check the name.

        Raises:
            ValueError: it is not 64 hexadecimal digits.
        """
        if not MODEL_NAME.fullmatch(self.sha256):
            raise ValueError(f"sha256 {self.sha256[:80]!r} must be 64 lower-case hexadecimal digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """What to measure, and how.

    Attributes:
        files: one `model`, or `backbone` and `head`, in the order they run.
        settings: how; `accept` and `attempts` are the client's matter.
    """

    files: tuple[JobFile, ...]
    settings: MeasureSettings = field(default_factory=MeasureSettings)

    def __post_init__(self) -> None:
        """Check what an agent is willing to carry out.

        Raises:
            ValueError: the parts are not a model or a pair, or a limit is broken.
        """
        if tuple(file.part for file in self.files) not in PARTS.values():
            raise ValueError(f"files {[file.part for file in self.files]} must be ['model'] or ['backbone', 'head']")
        if self.settings.runs > MAX_RUNS or self.settings.seconds > MAX_TIMEOUT_SECONDS:
            raise ValueError(f"runs must be at most {MAX_RUNS} and seconds at most {MAX_TIMEOUT_SECONDS:g}")
        if self.settings.timeout_seconds > MAX_TIMEOUT_SECONDS or self.settings.memory_limit_mb > MAX_MEMORY_LIMIT_MB:
            raise ValueError(
                f"timeout_seconds must be at most {MAX_TIMEOUT_SECONDS:g} and memory_limit_mb {MAX_MEMORY_LIMIT_MB}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """Where a job stands.

    Attributes:
        id: its name on the agent.
        state: `done` comes with a measurement, whatever its verdict.
        measurement: the result; None before.
    """

    id: str
    state: JobState
    measurement: Measurement | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("done", "cancelled")


def name_parts(hashes: Sequence[str]) -> tuple[JobFile, ...]:
    """Give files their parts: one is the `model`, two are `backbone` and `head`.

    Args:
        hashes: SHA-256 of each file, in the order they run.

    Raises:
        ValueError: neither one nor two files.
    """
    if len(hashes) not in PARTS:
        raise ValueError(f"{len(hashes)} files given; one model, or backbone and head")
    return tuple(JobFile(part=part, sha256=sha256) for part, sha256 in zip(PARTS[len(hashes)], hashes, strict=True))
