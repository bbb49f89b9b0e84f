"""What a pass is told and what it answers: the records between the agent and its isolated subprocesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mqn.device.wire import Part
from mqn.records import MachineState, MeasureSettings, Verdict

REQUEST_FILE = "request.json"
RESULT_FILE = "result.json"

Kind = Literal["timed", "memory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassFile:
    """A file as a pass sees it: its part, and its name in the pass's folder."""

    part: Part
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRequest:
    """What one subprocess is to do."""

    kind: Kind
    files: tuple[PassFile, ...]
    settings: MeasureSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedPart:
    """One file, timed.

    Attributes:
        init_ms: reading the file and allocating its tensors.
        first_ms: the first invocation.
        warmup_ms: mean of the invocations that warmed up.
        samples_ns: every counted invocation.
        output_sha256: of the outputs' bytes for the seeded input.
        partitions: nodes of the graph that a delegate took over; None where the runtime does not tell.
    """

    init_ms: float
    first_ms: float
    warmup_ms: float
    samples_ns: tuple[int, ...]
    output_sha256: str
    partitions: int | None

    def __post_init__(self) -> None:
        """Check the samples.

        Raises:
            ValueError: there are none, or one took no time.
        """
        if not self.samples_ns or min(self.samples_ns) <= 0:
            raise ValueError("samples_ns must be some, each above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedResult:
    """The timed pass.

    Attributes:
        parts: in the order they ran.
        wall_seconds: from the first counted invocation to the last.
        cpu_seconds: processor time of the process meanwhile, all threads.
        others_seconds: processor time that others took meanwhile on the processors allowed to us; None if unreadable.
        affinity: processors allowed to us.
        before: the machine when counting began.
        after: and when it ended.
    """

    parts: tuple[TimedPart, ...]
    wall_seconds: float
    cpu_seconds: float
    others_seconds: float | None
    affinity: tuple[int, ...]
    before: MachineState
    after: MachineState

    def __post_init__(self) -> None:
        """Check that the parts were timed in the same rounds.

        Raises:
            ValueError: their samples differ in number, or no time passed.
        """
        if len({len(part.samples_ns) for part in self.parts}) != 1 or self.wall_seconds <= 0:
            raise ValueError("every part must have as many samples, and wall_seconds be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryResult:
    """The memory pass, in MB of 10^6 bytes.

    Attributes:
        baseline_mb: resident memory just before the model was loaded.
        peak_mb: the highest afterwards, above the baseline.
        method: how the peak was found.
    """

    baseline_mb: float | None
    peak_mb: float | None
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A pass that came to nothing, as a result: its verdict and the one line why."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What a subprocess leaves behind: one of the three."""

    timed: TimedResult | None = None
    memory: MemoryResult | None = None
    failure: Failure | None = None
