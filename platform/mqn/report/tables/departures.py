"""Where our trials differ from the paper: a line each under its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mqn.data.licence import Origin
from mqn.families.paper import Paper, PaperTable
from mqn.records import TrialRecord

_FREE = frozenset({"training.seed"})
_OFF = {
    "training.feature_weights": "training.lambda_features",
    "training.feature_pools": "training.lambda_features",
    "training.response_curves": "training.virtual_camera",
}
"""Fields that have no effect while another field is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What our trials were run on, beyond their candidates.

    Attributes:
        origin: of the pictures; None: unknown.
        inputs: of the judged pictures, as `Scoring.inputs`.
        runtime: threads, delegate, processors of the measurements; empty: unknown.
    """

    origin: Origin | None = None
    inputs: str = "operators"
    runtime: dict[str, Any] = field(default_factory=dict)


def departures(paper: Paper, table: PaperTable, used: Sequence[TrialRecord], setting: Setting) -> tuple[str, ...]:
    """Write a line for every difference between a table's trials and the paper.

    Each line says what ours has, and what the paper has.
    """
    flats = [record.candidate.flat() for record in used]
    defaults = used[0].candidate.defaults().flat()
    lines = [line for key in flats[0] if key not in _FREE for line in _of_field(key, paper, table, defaults, flats)]
    return (*lines, *_of_setting(paper, setting))


def _of_field(
    key: str, paper: Paper, table: PaperTable, defaults: Mapping[str, Any], flats: Sequence[dict[str, Any]]
) -> list[str]:
    default = defaults[key]
    kept, told = paper.settings.get(key, ((default,), _shown(default)))
    if key in table.varied and key not in table.switches:
        return []
    flats = [flat for flat in flats if flat.get(_OFF.get(key, ""), 1)]
    if key in table.varied:  # A loss that a row leaves out is what the table is about.
        flats = [flat for flat in flats if flat[key] > 0]
    ours = list(dict.fromkeys(_shown(flat[key]) for flat in flats if flat[key] not in kept))
    return [f"{key} = {' or '.join(ours)}; the paper: {told}"] if ours else []


def _of_setting(paper: Paper, setting: Setting) -> list[str]:
    lines = []
    origin = setting.origin
    if origin is not None:
        counts = f"{origin.counts.get('train', 0)} pictures for training and {origin.counts.get('val', 0)} to judge by"
        what = "procedural scenes, which show nothing real" if origin.procedural else origin.name
        lines.append(f"data = {what}: {counts}; the paper: {paper.pictures}")
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
