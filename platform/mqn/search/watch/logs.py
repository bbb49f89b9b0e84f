"""What the steps of one trial printed, found by the keys of their artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mqn.records import Span, TrialRecord
from mqn.search.artifacts import ArtifactStore
from mqn.search.artifacts.artifact import stage_of
from mqn.text.redaction import redact

StepState = Literal["done", "running", "unfinished"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLog:
    """What one step of a trial printed.

    Attributes:
        step: the trial's step.
        stage: what it is a step of.
        key: of its artifact.
        state: `done`: the artifact is there; `running`: a driver works on it, or it waits there for its turn;
            `unfinished`: it failed, waits for another try, or its driver is gone.
        span: where and when it ran; None where another trial's artifact served, or nobody knows.
        text: what it printed, without secrets; None where nothing is kept.
    """

    step: str
    stage: str
    key: str
    state: StepState
    span: Span | None = None
    text: str | None = None


def trial_logs(record: TrialRecord, on_its_way: Mapping[str, str], store: ArtifactStore) -> list[StepLog]:
    """Read what the steps of a trial printed, in their order.

    Args:
        record: the trial's.
        on_its_way: of a running trial each step that was begun, and the key of its artifact, as its driver says.
        store: where artifacts are. It may not see what a job prints that runs on another machine right now.
    """
    keys = {**record.artifacts, **record.unfinished, **on_its_way}
    found = []
    for step, key in keys.items():
        stage = stage_of(step)
        done = step in record.artifacts or store.find(stage, key) is not None
        log = store.log(stage, key)
        found.append(
            StepLog(
                step=step,
                stage=stage,
                key=key,
                state="done" if done else "running" if step in on_its_way else "unfinished",
                span=record.spans.get(step),
                text=None if log is None else redact(log.decode(errors="replace")),
            )
        )
    return found
