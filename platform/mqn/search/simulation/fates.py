"""How a simulated job will end, and when: drawn from the profile before it begins."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mqn.errors import DeviceAwayError, MqnError, ProcessLostError, TrainingError, UnsteadyError
from mqn.profile_tables.simulate import SimulateProfile
from mqn.search.simulation.draws import Calendar, Draws
from mqn.search.stages import measure, train
from mqn.search.stages.choose import rewrite_times, tune
from mqn.search.work.jobs import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """How a job will end, if its machine stays.

    Attributes:
        seconds: from its begin to its end.
        error: what it fails with; None: it ends with its artifact.
    """

    seconds: float = 0.0
    error: MqnError | None = None


class Fates:
    """Draws what befalls jobs. A job that is tried again is drawn anew, and a training goes on where it was."""

    def __init__(self, profile: SimulateProfile, draws: Draws) -> None:
        """Begin without any job."""
        self._profile, self._draws = profile, draws
        self._failures = profile.failures
        self._storage = Calendar(self._failures.storage, draws.of("storage"))
        self._devices: dict[str, Calendar] = {}
        self._tries: Counter[tuple[str, str]] = Counter()
        self._done: dict[tuple[str, str], float] = {}

    def device(self, name: str) -> Calendar:
        """When a device is away."""
        if name not in self._devices:
            self._devices[name] = Calendar(self._failures.devices, self._draws.of("device", name))
        return self._devices[name]

    def delay(self, job: Job, *, warm: bool) -> float:
        """Seconds from the moment that a machine has room until the work begins."""
        words = (*job.id, self._tries[job.id])
        delay = self._draws.seconds(self._profile.overhead, "overhead", *words)
        return delay if warm else delay + self._draws.seconds(self._profile.worker_start, "start", *words)

    def of(self, job: Job, began: float) -> Fate:
        """What befalls a job that begins now."""
        self._tries[job.id] += 1
        words = (*job.id, self._tries[job.id])
        seconds = max(0.0, self._work(job) - self._done.get(job.id, 0.0)) + self._storage_seconds(began, words)
        chance = self._draws.of("chance", *words)
        if self._draws.happens(self._failures.worker, "worker", *words):
            return Fate(seconds=seconds * chance.random(), error=ProcessLostError("its worker process was lost"))
        if job.stage == train.STAGE and self._draws.happens(self._failures.candidate, "candidate", *job.whole):
            return Fate(seconds=seconds * chance.random(), error=TrainingError("the loss is not finite (simulated)"))
        timed = job.stage in (measure.STAGE, tune.STAGE, rewrite_times.STAGE)
        return self._on_device(job, began, seconds, words) if timed else Fate(seconds=seconds)

    def spent(self, job: Job, seconds: float, *, finished: bool) -> None:
        """A job ended after some work; one that can go on keeps what it has done."""
        if job.resumable and not finished:
            self._done[job.id] = self._done.get(job.id, 0.0) + _whole_epochs(job, seconds, self._work(job))

    def _work(self, job: Job) -> float:
        whole = self._draws.seconds(self._profile.of_stage(job.stage), "work", *job.whole)
        if job.part is None:
            return whole
        return whole * (job.part.until - job.part.after) / job.arguments["training"].epochs

    def _on_device(self, job: Job, began: float, seconds: float, words: tuple[object, ...]) -> Fate:
        name = job.arguments["device"]
        outage = self.device(name).first(began, began + seconds)
        if outage is not None:
            away = DeviceAwayError(f"device {name!r} is away")
            return Fate(seconds=max(0.0, outage[0] - began), error=away)
        if self._draws.happens(self._failures.disturbed, "disturbed", *words):
            error = UnsteadyError(f"measured as 'contended' on {name} (simulated); only ok counts")
            error.kept = {"verdict": "contended", "figures": {}}
            return Fate(seconds=seconds, error=error)
        return Fate(seconds=seconds)

    def _storage_seconds(self, began: float, words: tuple[object, ...]) -> float:
        factor = self._failures.storage_factor if self._storage.away(began) else 1.0
        return factor * self._draws.seconds(self._profile.storage, "storage", *words)


def _whole_epochs(job: Job, seconds: float, work: float) -> float:
    """The part of some work that is kept: a training goes on from its last whole epoch."""
    training = job.arguments.get("training")
    if training is None or work == 0:
        return seconds
    epochs = training.epochs if job.part is None else job.part.until - job.part.after
    epoch = work / epochs
    return min(seconds // epoch, epochs) * epoch
