"""What fronts and pages say of trials: their states, and that none is complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mqn.records import TrialRecord
from mqn.report.front.points import Axis
from mqn.search.gate.words import nearest_miss

DISTURBED, WAITS = "wait for a steady device", "wait for another try"
"""What held trials are called: those whose measurement the machine disturbed, and all others."""
SIMULATED = "SIMULATED, nothing was trained or measured"
"""What stands before every figure of a simulated study."""
CONFIRMS = "confirm the front"
"""What complete trials are called that confirm others with further seeds."""


def state_of(record: TrialRecord) -> str:
    """A trial's state in the words of tables and pages."""
    if record.confirms is not None:
        return CONFIRMS if record.state == "complete" else f"{record.state} (of those that confirm)"
    if record.state != "held":
        return record.state
    return DISTURBED if record.unaccepted else WAITS


def no_complete(records: Sequence[TrialRecord], axes: Sequence[Axis]) -> str:
    """Say that no trial is complete with the figures of some axes, and which states the trials are in."""
    states = Counter(map(state_of, records))
    counts = ", ".join(f"{count} {words}" for words, count in sorted(states.items()))
    wanted = " and ".join(axis.metric for axis in axes)
    study = f"study {records[0].study!r}" if records else "the study"
    if gated := [record for record in records if record.state == "gated"]:
        return f"{study} has no complete trial ({counts}): {nearest_miss(gated)}"
    return f"{study} has no complete trial with {wanted} ({counts or 'no trials yet'}); `mqn status` says how to go on"
