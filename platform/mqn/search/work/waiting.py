"""Jobs that wait to begin, in groups of equals: where the first of a group cannot begin, no other of it can.

So a step of the scheduler looks at one job a group, however many wait. Jobs that another driver does wait apart.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mqn.search.artifacts import ArtifactStore
from mqn.search.work.contracts import Claims, Places
from mqn.search.work.engine import Capacity
from mqn.search.work.jobs import Resources, Work
from mqn.search.work.load import Load, alone
from mqn.search.work.retries import device_of, runs_alone

_LOOK_SECONDS = 2.0

Rank = tuple[int, int, float, int]
"""What begins first: the fewest steps behind it, the fewest disturbed rounds, the shortest, the longest waiting."""


class Group(NamedTuple):
    """What jobs have in common that can begin under the same circumstances.

    Attributes:
        device: what rests when a measurement is disturbed (`device_of`).
        target: the devices that may do them; None: they need none.
        resources: what each takes.
        alone: whether each has to run alone.
    """

    device: str
    target: str | None
    resources: Resources
    alone: bool


class Waiting:
    """The jobs that wait, each either in its group or, until its pause is over, aside."""

    def __init__(self) -> None:
        """Begin without any."""
        self._groups: dict[Group, list[tuple[Rank, Work]]] = {}
        self._paused: list[tuple[float, int, Work]] = []
        self._members: set[Work] = set()
        self._on: Counter[str] = Counter()
        self._count, self._count_down = itertools.count(), itertools.count(-1, -1)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, work: Work) -> bool:
        return work in self._members

    def __iter__(self) -> Iterator[Work]:
        return iter(self._members)

    @property
    def devices(self) -> list[str]:
        """Every device (`device_of`) that jobs wait for."""
        return list(self._on)

    @property
    def trains(self) -> bool:
        """Whether a training waits."""
        return any(work.job.resources.pool == "training" for work in self._members)

    def counts(self) -> dict[Resources, int]:
        """How many jobs wait whose pause is over, by what each takes."""
        found: Counter[Resources] = Counter()
        for group, jobs in self._groups.items():
            found[group.resources] += len(jobs)
        return found

    def add(self, work: Work, *, first: bool = False) -> None:
        """Have a job wait, until its `not_before` at least. `first` puts it before its equals."""
        self._members.add(work)
        self._on[device_of(work)] += 1
        number = next(self._count_down if first else self._count)
        heapq.heappush(self._paused, (work.not_before, number, work))

    def wake(self, now: float) -> None:
        """Put every job whose pause is over into its group. `now` is monotonic time, in seconds."""
        while self._paused and self._paused[0][0] <= now:
            _, number, work = heapq.heappop(self._paused)
            if work in self._members:
                predicted = math.inf if work.predicted is None else work.predicted
                rank = (work.behind, work.rounds, predicted, number)
                group = Group(device_of(work), work.job.target, work.job.resources, runs_alone(work))
                heapq.heappush(self._groups.setdefault(group, []), (rank, work))

    def heads(self) -> list[tuple[Rank, Group]]:
        """The groups that have a job, each with the rank of its first, as a heap."""
        heads = [(jobs[0][0], group) for group, jobs in self._groups.items()]
        heapq.heapify(heads)
        return heads

    def first(self, group: Group) -> Work:
        """The first job of a group that has one."""
        return self._groups[group][0][1]

    def take(self, group: Group) -> Rank | None:
        """Take the first job of a group out; returns the rank of the next, None where there is none."""
        jobs = self._groups[group]
        _, work = heapq.heappop(jobs)
        self._forget(work)
        if not jobs:
            del self._groups[group]
            return None
        return jobs[0][0]

    def drop(self, works: list[Work]) -> None:
        """Take some jobs out, wherever they stand."""
        for work in works:
            self._forget(work)
        for group, jobs in list(self._groups.items()):
            left = [entry for entry in jobs if entry[1] in self._members]
            if len(left) < len(jobs):
                heapq.heapify(left)
                self._groups[group] = left
            if not left:
                del self._groups[group]

    def _forget(self, work: Work) -> None:
        self._members.remove(work)
        self._on[device_of(work)] -= 1
        if not self._on[device_of(work)]:
            del self._on[device_of(work)]


def feed_trainer(waiting: Waiting, load: Load, capacity: Capacity, places: Places | None) -> list[tuple[Rank, Group]]:
    """The groups that have a job, as `Waiting.heads`, but a training first where none runs and others fit beside it.

    A study waits for its trainings most of all, so a trainer must not wait for the steps of what is trained already.
    Not so where a job waits to be alone: trainings would put it off for ever.
    """
    heads = waiting.heads()
    trainings = [head for head in heads if head[1].resources.pool == "training"]
    if not trainings or load.trains:
        return heads
    rank, group = min(trainings)
    if group.resources.cpus + 1 > capacity.cpus:
        return heads
    for _, other in heads:
        work = waiting.first(other)
        placed = places.place(work.job) if other.target is not None and places is not None else None
        if alone(work, placed or work.job, capacity):
            return heads
    heads.remove((rank, group))
    heads.append(((-1, *rank[1:]), group))
    heapq.heapify(heads)
    return heads


class Elsewhere:
    """The jobs that other drivers do. Each is looked up in the store from time to time."""

    def __init__(self, claims: Claims, store: ArtifactStore, clock: Callable[[], float]) -> None:
        """Begin without any. `clock` is in monotonic seconds."""
        self._claims, self._store, self._clock = claims, store, clock
        self._works: list[Work] = []
        self._last = clock()

    def __len__(self) -> int:
        return len(self._works)

    def __contains__(self, work: Work) -> bool:
        return work in self._works

    def add(self, work: Work) -> None:
        """Wait for a job that another driver has claimed."""
        self._works.append(work)

    def look(self) -> list[Work]:
        """Find out which jobs are over; they are waited for no longer.

        Returns:
            Jobs with the artifact that is there by now; without one where nobody does the job any more: this driver has
            claimed it.
        """
        if not self._works or self._clock() - self._last < _LOOK_SECONDS:
            return []
        self._last = self._clock()
        over = [work for work in self._works if self._find(work)]
        left = {work.job.id: work for work in self._works if work.artifact is None}
        over += [left[job] for job in (self._claims.take(list(left)) if left else ())]
        self._works = [work for work in self._works if work not in over]
        return over

    def _find(self, work: Work) -> bool:
        found = self._store.find(*work.job.id)
        if found is not None and work.job.serves(found):
            work.artifact = found
        return work.artifact is not None
