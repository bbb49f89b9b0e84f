"""What running jobs take, as counts that change when a job begins or ends."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from mqn.search.work.engine import Capacity
from mqn.search.work.jobs import Job, Resources, Work
from mqn.search.work.retries import device_of, runs_alone


class Load:
    """Counts the running jobs, so that whether one more fits takes no look at each of them."""

    def __init__(self) -> None:
        """Begin with none."""
        # Jobs are counted by what they take: sums of whole counts stay exact, sums of fractions do not.
        self._counts: Counter[Resources] = Counter()
        self._lonely = 0
        self._on: Counter[str] = Counter()

    def on(self, device: str) -> int:
        """How many jobs run on a device (`device_of`)."""
        return self._on[device]

    @property
    def trains(self) -> bool:
        """Whether a training runs."""
        return any(resources.pool == "training" for resources in self._counts)

    def add(self, work: Work) -> None:
        """A job begins."""
        self._change(work, 1)

    def remove(self, work: Work) -> None:
        """A job has ended; `placed` and `faults` are as they were when it began."""
        self._change(work, -1)

    def fits(self, work: Work, job: Job, capacity: Capacity) -> bool:
        """Whether a job may begin beside those that run.

        Args:
            work: the job that waits.
            job: the same as it would run, on its device.
            capacity: what there is. A job that takes more may run where nothing else takes anything.
        """
        wanted, taken = _amounts(job.resources, capacity), self.taken(capacity)
        if not wanted or not taken:
            return True
        if alone(work, job, capacity) or (capacity.single and (self._lonely or self._exclusive)):
            return False
        return capacity.admits(taken, wanted)

    @property
    def _exclusive(self) -> bool:
        return any(resources.exclusive for resources in self._counts)

    def taken(self, capacity: Capacity) -> dict[str, float]:
        """What all running jobs take together, by resource."""
        taken: dict[str, float] = defaultdict(float)
        for resources, count in self._counts.items():
            for name, amount in _amounts(resources, capacity).items():
                taken[name] += count * amount
        return taken

    def demand(self, waiting: Mapping[Resources, int], capacity: Capacity) -> tuple[dict[str, float], dict[str, float]]:
        """What running and waiting jobs take together, by resource, and what the largest of them takes.

        `waiting` counts the jobs that wait by what each takes.
        """
        wanted, largest = self.taken(capacity), dict[str, float]()
        for resources, count in waiting.items():
            for name, amount in _amounts(resources, capacity).items():
                wanted[name] = wanted.get(name, 0.0) + count * amount
        for resources in (*waiting, *self._counts):
            for name, amount in _amounts(resources, capacity).items():
                largest[name] = max(largest.get(name, 0.0), amount)
        return wanted, largest

    def _change(self, work: Work, by: int) -> None:
        resources = (work.placed or work.job).resources
        self._on[device_of(work)] += by
        self._lonely += by * runs_alone(work)
        self._counts[resources] += by
        if not self._counts[resources]:
            del self._counts[resources]


def alone(work: Work, job: Job, capacity: Capacity) -> bool:
    """Whether a job, as it would run, has to be alone: only where one machine does everything."""
    return capacity.single and (job.resources.exclusive or runs_alone(work))


def _amounts(resources: Resources, capacity: Capacity) -> dict[str, float]:
    """What a job takes. Beside other machines, an exclusive one takes the processors of the driver's."""
    if not resources.exclusive or capacity.single:
        return resources.amounts
    amounts = {**resources.amounts, "CPU": capacity.own_cpus}
    return {name: amount for name, amount in amounts.items() if amount > 0}
