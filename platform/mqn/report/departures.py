"""In what our trials depart from the paper: each a line under its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mqn.data.licence import Origin
from mqn.records import Candidate, TrialRecord
from mqn.report.paper import LAMBDAS, PaperTable

_PAPER: dict[str, tuple[tuple[Any, ...], str]] = {
    "training.codec": (("linear",), "linear"),
    "training.precision": (("float32",), "float32"),
    "training.epochs": ((600, 610), "about 610 in the authors' code"),
    "training.frozen_epochs": ((), "the encoder is frozen at first"),
    "plan.layout": (("pair",), "pair"),
    "plan.calibration": (("minmax",), "not stated"),
    "plan.calibration_pictures": ((16,), "not stated"),
    "plan.qat_steps": ((200,), "no fine-tuning"),
}
"""What the paper has where a candidate's default is not it: values that do not depart from it, and how it is told."""

_FREE = frozenset({"training.seed"})
_OFF = {
    "training.feature_weights": "training.lambda_features",
    "training.feature_pools": "training.lambda_features",
    "training.response_curves": "training.virtual_camera",
}
"""Fields without an effect where another one is 0."""
_TRAINED, _JUDGED = 3580, 188


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What our trials were run on, beyond their candidates.

    Attributes:
        origin: of the pictures; None: that is not known.
        inputs: what the judged pictures' inputs are, as `Scoring.inputs`.
        runtime: how was timed: threads, delegate, processors; empty: that is not known.
    """

    origin: Origin | None = None
    inputs: str = "operators"
    runtime: dict[str, Any] = field(default_factory=dict)


def departures(paper: PaperTable, used: Sequence[TrialRecord], setting: Setting) -> tuple[str, ...]:
    """Tell every departure.

    Args:
        paper: the table.
        used: the trials that stand in it.
        setting: what they were run on.

    Returns:
        One line each: what ours has, what the paper has.
    """
    flats = [record.candidate.flat() for record in used]
    lines = [line for key in flats[0] if key not in _FREE for line in _of_field(key, paper, flats)]
    return (*lines, *_of_setting(setting))


def _of_field(key: str, paper: PaperTable, flats: Sequence[dict[str, Any]]) -> list[str]:
    default = Candidate().flat()[key]
    kept, told = _PAPER.get(key, ((default,), _shown(default)))
    if key in paper.varied and key not in LAMBDAS:
        return []
    flats = [flat for flat in flats if flat.get(_OFF.get(key, ""), 1)]
    if key in paper.varied:  # A loss that a row leaves out is what the table is about.
        flats = [flat for flat in flats if flat[key] > 0]
    ours = list(dict.fromkeys(_shown(flat[key]) for flat in flats if flat[key] not in kept))
    return [f"{key} = {' or '.join(ours)}; the paper: {told}"] if ours else []


def _of_setting(setting: Setting) -> list[str]:
    lines = []
    origin = setting.origin
    if origin is not None:
        counts = f"{origin.counts.get('train', 0)} pictures for training and {origin.counts.get('val', 0)} to judge by"
        what = "procedural scenes, which show nothing real" if origin.procedural else origin.name
        lines.append(
            f"data = {what}: {counts}; the paper: {_TRAINED} and {_JUDGED} photographs of four public data sets"
        )
    if setting.inputs != "operators":
        lines.append(f"scoring.inputs = {setting.inputs}; the paper: operators")
    if setting.runtime:
        told = ", ".join(f"{key} {_shown(value)}" for key, value in setting.runtime.items() if value not in ([], ()))
        lines.append(f"measured with {told}; the paper does not say")
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"
