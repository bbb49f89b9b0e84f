"""Makes missing or damaged artifacts of complete trials again: `mqn select` and pages read them later.

A trial's figures stay as they were recorded. An artifact that comes out as before keeps its key; for another one the
study remembers the new key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from mqn.errors import MqnError
from mqn.records import Candidate, TrialRecord
from mqn.search.artifacts import GATE, Artifact, ArtifactStore, Key, stage_of
from mqn.search.work.jobs import Job, Work
from mqn.search.work.steps import Step, ready

CHOOSING = ("tune", "rewrite_times")
"""Stages of the gate that say how the trained network's file is rewritten."""


class Requests(Protocol):
    """Has jobs done; a `Scheduler`."""

    def request(self, job: Job, trial: int, behind: int = 0) -> Work:
        """Have a job done, or find it done; see `Scheduler.request`."""


class Repair:
    """One complete trial whose artifacts are made again."""

    def __init__(self, record: TrialRecord, steps: Iterable[Step], whole: Mapping[str, Artifact]) -> None:
        """Begin to repair a trial; `whole` are the artifacts that are there, by step."""
        self.record = record
        self._whole = dict(whole)
        needed = _needed(record)
        self._left = [step for step in steps if step.name in needed and step.name not in whole]
        self._works: dict[str, Work] = {}
        self._reasons: dict[str, str] = {}

    def advance(self, requests: Requests) -> bool:
        """Request what can be requested now. Returns whether nothing is left to do."""
        progressed = True
        while progressed:  # A job may be done already.
            self._note_ended()
            before = len(self._works)
            for behind, step in list(ready(self._left, (), self._whole)):
                self._left.remove(step)
                self._request(step, behind, requests)
            progressed = len(self._works) > before
        under_way = any(work.outcome is None for work in self._works.values())
        more = any(ready(self._left, (), self._whole))
        settled = all(name in self._whole or name in self._reasons for name in self._works)
        return not under_way and not more and settled

    def _note_ended(self) -> None:
        for name, work in self._works.items():
            if work.artifact is not None:
                self._whole[name] = work.artifact
            elif work.outcome is not None and name not in self._reasons:
                self._reasons[name] = str(work.outcome.exception())

    @property
    def changed(self) -> dict[str, str]:
        """Steps whose artifact came out as another, by its key."""
        made = ((name, self._whole[name].manifest.key) for name in self._works if name in self._whole)
        return {name: key for name, key in made if key != self.record.artifacts[name]}

    def tell(self) -> str:
        """One line for a person."""
        made = [name for name in self._works if name in self._whole]
        failed = [name for name in (*self._reasons, *(step.name for step in self._left)) if name not in made]
        words = [f"made again: {', '.join(made)}"] if made else []
        if self.changed:
            words.append(f"not the same bit for bit: {', '.join(self.changed)}")
        if failed:
            reason = next(iter(self._reasons.values()), "what they are made from is missing too")
            words.append(f"cannot be made again: {', '.join(dict.fromkeys(failed))} ({reason})")
        return f"trial {self.record.number}: files were missing or damaged; {'; '.join(words)}; its figures stay"

    def _request(self, step: Step, behind: int, requests: Requests) -> None:
        try:
            job = step.make(self._whole)
        except MqnError as error:
            self._reasons[step.name] = str(error)
            return
        if job.target is not None and job.key != self.record.artifacts[step.name]:
            self._reasons[step.name] = "the profile measures in another way, or another file, by now"
            return
        self._works[step.name] = requests.request(job, self.record.number, behind)


class Repairs:
    """The repairs of a study that are under way."""

    def __init__(
        self,
        repairs: Iterable[Repair] = (),
        remember: Callable[[int, dict[str, str]], object] = lambda _number, _keys: None,
        say: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Begin. `remember` is told a trial's artifacts that have another key by now, `say` in a line what was done."""
        self._left = {repair.record.number: repair for repair in repairs}
        self._remember, self._say = remember, say

    def __len__(self) -> int:
        return len(self._left)

    @property
    def numbers(self) -> set[int]:
        """Of their trials."""
        return set(self._left)

    def advance(self, number: int, requests: Requests) -> bool:
        """Let a trial's repair go on, if it has one. Returns whether it is over."""
        if number not in self._left or not self._left[number].advance(requests):
            return False
        repair = self._left.pop(number)
        if repair.changed:
            self._remember(number, repair.changed)
        self._say(repair.tell())
        return True


def find_damaged(
    records: Iterable[TrialRecord], store: ArtifactStore, steps: Callable[[Candidate], Iterable[Step]]
) -> list[Repair]:
    """Look at every file that complete trials need; what was touched since it was made is compared with its hash.

    Nobody reads what the gate made once the trial has its figures, but for the choice of rewrites. Returns a repair for
    each trial that lacks something.
    """
    complete = [record for record in records if record.state == "complete"]
    needed = {record.number: _needed(record) for record in complete}
    whole = store.find_whole({name for names in needed.values() for name in names.values()})
    repairs = []
    for record in complete:
        found = {step: whole.get(name) for step, name in needed[record.number].items()}
        rest = {step: artifact for step, artifact in found.items() if artifact is not None}
        if len(rest) < len(found):
            repairs.append(Repair(record, steps(record.candidate), rest))
    return repairs


def _needed(record: TrialRecord) -> dict[str, Key]:
    """The artifacts of a trial that are read later, by step."""
    return {
        step: (stage_of(step), key)
        for step, key in record.artifacts.items()
        if not step.startswith(GATE) or stage_of(step) in CHOOSING
    }
