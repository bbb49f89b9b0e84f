"""The record of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mqn.parsing import from_mapping
from mqn.quantities import by_target, canonical, device_figures_in, figures_by_name, is_device_figure
from mqn.records.candidate import Candidate
from mqn.records.measurement import Verdict
from mqn.records.span import Attempt, Span

TrialState = Literal["complete", "failed", "pruned", "gated", "stopped", "running", "paused", "interrupted", "held"]

MOST_ATTEMPTS = 32
"""A record keeps this many failed tries of its steps, the latest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """Everything known of one trial.

    Attributes:
        study: the study's name.
        number: Optuna's number of the trial.
        state: `running`: a living driver holds it; `interrupted`: its driver is gone, and the next one takes it up;
            `held`: it waits for a steady device or another try, and keeps its figures so far; `gated`: its untrained
            network breaks a hard constraint, so that it was not trained; `paused`: its training waits at a rung to be
            promoted; `stopped`: the study ended without that.
        candidate: what was evaluated.
        figures: what no device tells: accuracy, size, parameters, by the names of `mqn.quantities`.
        device_figures: latency and memory by target, in the profile's order; empty for a target not yet measured.
        verdicts: by target.
        unaccepted: by target, the figures of a measurement whose verdict the profile does not accept. They stand
            apart, so that no front takes them.
        artifacts: stage to the artifact's key: `train`, `convert`, `quantize`, `score`, `measure/<device>`, ...
        violations: constraint to how far it is broken; 0 or less where it is kept.
        seconds: stage to wall time spent in this trial; 0 where an earlier trial's artifact served.
        error: the one line that a failed trial failed with.
        label: its name in lists, which shows what the study varies; empty: the candidate's own label.
        waits: the one line that says what a held trial waits for.
        spans: step to where and when it ran; only steps that this trial had done, not those that another trial's
            artifact served. Records of older studies have none.
        attempts: tries that failed before those, the latest ones last; at most `MOST_ATTEMPTS`.
        unfinished: step to the key of the artifact that it did not come to make, because it failed or waits.
        simulated: whether its figures were drawn by a simulation: nothing was trained or measured.
        gate: what was measured of the untrained network, by full name: `size_bytes`, `latency_ms/board`, ...; empty
            where the study has no gate, or an older version made the record.
        confirms: number of the trial whose candidate it is, but for the training's seed; None: it is one of its own.
        lowering: by target, the rewrites of the file that runs there, as `Plan.lowering` names them; empty where the
            gate does not tune. Accuracy and bytes are those of the first target's file.
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
    spans: dict[str, Span] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    unfinished: dict[str, str] = field(default_factory=dict)
    simulated: bool = False
    gate: dict[str, float] = field(default_factory=dict)
    confirms: int | None = None
    lowering: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Without a label, take the candidate's."""
        if not self.label:
            object.__setattr__(self, "label", self.candidate.label)

    def figures_by_name(self, device: str | None = None) -> dict[str, float]:
        """Every figure by each of its names (`mqn.quantities.figures_by_name`).

        Of a held trial these are also unaccepted ones, of a gated trial those of its untrained network.

        Args:
            device: the target that names without a target mean; None: the first.
        """
        if self.state == "gated":
            return figures_by_name(*by_target(self.gate), device)
        held = self.unaccepted if self.state == "held" else {}
        return figures_by_name(self.figures, {**self.device_figures, **held}, device)

    def figure(self, name: str, device: str | None = None) -> float | None:
        """One figure by any of its names; None where the trial has none of that name."""
        return self.figures_by_name(device).get(canonical(name))

    @property
    def targets(self) -> list[str]:
        """The targets that were measured on, whether the profile accepts the verdict or not."""
        return [target for target, own in {**self.device_figures, **self.unaccepted}.items() if own]

    @property
    def feasible(self) -> bool:
        """Whether every constraint is kept."""
        return all(violation <= 0 for violation in self.violations.values())


def read_trial(plain: Mapping[str, Any], *, source: str) -> TrialRecord:
    """Read a record as a study's database keeps it.

    Older studies keep a device's figures twice: by target, and among the other figures. The second is left out.

    Raises:
        ConfigError: it is no record; names the source.
    """
    shared = {name: value for name, value in plain.get("figures", {}).items() if not is_device_figure(name)}
    told = {target: device_figures_in(own) for target, own in plain.get("device_figures", {}).items()}
    record = from_mapping(TrialRecord, {**plain, "figures": shared, "device_figures": told, "spans": {}}, source=source)
    return replace(record, spans=_read_spans(plain.get("spans", {}), source))


def _read_spans(plain: Mapping[str, Any], source: str) -> dict[str, Span]:
    """Spans are half of a record's values, so only their names are checked: ten times faster than `from_mapping`."""
    try:
        return {step: Span(**span) for step, span in plain.items()}
    except TypeError:
        return {step: from_mapping(Span, span, source=source, path=f"spans.{step}") for step, span in plain.items()}
