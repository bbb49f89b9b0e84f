"""What a simulated cluster did: jobs, waiting, failures, and the seconds that machines and devices worked."""

from __future__ import annotations

import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterator

from mqn.errors import MqnError
from mqn.search.work.jobs import Job


class Tally:
    """Counts and sums, by stage where that says more.

    `published` holds stage and key of every artifact that was written; `repeated` counts jobs that began after that.
    """

    def __init__(self) -> None:
        """Begin at nothing."""
        self.begun: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.failed: Counter[tuple[str, str]] = Counter()
        self.waited_seconds: defaultdict[str, float] = defaultdict(float)
        self.cpu_seconds = 0.0
        self.gpu_seconds = 0.0
        self.device_seconds = 0.0
        self.work_seconds: defaultdict[str, float] = defaultdict(float)
        self.nodes_lost = 0
        self.publishing_seconds = 0.0
        self.published: set[tuple[str, str]] = set()
        self.repeated: Counter[tuple[str, str]] = Counter()

    def begin(self, job: Job, waited: float) -> None:
        """A job begins after it waited for a machine."""
        self.begun[job.stage] += 1
        self.repeated[job.id] += job.id in self.published
        self.waited_seconds[job.stage] += waited

    def end(self, job: Job, seconds: float, error: MqnError | None) -> None:
        """It ended after some work."""
        self.cpu_seconds += seconds * job.resources.cpus
        self.gpu_seconds += seconds * job.resources.gpus
        self.work_seconds[job.stage] += seconds
        if job.target is not None:
            self.device_seconds += seconds
        if error is None:
            self.done[job.stage] += 1
        else:
            self.failed[job.stage, type(error).__name__] += 1

    @contextlib.contextmanager
    def publishing(self) -> Iterator[None]:
        """Time of this process that a real worker would spend: artifacts are written here in its place."""
        began = time.process_time()
        try:
            yield
        finally:
            self.publishing_seconds += time.process_time() - began
