"""What is tried again, when, and how often: work that failed through no fault of its candidate.

Faults of machinery: a job whose process, memory, disk or cluster failed is put back, with a pause that doubles. When
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

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mqn.errors import ExportError, FaultError, MqnError, ProcessCrashedError, ProcessLostError, UnsteadyError
from mqn.faults import fault_of
from mqn.retry_profile import LONGEST_PAUSE_SECONDS, RetryProfile
from mqn.search.jobs import Outcome

if TYPE_CHECKING:
    from mqn.search.scheduler import Work

T = TypeVar("T")

CRASHES = 3
"""Crashes of a process over the same job that make it the candidate's own doing."""

LOST_IN_A_ROW = 10
"""Jobs given up, one after the other without any that ended well, that tell that it is not up to the jobs: a space may
well have some networks in a row that need more memory than there is."""

ALONE_AFTER = 2
"""Lost processes of a job after which it runs alone, in case that memory was short."""

TRANSIENT = (FaultError, UnsteadyError)
"""Failures that are nobody's: a trial with one of them waits, and has not failed."""


@dataclass(slots=True)
class _Rest:
    """How a disturbed device stands: rounds in a row, until when it is left alone, and what the last one came to."""

    rounds: int = 0
    until: float = 0.0
    line: str = ""
    verdict: str = ""


class Retries:
    """Decides about every job that failed, and says what it decided."""

    def __init__(
        self, profile: RetryProfile, clock: Callable[[], float], tell: Callable[[str], object] = lambda _: None
    ) -> None:
        """Begin without any failure.

        Args:
            profile: how often and after which pauses.
            clock: monotonic seconds.
            tell: takes lines for a person.
        """
        self._profile, self._clock, self._tell = profile, clock, tell
        self._rests: dict[str, _Rest] = {}
        self._lost = 0

    def settle(self, work: Work, outcome: Outcome) -> Outcome | None:
        """Decide about a failed job.

        Returns:
            How it ended; None where it is put back.

        Raises:
            FaultError: no job can go on; the message says how the study does.
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
        if self._rests.pop(_device(work), None) is not None:
            self._tell(f"{_device(work)} measures steadily again")

    def rests(self, work: Work) -> bool:
        """Whether a job waits for its device to be steady."""
        rest = self._rests.get(_device(work))
        return rest is not None and self._clock() < rest.until

    def may_begin(self, work: Work, running: Iterable[Work]) -> bool:
        """Whether a job's pause is over; on a disturbed device, one measurement at a time tries."""
        if self._clock() < work.not_before or self.rests(work):
            return False
        device = _device(work)
        return device not in self._rests or all(_device(other) != device for other in running)

    def give_up(self, waiting: Sequence[Work]) -> list[Work]:
        """What waits in vain when nothing else is left to do: each gets its outcome.

        Args:
            waiting: every job that waits, none running.

        Returns:
            Those that were given up.
        """
        if not waiting or not all(self.rests(work) for work in waiting):
            return []
        given_up = [work for work in waiting if self._rests[_device(work)].rounds > self._profile.rounds]
        for work in given_up:
            rest = self._rests[_device(work)]
            error = UnsteadyError(f"{rest.line}; so it was in {rest.rounds} rounds")
            if rest.verdict:  # The machine's; of what was not measured itself there are no figures.
                error.kept = {"verdict": rest.verdict, "figures": {}}
            work.outcome = work.setback or Outcome.failed(error)
        return given_up

    def insist(self, what: str, act: Callable[[], T], sleep: Callable[[float], object]) -> T:
        """Have this process do what can be repeated without harm, again while machinery fails.

        Args:
            what: for a person.
            act: what is done.
            sleep: waits between tries.

        Raises:
            FaultError: it went on for all tries.
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
                    line = f"{what}: {fault}; so it went {count} times; mend it, then go on with --resume"
                    raise _again(fault, line) from error
                pause = _pause(self._profile.pause_seconds, count)
                self._tell(f"{what}: {fault}; again in {pause:g} s")
                count += 1
                sleep(pause)

    def _disturbed(self, work: Work, outcome: Outcome, error: MqnError) -> Outcome | None:
        rest = self._rests.setdefault(_device(work), _Rest())
        rest.rounds += 1
        work.rounds += 1
        work.setback = outcome
        rest.line, rest.verdict = str(error), outcome.kept.get("verdict", "")
        pause = _pause(self._profile.rest_seconds, rest.rounds)
        rest.until = self._clock() + pause
        if rest.rounds == 1:
            self._tell(f"{_device(work)} is disturbed: {error}; its measurements wait, other work goes on")
        return outcome if work.rounds > self._profile.rounds else None

    def _faulty(self, work: Work, outcome: Outcome, error: MqnError) -> Outcome | None:
        work.faults += 1
        work.setback = outcome
        if isinstance(error, ProcessCrashedError):
            work.crashes += 1
            if work.crashes >= CRASHES:
                return Outcome.failed(ExportError(f"{error}; so it crashed {work.crashes} times"), outcome.seconds)
        if work.faults < self._profile.tries:
            pause = _pause(self._profile.pause_seconds, work.faults)
            work.not_before = self._clock() + pause
            self._tell(
                f"trial {work.owner}: {work.job.stage} is put back: {error}; "
                f"try {work.faults + 1} of {self._profile.tries} in {pause:g} s"
            )
            return None
        line = f"{error}; so it went {work.faults} times"
        if not isinstance(error, ProcessLostError):
            raise _again(error, f"{line}; mend it, then go on with --resume")
        self._lost += 1
        if self._lost >= LOST_IN_A_ROW:
            raise _again(error, f"{line}, as {self._lost} jobs in a row did; mend it, then go on with --resume")
        return Outcome.failed(_again(error, line), outcome.seconds)


def _again(error: MqnError, line: str) -> MqnError:
    return type(error)(line)


def _device(work: Work) -> str:
    return work.job.target or work.job.stage


def _pause(first: float, count: int) -> float:
    return float(min(first * 2.0 ** (count - 1), LONGEST_PAUSE_SECONDS))
