"""The budgets of a study as its loop asks for them: whether anything more may begin, and what was spent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol, Self

from mqn.profile_tables.budget import BudgetProfile
from mqn.records import TrialRecord
from mqn.search.budget.ledger import PART, TRAINING, Rows
from mqn.search.budget.spent import Spent, UsedUp
from mqn.search.work.jobs import Job, Outcome

_WRITE_SECONDS, _READ_SECONDS = 2.0, 10.0
_SHARED = ("training_hours", "cpu_hours", "gpu_hours", "device_hours")


class Book(Protocol):
    """Where it is written down; `mqn.search.budget.ledger` says what each method does."""

    driver: str

    def totals(self) -> Spent: ...  # noqa: D102

    def trainings(self) -> frozenset[str]: ...  # noqa: D102

    def write(self, rows: Rows, *, patient: bool = True) -> None: ...  # noqa: D102

    def take_place(self, limits: BudgetProfile) -> bool: ...  # noqa: D102

    def fill_place(self, key: str | None, epochs: int) -> None: ...  # noqa: D102

    def release(self, key: str) -> None: ...  # noqa: D102


class Budgets:
    """What a study may spend, and what this driver has spent of it.

    A budget of trainings or epochs holds back only trials that need a training of their own: others may still begin.
    Any other budget that is used up holds back every trial. What is under way is finished. A trial has the place of its
    training from its beginning on; where it ends at the gate, the place is given back. Training hours count trainings
    of this driver that wait or run with what earlier epochs took: so they exceed their limit by about one training.
    """

    def __init__(
        self,
        limits: BudgetProfile | None = None,
        book: Book | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to count; the wall time of this run counts from now. Without a book nobody else spends anything.

        `has_place` says whether a place was taken (`take_training`) that is not filled yet.
        """
        self.limits = limits or BudgetProfile()
        self._book, self._clock = book, clock
        self._began = self._written = clock()
        self._own = dict.fromkeys((*_SHARED, "hours"), 0.0)
        self._trainings: dict[str, int] = {}
        self._reserved: set[str] = set()  # Those of them that have not begun.
        self._parts: set[str] = set()  # Keys of the jobs that are counted.
        self._ahead: dict[str, int] = {}  # Epochs of trainings that wait or run, by the keys of their jobs.
        self._epochs_made = 0
        self._unwritten: dict[tuple[str, str], float] = {}
        self._known: frozenset[str] = frozenset()
        # What all drivers had spent when that was read last, and this driver's own part of it.
        self._all, self._part = Spent(), dict(self._own)
        self._read = clock() - _READ_SECONDS
        self.has_place = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write down what was spent; after a failure or Ctrl-C without waiting for a database that is away."""
        self.write(patient=kind is None)

    def exceeded(self) -> UsedUp | None:
        """The budget that is used up, so that no trial begins; None while there is none."""
        limits = self.limits
        hours = (self._clock() - self._began) / 3600
        if limits.hours is not None and hours >= limits.hours:
            return UsedUp(name="hours", amount=hours, limit=limits.hours)
        for name in _SHARED:
            limit = getattr(limits, name)
            if limit is not None:
                amount = self._amount(name) + (self._hours_ahead if name == "training_hours" else 0.0)
                if amount >= limit:
                    return UsedUp(name=name, amount=amount, limit=limit)
        return None

    @property
    def _hours_ahead(self) -> float:
        """What trainings that wait or run will take, if their epochs take as long as those so far."""
        made = self._epochs_made
        return sum(self._ahead.values()) * self._own["training_hours"] / made if made else 0.0

    def take_training(self) -> UsedUp | None:
        """Take the place of one more training; `fill` says later which it is.

        Returns:
            The budget that is used up; None where the place is taken, or no budget asks for it.
        """
        limits = self.limits
        if not self.counts_trainings:
            return None
        if self._book is None:
            count, epochs = len(self._trainings), sum(self._trainings.values())
            self.has_place = count < (limits.trainings or count + 1) and epochs < (limits.epochs or epochs + 1)
        else:
            self.has_place = self._book.take_place(limits)
        if self.has_place:
            return None
        spent = self.spent()
        if limits.trainings is not None and spent.trainings >= limits.trainings:
            return UsedUp(name="trainings", amount=spent.trainings, limit=limits.trainings)
        return UsedUp(name="epochs", amount=spent.epochs, limit=limits.epochs or 0)

    def epochs_used_up(self) -> UsedUp | None:
        """The budget of epochs if it is used up, so that no training goes on from a rung."""
        if (limit := self.limits.epochs) is None or (spent := self.spent().epochs) < limit:
            return None
        return UsedUp(name="epochs", amount=spent, limit=limit)

    def fill(self, training: Job | None) -> None:
        """Say which training has the place that was taken; None, or one that was begun before, gives it back."""
        self.has_place = False
        known = training is None or self.knows(training)
        key, epochs = (None, 0) if training is None or known else (name_of(training), epochs_of(training))
        self._fill(key, epochs)

    def expect(self, training: Job) -> None:
        """A trial has begun that needs a training, or the part of one that its first rung ends."""
        if training.key not in self._parts:
            self._ahead[training.key] = epochs_of(training)

    def take_up(self, training: Job) -> None:
        """Keep the place of a training whose trial another driver left."""
        if name_of(training) not in self._trainings:
            self._fill(name_of(training), epochs_of(training))

    def release(self, training: Job) -> bool:
        """Give back the place of a training that no trial needs any more, unless it has begun. Returns whether it had.

        Where a trial of another driver counts on it all the same, it counts again when it begins.
        """
        if training.key not in self._parts:
            self._ahead.pop(training.key, None)
        name = name_of(training)
        if name not in self._reserved:
            return False
        self._reserved.remove(name)
        del self._trainings[name]
        if self._book is not None:
            self._book.release(name)
        return True

    @property
    def counts_trainings(self) -> bool:
        """Whether trainings are limited, so that each needs a place."""
        return self.limits.trainings is not None or self.limits.epochs is not None

    @property
    def awaits_trainings(self) -> bool:
        """Whether it matters which trainings trials wait for."""
        return self.counts_trainings or self.limits.training_hours is not None

    def _fill(self, key: str | None, epochs: int) -> None:
        if key is not None:
            self._trainings[key] = epochs
            self._reserved.add(key)
        if self._book is not None:
            self._book.fill_place(key, epochs)

    def knows(self, training: Job) -> bool:
        """Whether a training was begun for this study before, by whichever driver."""
        name = name_of(training)
        if name not in self._trainings and name not in self._known and self._book is not None:
            self._known = self._book.trainings()
        return name in self._trainings or name in self._known

    def begun(self, job: Job) -> None:
        """A job begins. Each part of a training counts its own epochs, once."""
        if not is_training(job):
            return
        self._ahead[job.key] = epochs_of(job)
        if job.key in self._parts:
            return
        name, epochs = name_of(job), epochs_of(job)
        self._parts.add(job.key)
        fresh = name in self._reserved or name not in self._trainings
        self._reserved.discard(name)
        if job.part is None or not job.part.after:
            if fresh:
                self._trainings[name] = epochs
                self._unwritten[name, TRAINING] = epochs
            return
        if fresh and not self.knows(job):
            self._unwritten[name, TRAINING] = 0  # What it goes on from was made for another study.
        self._trainings[name] = (0 if fresh else self._trainings[name]) + epochs
        self._unwritten[job.key, PART] = epochs

    def ended(self, job: Job, outcome: Outcome) -> None:
        """A job has ended, whatever came of it. Of a lost worker, the time since the job was handed out counts."""
        hours = (outcome.seconds if outcome.span is None else outcome.span.seconds) / 3600
        self._own["cpu_hours"] += hours * job.resources.cpus
        self._own["gpu_hours"] += hours * job.resources.gpus
        if is_training(job):
            self._own["training_hours"] += hours
            epochs = self._ahead.pop(job.key, 0)
            self._epochs_made += epochs if outcome.error is None and not outcome.reused else 0
        if job.target is not None:
            self._own["device_hours"] += hours
        if self._clock() - self._written >= _WRITE_SECONDS:
            self.write()

    def write(self, *, patient: bool = True) -> None:
        """Write down what this driver has spent so far; `patient` waits for a database that is away."""
        now = self._written = self._clock()
        self._own["hours"] = (now - self._began) / 3600
        if self._book is not None:
            own = {(self._book.driver, name): amount for name, amount in self._own.items()}
            self._book.write({**own, **self._unwritten}, patient=patient)
        self._unwritten.clear()

    def take_over(self, records: Iterable[TrialRecord]) -> None:
        """Count the trainings of a study that an earlier version began, which wrote down none."""
        for record in records:
            key = record.artifacts.get("train")
            if key is not None and record.seconds.get("train", 0.0) > 0:
                self._trainings[key] = record.candidate.training.epochs
                self._unwritten[key, TRAINING] = self._trainings[key]
        self.write()

    def spent(self) -> Spent:
        """What all drivers have spent so far."""
        if self._book is None:
            return Spent(trainings=len(self._trainings), epochs=sum(self._trainings.values()), **self._own)
        self.write()
        return self._book.totals()

    def _amount(self, name: str) -> float:
        """What all drivers have spent of one kind; what others did is read from time to time."""
        if self._book is not None and self._clock() - self._read >= _READ_SECONDS:
            self.write()
            self._read = self._clock()
            self._all, self._part = self._book.totals(), dict(self._own)
        return float(getattr(self._all, name)) + self._own[name] - self._part[name]


def is_training(job: Job) -> bool:
    """Whether a job trains a network, which is what a budget of trainings counts. Fine-tuning is none."""
    return job.resources.pool == "training"


def name_of(job: Job) -> str:
    """What a training counts by: the same for all its parts."""
    return job.whole[1]


def epochs_of(job: Job) -> int:
    """The epochs of a training, or of this part of it; 0 where it does not say."""
    if job.part is not None:
        return job.part.until - job.part.after
    return int(job.inputs.get("training", {}).get("epochs", 0))
