"""Everything known of a trial."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mqn.records.candidate import Candidate
from mqn.records.measurement import Verdict

TrialState = Literal["complete", "failed", "pruned", "running", "interrupted", "held"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """Everything known of one trial.

    Attributes:
        study: the study's name.
        number: Optuna's number of the trial.
        state: where it stands. Running: a living driver holds it; interrupted: its driver is gone, and the next takes
            it up; held: it waits for a steady device, its figures so far and their verdict are kept.
        candidate: what was evaluated.
        figures: every number by its name in `mqn.quantities`; of several devices, those of the first.
        device_figures: latency and memory figures by device.
        verdicts: by device.
        unaccepted: by device, the figures of a measurement whose verdict the profile does not accept; never among the
            others, so that no front takes them.
        artifacts: stage to the artifact's key: `train`, `convert`, `quantize`, `score`, `measure/<device>`, ...
        violations: constraint to how far it is broken; 0 or less where it is kept.
        seconds: stage to wall time spent in this trial; 0 where an earlier trial's artifact served.
        error: the one line that a failed trial failed with.
        label: what it is called in lists: what its study varies is shown; empty: the candidate's own label.
        waits: the one line that says what a held trial waits for.
    """

    study: str
    number: int
    state: TrialState
    candidate: Candidate
    figures: dict[str, float] = field(default_factory=dict)
    device_figures: dict[str, dict[str, float]] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    unaccepted: dict[str, dict[str, float]] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    violations: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    error: str | None = None
    label: str = ""
    waits: str | None = None

    def __post_init__(self) -> None:
        """A record that nobody labelled goes by its candidate's own label."""
        if not self.label:
            object.__setattr__(self, "label", self.candidate.label)

    @property
    def feasible(self) -> bool:
        """Whether every constraint is kept."""
        return all(violation <= 0 for violation in self.violations.values())
