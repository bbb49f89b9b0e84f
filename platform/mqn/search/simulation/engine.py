"""An engine in simulated time. It does what Ray does with a job, but the job's work is drawn and not done.

A job waits until a machine has room, is begun after Ray's own overhead, takes the time that its stage is said to take,
and leaves what a stand-in writes into the real store of artifacts. Machines go and come, workers are lost, devices are
away: jobs end with the errors that real ones end with.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Self, cast

from mqn.errors import MqnError, NodeLostError, ProcessLostError
from mqn.profile_tables.simulate import SimulateProfile
from mqn.records import Span
from mqn.search.artifacts import ArtifactStore
from mqn.search.simulation.clock import VirtualClock
from mqn.search.simulation.draws import Draws
from mqn.search.simulation.fates import Fate, Fates
from mqn.search.simulation.nodes import Node, Nodes
from mqn.search.simulation.stand_ins import stand_in
from mqn.search.simulation.tally import Tally
from mqn.search.work.data_place import DataPlace
from mqn.search.work.engine import Capacity
from mqn.search.work.jobs import Job, Outcome, Resources, perform


@dataclass(slots=True, eq=False)
class _Task:
    """A job that was submitted.

    Attributes:
        handle: its number.
        store: where its artifact goes.
        job: what is to be done.
        submitted: when.
        began: when its work began; None while it waits.
        node: where it runs.
        fate: how it will end.
        outcome: how it has ended; None while it has not, or where its artifact is still to be written.
        over: whether it has ended.
    """

    handle: int
    store: ArtifactStore
    job: Job
    submitted: float
    began: float = 0.0
    node: Node | None = None
    fate: Fate = field(default_factory=Fate)
    outcome: Outcome | None = None
    over: bool = False


class SimulatedEngine:
    """Runs jobs in simulated time. Deterministic: the same seed and the same jobs end at the same moments."""

    def __init__(self, profile: SimulateProfile, clock: VirtualClock, fates: Fates, draws: Draws) -> None:
        """Begin with the profile's machines."""
        self._profile, self._clock, self._fates, self._draws = profile, clock, fates, draws
        self.tally = Tally()
        self._nodes = Nodes(profile, draws)
        self._tasks: dict[int, _Task] = {}
        self._pending: dict[Resources, deque[_Task]] = defaultdict(deque)
        self._ended: dict[int, None] = {}
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0
        for number, calendar in enumerate(self._nodes.calendars):
            self._plan_outage(number, iter(calendar))

    @property
    def capacity(self) -> Capacity:
        """What the machines have that are there. The driver's own machine runs no jobs; memory is never short."""
        up = self._nodes.up
        amounts = {"CPU": float(up * self._profile.node_cpus), "GPU": float(up * self._profile.node_gpus)}
        return Capacity(amounts={**amounts, "memory": math.inf}, nodes=up)

    def submit(self, store: ArtifactStore, job: Job) -> Hashable:
        """Take a job on."""
        self._catch_up()
        self._count += 1
        task = _Task(handle=self._count, store=store, job=job, submitted=self._clock())
        self._tasks[task.handle] = task
        self._pending[job.resources].append(task)
        self._place(self._clock())
        return task.handle

    def wait(self, handles: Sequence[Hashable], timeout: float) -> list[Hashable]:
        """Leap to the next moment at which a job ends; not further than the profile's `look_seconds`."""
        self._catch_up()
        until = self._clock() + max(timeout, self._profile.look_seconds)
        while not self._ended:
            moment = min(self._events[0][0] if self._events else until, until)
            self._clock.leap(moment)
            self._catch_up()
            if moment >= until:
                break
        wanted = set(handles)
        return [handle for handle in self._ended if handle in wanted]

    def collect(self, handle: Hashable) -> Outcome:
        """How a job ended. Its artifact is written now."""
        task = self._tasks.pop(cast(int, handle))
        del self._ended[task.handle]
        outcome = task.outcome
        if outcome is None:
            job = replace(task.job, function=stand_in(task.job, self._draws), packages=())
            with self.tally.publishing():
                outcome = perform(task.store, job)
            if outcome.error is None:
                self.tally.published.add(job.id)
        span = self._span(task)
        return outcome if outcome.reused else replace(outcome, seconds=span.seconds, span=span)

    def probe(self, store: ArtifactStore, data: DataPlace) -> None:
        """Every simulated machine sees what this process sees."""

    def share_by(self, demand: object) -> None:
        """No other study is simulated."""

    def restart(self) -> None:
        """Forget what was not waited for."""
        for task in self._tasks.values():
            if task.node is not None and not task.over:
                task.node.give_back(task.handle, task.job.resources, worker_lost=True)
                task.over = True
        self._tasks.clear()
        self._pending.clear()
        self._ended.clear()

    def close(self) -> None:
        """As `restart`."""
        self.restart()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _catch_up(self) -> None:
        """Let everything happen that was due by now, each at its own moment."""
        while self._events and self._events[0][0] <= self._clock():
            moment, _, act = heapq.heappop(self._events)
            act(moment)
            self._place(moment)

    def _at(self, moment: float, act: Callable[[float], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (moment, self._count, act))

    def _place(self, moment: float) -> None:
        for resources, tasks in self._pending.items():
            while tasks and (node := self._nodes.find(resources)) is not None:
                self._begin(tasks.popleft(), node, moment)

    def _begin(self, task: _Task, node: Node, moment: float) -> None:
        warm = node.take(task.handle, task.job.resources)
        task.node = node
        task.began = moment + self._fates.delay(task.job, warm=warm)
        task.fate = self._fates.of(task.job, task.began)
        self.tally.begin(task.job, moment - task.submitted)
        self._at(task.began + task.fate.seconds, lambda now: self._end(task, task.fate.error, now))

    def _end(self, task: _Task, error: MqnError | None, moment: float) -> None:
        if task.over:
            return
        task.over = True
        assert task.node is not None
        lost = isinstance(error, ProcessLostError)
        task.node.give_back(task.handle, task.job.resources, worker_lost=lost)
        spent = max(0.0, moment - task.began)
        self._fates.spent(task.job, spent, finished=error is None)
        self.tally.end(task.job, spent, error)
        task.fate = replace(task.fate, seconds=spent)
        if error is not None:
            task.outcome = Outcome.failed(error)
        self._ended[task.handle] = None

    def _span(self, task: _Task) -> Span:
        assert task.node is not None
        return Span(
            begin=self._clock.date(task.began),
            end=self._clock.date(task.began + task.fate.seconds),
            host=task.node.name,
            node=task.node.name,
            process=task.handle,
            device=str(task.job.arguments.get("device", "")),
        )

    def _plan_outage(self, number: int, outages: Iterator[tuple[float, float]]) -> None:
        """Plan when a machine is taken away next, and when another takes its place."""
        found = next(outages, None)
        if found is None:
            return
        begin, end = found

        def take_away(moment: float) -> None:
            node = self._nodes.take_away(number)
            self.tally.nodes_lost += 1
            for handle in sorted(node.running):
                error = NodeLostError(f"its machine {node.name} has left the cluster")
                self._end(self._tasks[handle], error, moment)

        def bring(_moment: float) -> None:
            self._nodes.bring(number)
            self._plan_outage(number, outages)

        self._at(begin, take_away)
        self._at(end, bring)
