"""A latency that was measured again: whether it repeats what is on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from mqn.device.science.verdict import MAX_YARDSTICK
from mqn.quantities import quantity
from mqn.records import Range, Verdict
from mqn.report.front.points import LATENCY, overlap, range_of

USUAL_SPREAD = round(MAX_YARDSTICK - 1, 6)
"""What a device may differ from itself where nobody benched it: what the verdict `ok` lets a machine be slow by."""

Outcome = Literal["repeats", "differs", "disturbed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What a model took on a device when the study ran, and what it takes now.

    Attributes:
        target: as the study calls the device.
        device: the one that measured now, by its name in the profile.
        device_id: its id.
        model: its make.
        recorded: figures of the study.
        again: figures of now.
        verdict_recorded: of the study's measurement.
        verdict: of this one.
        spread: how much the device differs from itself, as a share of a latency.
        benched: whether that was found by `mqn devices bench`; else it is `USUAL_SPREAD`.
        outcome: `repeats`; `differs` by more than the ranges and the spread allow; `disturbed`: one of the verdicts is
            not `ok`, and so nothing can be said.
    """

    target: str
    device: str
    device_id: str
    model: str
    recorded: Mapping[str, float]
    again: Mapping[str, float]
    verdict_recorded: Verdict
    verdict: Verdict
    spread: float
    benched: bool
    outcome: Outcome

    @property
    def allowed(self) -> Range:
        """What a latency in ms may be: the recorded range, wider by the spread to either side."""
        known = _range(self.recorded)
        return Range(low=known.low * (1 - self.spread), high=known.high * (1 + self.spread))

    @property
    def text(self) -> str:
        """Both figures: `14.2 ms (13.9 to 14.6) on record, 14.3 ms (14.1 to 14.5) now`."""
        return f"{_text(self.recorded)} on record, {_text(self.again)} now"

    @property
    def line(self) -> str:
        """All that is to be said of it."""
        make = f" ({self.model})" if self.model not in ("", "unknown") else ""
        said = f"measured again on {self.target}{make}: {self.text}"
        if self.outcome != "disturbed":
            return f"{said}; it {self.outcome} ({self.reason})"
        verdicts = f"{self.verdict_recorded} on record, {self.verdict} now"
        return f"{said}; whether it repeats is not known, for the device was disturbed ({verdicts})"

    @property
    def reason(self) -> str:
        """What was allowed, and why so much: `12.5 to 16 ms are allowed (the device repeats within 10 %, ...)`."""
        shown, percent = quantity(LATENCY).text, f"{100 * self.spread:.3g} %"
        known = (
            f"the device repeats within {percent}" if self.benched else f"{percent} for a device that was not benched"
        )
        return (
            f"{shown(self.allowed.low)} to {shown(self.allowed.high)} ms are allowed: its range on record, and {known}"
        )


def judge_again(
    *,
    target: str,
    device: tuple[str, str, str],
    recorded: tuple[Verdict, Mapping[str, float]],
    again: tuple[Verdict, Mapping[str, float]],
    spread: float | None,
) -> Again:
    """Compare two measurements of a model on a device.

    Args:
        target: as the study calls the device.
        device: name, id and make of the one that measured now.
        recorded: verdict and figures of the study.
        again: of now.
        spread: how much the device differs from itself (`Repeatability.spread`); None: nobody knows.
    """
    name, identity, model = device
    found = Again(
        target=target,
        device=name,
        device_id=identity,
        model=model,
        recorded=recorded[1],
        again=again[1],
        verdict_recorded=recorded[0],
        verdict=again[0],
        spread=USUAL_SPREAD if spread is None else spread,
        benched=spread is not None,
        outcome="disturbed",
    )
    if {recorded[0], again[0]} != {"ok"}:
        return found
    return replace(found, outcome="repeats" if overlap(found.allowed, _range(again[1])) else "differs")


def _range(figures: Mapping[str, float]) -> Range:
    """Where a latency lies; a single value where one process measured it."""
    return range_of(figures, LATENCY) or Range(low=figures[LATENCY], high=figures[LATENCY])


def _text(figures: Mapping[str, float]) -> str:
    shown, known = quantity(LATENCY).text, range_of(figures, LATENCY)
    ends = "" if known is None else f" ({shown(known.low)} to {shown(known.high)})"
    return f"{shown(figures[LATENCY])} ms{ends}"
