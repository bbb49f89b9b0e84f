"""Looks at a study's trials as they end, and has its events told."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from mqn import pareto
from mqn.errors import StudyBusyError
from mqn.profile_tables.notify import NotifyProfile
from mqn.quantities import quantity
from mqn.records import TrialRecord
from mqn.search.notify.courier import Courier
from mqn.search.notify.event import Event
from mqn.search.notify.targets import targets_of
from mqn.search.space.space import Space
from mqn.search.trials.confirmation import confirmation_of

_ENDED = ("complete", "failed", "gated", "stopped")
_SLACK_SECONDS, _BRIEF_SECONDS = 5.0, 1.0


class Watched(Protocol):
    """A study that is told of; `mqn.search.study.study.Study` says more."""

    space: Space

    @property
    def name(self) -> str: ...  # noqa: D102

    def begun(self) -> int: ...  # noqa: D102

    def trials(self, *states: TrialState) -> Sequence[FrozenTrial]: ...  # noqa: D102


class Notices:
    """Finds events among trials that end. Without a courier nothing is looked at."""

    def __init__(
        self,
        study: Watched,
        profile: NotifyProfile,
        courier: Courier | None,
        say: Callable[[str], object],
        earlier: Sequence[TrialRecord] = (),
    ) -> None:
        """Begin.

        Args:
            study: is told of.
            profile: of what.
            courier: tells; None: nobody is told.
            say: told what the courier has to say, from the thread that calls.
            earlier: the trials that there are already; nothing is told of them.
        """
        self._study, self._profile, self._courier, self._say = study, profile, courier, say
        ended = sorted((record for record in earlier if record.state in _ENDED), key=lambda record: record.number)
        self._failed = deque((record.state == "failed" for record in ended), maxlen=profile.failures_of)
        self._ended, self._failing = len(ended), False
        self._signs = np.array([1.0 if way == "minimize" else -1.0 for way in study.space.directions])
        kept = [self._values(record) for record in ended if _counts(record)] if courier is not None else []
        self._front = _front_of(np.array(kept).reshape(len(kept), self._signs.size))

    def finish(self, record: TrialRecord) -> None:
        """A trial has ended, or waits. Never waits itself."""
        if self._courier is None:
            return
        for line in self._courier.news():
            self._say(line)
        if record.state in _ENDED:
            self._ended += 1
            self._failed.append(record.state == "failed")
            self._look_at_failures()
        if "front" in self._profile.on and _counts(record):
            self._look_at_front(record)

    def end(self, stopped: str, why: str, facts: Callable[[], Mapping[str, Any]] = dict) -> None:
        """The study has ended.

        Args:
            stopped: why, in a word; `stalled` is an event of its own too.
            why: in words.
            facts: numbers of the study; asked for only if somebody is told.
        """
        if self._courier is None:
            return
        begun, name = self._study.begun(), self._study.name
        if stopped == "stalled":
            self._post("stall", f"stall/{begun}", f"{name}: {why}", {"trials_begun": begun})
        text = f"{name} has ended after {begun} trials: {why}"
        self._post("end", f"end/{begun}", text, {"stopped": stopped, "trials_begun": begun, **facts()})

    def fail(self, error: Exception) -> None:
        """The driver ends with an error. Its line stays here, for it may name files and addresses."""
        if self._courier is None or isinstance(error, StudyBusyError):
            return  # Others go on.
        kind = type(error).__name__
        text = f"a driver of {self._study.name} has ended with an error, {kind}; its own terminal says more"
        # The database may be what is away: nothing is asked of it.
        self._post("end", f"end/{kind}/{self._ended}", text, {"stopped": "error", "error": kind})

    def close(self, *, at_once: bool = False) -> None:
        """Have told what waits, for as long as a target may take; `at_once`: somebody stops the driver, and waits."""
        if self._courier is None:
            return
        self._courier.close(_BRIEF_SECONDS if at_once else self._profile.timeout_seconds + _SLACK_SECONDS)
        for line in self._courier.news():
            self._say(line)

    def _post(self, kind: str, key: str, text: str, facts: Mapping[str, Any]) -> None:
        if self._courier is not None and kind in self._profile.on:
            self._courier.post(Event(kind=kind, key=key, text=text, facts=facts))

    def _look_at_failures(self) -> None:
        count, failed = len(self._failed), sum(self._failed)
        if count == self._profile.failures_of and failed >= self._profile.failures_share * count and not self._failing:
            self._failing = True
            text = f"{self._study.name}: {failed} of the last {count} trials failed; `mqn trials` says why"
            self._post("failures", "failures", text, {"failed": failed, "of": count})

    def _look_at_front(self, record: TrialRecord) -> None:
        """Whether the trial joins the front. Trials of other drivers are read only where it does as far as known."""
        values = self._values(record)
        if _beaten(values, self._front):
            return
        self._front = _front_of(np.vstack((self._everything(record.number), values)))
        if not (self._front == values).all(axis=1).any():
            return
        shown = {
            goal.metric: value for goal, value in zip(self._study.space.objectives, values * self._signs, strict=True)
        }
        told = ", ".join(f"{metric} {quantity(metric).text(value)}" for metric, value in shown.items())
        self._post(
            "front",
            f"front/{record.number}",
            f"{self._study.name}: trial {record.number} ({record.label}) is on the front: {told}",
            {"trial": record.number, "label": record.label, "values": shown, "front": len(self._front)},
        )

    def _everything(self, but: int) -> NDArray[np.float64]:
        """Values of all other trials that count, whichever driver ended them: (n, m), minimised."""
        found = [
            frozen.values
            for frozen in self._study.trials(TrialState.COMPLETE)
            if frozen.number != but
            and confirmation_of(frozen) is None
            and all(broken <= 0 for broken in frozen.constraints.values())
        ]
        return np.array(found, dtype=np.float64).reshape(len(found), self._signs.size) * self._signs

    def _values(self, record: TrialRecord) -> NDArray[np.float64]:
        figures = record.figures_by_name()
        return np.array([figures[goal.metric] for goal in self._study.space.objectives]) * self._signs


def _counts(record: TrialRecord) -> bool:
    return record.state == "complete" and record.confirms is None and record.feasible


def _beaten(values: NDArray[np.float64], front: NDArray[np.float64]) -> bool:
    """Whether a point of the front is as good in everything."""
    return bool((front <= values).all(axis=1).any())


def _front_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[pareto.front_mask(values)] if len(values) else values


@contextlib.contextmanager
def open_notices(
    profile: NotifyProfile,
    study: Watched,
    first_time: Callable[[str], bool],
    earlier: Callable[[], Sequence[TrialRecord]],
    say: Callable[[str], object],
) -> Iterator[Notices]:
    """Have events of a study told while the block runs, and that its driver fails if it does.

    Args:
        profile: whom, and of what.
        study: is told of.
        first_time: whether an event, by its key, was not told before (`mqn.search.storage.once`).
        earlier: the trials that there are already; asked for only if somebody is told.
        say: told what goes wrong.
    """
    targets, wrong = targets_of(profile) if profile.wanted else ([], [])
    for line in wrong:
        say(line)
    courier = Courier(study.name, targets, first_time) if targets else None
    notices = Notices(study, profile, courier, say, earlier() if courier is not None else ())
    interrupted = True
    try:
        yield notices
        interrupted = False
    except Exception as error:
        interrupted = False
        notices.fail(error)
        raise
    finally:
        notices.close(at_once=interrupted)
