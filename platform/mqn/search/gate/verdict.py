"""What the gate says of a trial: which hard constraints its untrained network breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mqn.errors import CandidateError
from mqn.quantities import by_target, figures_by_name
from mqn.search.space.space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """What came of the gate.

    Attributes:
        figures: what was measured, by full name, and of the first target also without it.
        violations: of every constraint that the gate can judge, hard or not: how far each side is broken, in the
            figure's unit; 0 or less where it is kept.
        broken: the sides of hard constraints that are broken, in the words of `violations`.
    """

    figures: dict[str, float]
    violations: dict[str, float]
    broken: tuple[str, ...]

    @property
    def passes(self) -> bool:
        """Whether the network may be trained."""
        return not self.broken


def judge_gate(space: Space, measured: Mapping[str, float]) -> GateVerdict:
    """Judge what was measured of an untrained network.

    Args:
        space: its constraints, and which of them are hard.
        measured: by full name (`TrialRecord.gate`).

    Raises:
        CandidateError: a hard constraint is on a figure that was not measured.
    """
    figures, gate = figures_by_name(*by_target(measured)), space.gate
    violations: dict[str, float] = {}
    broken: list[str] = []
    for constraint in space.constraints:
        hard = gate is not None and gate.covers(constraint.metric)
        if hard and constraint.metric not in figures:
            known = ", ".join(sorted(figures)) or "none"
            raise CandidateError(f"the gate needs {constraint.metric}, which was not measured; it has: {known}")
        if constraint.metric in figures:
            sides = constraint.violations(figures)
            violations |= sides
            broken += [side for side, violation in sides.items() if hard and violation > 0]
    return GateVerdict(figures=figures, violations=violations, broken=tuple(broken))
