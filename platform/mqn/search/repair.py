"""Makes again what complete trials rest on, where a file is missing or damaged: `mqn select` and pages read it later.

A trial's figures stay as they were recorded. What is made again goes by the same name where it comes to the same; else
the study remembers the new name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from mqn.errors import MqnError
from mqn.records import TrialRecord
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.evaluation import Step
from mqn.search.jobs import Job
from mqn.search.scheduler import Work

_MEASURE = "measure"


class Requests(Protocol):
    """Has jobs done; a `Scheduler`."""

    def request(self, job: Job, trial: int) -> Work:
        """Have a job done, or find it done."""


class Repair:
    """One complete trial whose artifacts are made again."""

    def __init__(self, record: TrialRecord, steps: Iterable[Step], whole: Mapping[str, Artifact]) -> None:
        """Begin.

        Args:
            record: the trial's.
            steps: those of its candidate.
            whole: what is there, by step.
        """
        self.record = record
        self._whole = dict(whole)
        self._left = [step for step in steps if step.name in record.artifacts and step.name not in whole]
        self._works: dict[str, Work] = {}
        self._reasons: dict[str, str] = {}

    def advance(self, requests: Requests) -> bool:
        """Request what can be requested now.

        Returns:
            Whether nothing is left to do.
        """
        for name, work in self._works.items():
            if work.artifact is not None:
                self._whole[name] = work.artifact
            elif work.outcome is not None and name not in self._reasons:
                self._reasons[name] = str(work.outcome.exception())
        for step in list(self._left):
            if all(name in self._whole for name in step.needs):
                self._left.remove(step)
                self._request(step, requests)
        under_way = any(work.outcome is None for work in self._works.values())
        ready = any(all(name in self._whole for name in step.needs) for step in self._left)
        settled = all(name in self._whole or name in self._reasons for name in self._works)
        return not under_way and not ready and settled

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
            reason = next(iter(self._reasons.values()), "")
            words.append(f"cannot be made again: {', '.join(dict.fromkeys(failed))} ({reason})")
        return f"trial {self.record.number}: files were missing or damaged; {'; '.join(words)}; its figures stay"

    def _request(self, step: Step, requests: Requests) -> None:
        try:
            job = step.make(self._whole)
        except MqnError as error:
            self._reasons[step.name] = str(error)
            return
        if step.name.startswith(_MEASURE) and job.key != self.record.artifacts[step.name]:
            self._reasons[step.name] = "the profile measures in another way, or another file, by now"
            return
        self._works[step.name] = requests.request(job, self.record.number)


def find_damaged(
    records: Iterable[TrialRecord],
    store: ArtifactStore,
    steps: Callable[[TrialRecord], Iterable[Step]],
) -> list[Repair]:
    """Look through what complete trials rest on, every file against its manifest.

    Args:
        records: a study's.
        store: where artifacts are.
        steps: those of a trial.

    Returns:
        One repair for each trial that lacks something.
    """
    looked_up: dict[tuple[str, str], Artifact | None] = {}

    def find(step: str, key: str) -> Artifact | None:
        name = step.partition("/")[0], key
        if name not in looked_up:
            looked_up[name] = store.find(*name)
        return looked_up[name]

    repairs = []
    for record in records:
        if record.state != "complete":
            continue
        found = {step: find(step, key) for step, key in record.artifacts.items()}
        whole = {step: artifact for step, artifact in found.items() if artifact is not None}
        if len(whole) < len(found):
            repairs.append(Repair(record, steps(record), whole))
    return repairs
