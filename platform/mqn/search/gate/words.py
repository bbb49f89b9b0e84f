"""Broken constraints in words: of one trial, and of trials none of which keeps them all."""

from __future__ import annotations

from collections.abc import Sequence

from mqn.quantities import find_quantity
from mqn.records import TrialRecord


def nearest_miss(records: Sequence[TrialRecord]) -> str:
    """Say which constraint none of some trials keeps, and how near the nearest trial comes."""
    asked = f"no trial of study {records[0].study!r} keeps"
    for constraint in records[0].violations:
        missed = [record for record in records if record.violations.get(constraint, 0.0) > 0]
        if len(missed) == len(records):
            near = min(missed, key=lambda record: record.violations[constraint])
            miss = f"misses it by {miss_text(constraint, near.violations[constraint])}"
            return f"{asked} {constraint}: {_name(near)} comes nearest and {miss}; loosen it, or search further"
    near = min(records, key=lambda record: sum(max(0.0, by) for by in record.violations.values()))
    return f"{asked} all constraints at once: {_name(near)} misses {broken_text(near)}; loosen one, or search further"


def broken_text(record: TrialRecord) -> str:
    """The constraints that a trial breaks: `latency_ms <= 33 by 1.2, size_bytes <= 1200000 by 4,000`."""
    broken = ((name, by) for name, by in record.violations.items() if by > 0)
    return ", ".join(f"{name} by {miss_text(name, by)}" for name, by in broken)


def miss_text(constraint: str, by: float) -> str:
    """Write how far a constraint, such as `size_bytes <= 1200000`, is broken. `by` is in the figure's unit."""
    known = find_quantity(constraint.partition(" ")[0])
    return f"{by:.4g}" if known is None else known.text(by)


def _name(record: TrialRecord) -> str:
    return f"#{record.number} {record.label}"
