"""Decides what is tried again, when, and how often: work that failed through no fault of its candidate.

Faults of machinery: a job whose machine left the cluster is put back at once, for the job had no part in that. One
whose process, memory, disk or cluster failed is put back with a pause that doubles. When
its tries are used up and it was its process that was lost (perhaps the job needs more memory than there is), its trial
waits to be resumed, and the study goes on without it. Where the disk or the cluster failed, or several jobs in a row
were given up, no trial would fare better: the study stops by name. A process that crashes by itself three times on the
same job is the candidate's own doing.

Disturbed measurements: the device is left alone for a while, which doubles with every disturbed round in a row, and
other work goes on. Then one measurement tries whether the device is steady again; if it is, the others follow. A
measurement whose rounds are used up waits to be resumed, and so do all on a device that is as disturbed as ever when
nothing else is left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from mqn.errors import (
    ExportError,
    FaultError,
    MqnError,
    NodeLostError,
    NotBegunError,
    ProcessCrashedError,
    ProcessLostError,
    UnsteadyError,
)
from mqn.faults import fault_of
from mqn.profile_tables.retry import LONGEST_PAUSE_SECONDS, RetryProfile
from mqn.search.work.jobs import Outcome, Work

T = TypeVar("T")

CRASHES = 3
"""After so many crashes of a process over the same job, the candidate is to blame."""

LOST_IN_A_ROW = 10
"""After so many jobs given up in a row, the machine is to blame. Fewer prove nothing: a space may have some networks in
a row that need more memory than there is."""

LOST_NODES = 20
"""So many machines may leave a cluster under a job without counting as its tries. Beyond that it may be the job that
takes them down."""

ALONE_AFTER = 2
"""After so many lost processes a job runs alone, in case memory was short."""

TRANSIENT = (FaultError, UnsteadyError)
"""Failures that no candidate is to blame for: the trial waits, and has not failed."""


@dataclass(slots=True)
class _Rest:
    """A disturbed device: how many rounds in a row, until when it is left alone, and how the last round ended."""

    rounds: int = 0
    until: float = 0.0
    line: str = ""
    verdict: str = ""


class Retries:
    """Decides about every job that failed, and says what it decided."""

    def __init__(
        self, profile: RetryProfile, clock: Callable[[], float], tell: Callable[[str], object] = lambda _: None
    ) -> None:
        """Begin without any failure."""
        self._profile, self._clock, self._tell = profile, clock, tell
        self._rests: dict[str, _Rest] = {}
        self._lost = 0

    def settle(self, work: Work, outcome: Outcome) -> Outcome | None:
        """Decide about a failed job: how it ended, or None where it is put back.

        Raises `FaultError` if no job can go on; the message says how the study does.
        """
        error = outcome.exception()
        if isinstance(error, UnsteadyError):
            return self._disturbed(work, outcome, error)
        if isinstance(error, FaultError):
            return self._faulty(work, outcome, error)
        return outcome

    def ended_well(self, work: Work) -> None:
        """A job ended with its artifact."""
        self._lost = 0
        if self._rests.pop(device_of(work), None) is not None:
            self._tell(f"{device_of(work)} measures steadily again")

    @property
    def disturbed(self) -> bool:
        """Whether any device is."""
        return bool(self._rests)

    def rests(self, device: str) -> bool:
        """Whether a device (`device_of`) is left alone until it may be steady again."""
        rest = self._rests.get(device)
        return rest is not None and self._clock() < rest.until

    def rest_of(self, device: str) -> tuple[float, str]:
        """For how many seconds more a disturbed device is left alone, and the verdict that its last round came to."""
        rest = self._rests[device]
        return max(rest.until - self._clock(), 0.0), rest.verdict

    def may_try(self, device: str, running: int) -> bool:
        """Whether a job may begin on a device where some run; on a disturbed one, one at a time tries."""
        return device not in self._rests or (not running and not self.rests(device))

    def give_up(self, waiting: Iterable[Work]) -> list[Work]:
        """Give up what still waits for a disturbed device when nothing else is left to do: each job gets its outcome.

        `waiting` is every job that waits, each for a device that rests; returns those that were given up.
        """
        given_up = [work for work in waiting if self._rests[device_of(work)].rounds > self._profile.rounds]
        for work in given_up:
            rest = self._rests[device_of(work)]
            error = UnsteadyError(f"{rest.line}; it was so in {rest.rounds} rounds")
            if rest.verdict:  # The machine's: a job that was not measured itself has no figures.
                error.kept = {"verdict": rest.verdict, "figures": {}}
            work.outcome = work.setback or Outcome.failed(error)
        return given_up

    def insist(self, what: str, act: Callable[[], T], sleep: Callable[[float], object]) -> T:
        """Do something in this process, and do it again while machinery fails. It must be safe to repeat.

        Raises:
            FaultError: all tries failed.
        """
        count = 1
        while True:
            try:
                return act()
            except Exception as error:
                fault = fault_of(error)
                if fault is None:
                    raise
                if count >= self._profile.tries:
                    line = f"{what}: {fault}; this happened {count} times; fix this, then go on with --resume"
                    raise _again(fault, line) from error
                pause = _pause(self._profile.pause_seconds, count)
                self._tell(f"{what}: {fault}; again in {pause:g} s")
                count += 1
                sleep(pause)

    def _disturbed(self, work: Work, outcome: Outcome, error: MqnError) -> Outcome | None:
        rest = self._rests.setdefault(device_of(work), _Rest())
        rest.rounds += 1
        work.rounds += 1
        work.setback = outcome
        rest.line, rest.verdict = str(error), outcome.kept.get("verdict", "")
        pause = _pause(self._profile.rest_seconds, rest.rounds)
        rest.until = self._clock() + pause
        if rest.rounds == 1:
            self._tell(f"{device_of(work)} is disturbed: {error}; its measurements wait, other work goes on")
        return outcome if work.rounds > self._profile.rounds else None

    def _faulty(self, work: Work, outcome: Outcome, error: MqnError) -> Outcome | None:
        if isinstance(error, NotBegunError):
            return None
        work.setback = outcome
        if isinstance(error, NodeLostError) and work.lost_nodes < LOST_NODES:
            work.lost_nodes += 1
            self._tell(f"trial {work.owner}: {work.job.stage} is put back: {error}")
            return None
        work.faults += 1
        if isinstance(error, ProcessCrashedError):
            work.crashes += 1
            if work.crashes >= CRASHES:
                return Outcome.failed(ExportError(f"{error}; it crashed {work.crashes} times"), outcome.seconds)
        if work.faults < self._profile.tries:
            pause = _pause(self._profile.pause_seconds, work.faults)
            work.not_before = self._clock() + pause
            self._tell(
                f"trial {work.owner}: {work.job.stage} is put back: {error}; "
                f"try {work.faults + 1} of {self._profile.tries} in {pause:g} s"
            )
            return None
        line = f"{error}; this happened {work.faults} times"
        if not isinstance(error, ProcessLostError):
            raise _again(error, f"{line}; fix this, then go on with --resume")
        self._lost += 1
        if self._lost >= LOST_IN_A_ROW:
            raise _again(error, f"{line}, and to {self._lost} jobs in a row; fix this, then go on with --resume")
        return Outcome.failed(_again(error, line), outcome.seconds)


def _again(error: MqnError, line: str) -> MqnError:
    return type(error)(line)


def device_of(work: Work) -> str:
    """What is left alone when a measurement is disturbed: the target, or a stage that names none."""
    return work.job.target or work.job.stage


def runs_alone(work: Work) -> bool:
    """Whether a job has lost so many processes that memory may be short beside others."""
    return work.faults >= ALONE_AFTER


def _pause(first: float, count: int) -> float:
    return float(min(first * 2.0 ** (count - 1), LONGEST_PAUSE_SECONDS))
