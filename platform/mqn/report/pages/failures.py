"""The trials that failed, by cause, and where to read more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mqn.look.blocks import Block, Cell, Row, Table, Text
from mqn.records import TrialRecord

_PLACES = re.compile(r"(?:/[\w.+-]+)+/?|\b[0-9a-f]{8,}\b|\d+(?:[.,]\d+)*")
"""What differs between two errors of one cause: paths, hashes, numbers."""
_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Trials whose errors say the same, but for numbers, hashes and paths.

    Attributes:
        error: the line of the latest of them.
        trials: their numbers, ascending.
        step: the step that the latest did not come to make; empty: not known.
        study: whose trials they are.
    """

    error: str
    trials: tuple[int, ...]
    step: str
    study: str

    @property
    def command(self) -> str:
        """What prints the latest one's log."""
        return f"mqn logs {self.study} {self.trials[-1]}"


def group_failures(records: Iterable[TrialRecord]) -> list[Cause]:
    """The causes of failed trials and of those that wait for another try, the most frequent first."""
    groups: dict[str, list[TrialRecord]] = {}
    for record in records:
        if line := record.error or record.waits:
            groups.setdefault(_PLACES.sub("#", line), []).append(record)
    causes = [
        Cause(
            error=found[-1].error or found[-1].waits or "",
            trials=tuple(record.number for record in found),
            step=next(reversed(found[-1].unfinished), ""),
            study=found[-1].study,
        )
        for found in (sorted(group, key=lambda record: record.number) for group in groups.values())
    ]
    return sorted(causes, key=lambda cause: (-len(cause.trials), cause.trials))


def list_failures(records: Sequence[TrialRecord], height: int | None = None) -> tuple[Block, ...]:
    """The causes as a table, with the command that prints the log of each one's latest trial."""
    causes = group_failures(records)
    if not causes:
        return (Text("No trial failed, and none waits."),)
    failed = sum(bool(record.error) for record in records)
    waiting = sum(bool(record.waits) for record in records)
    rows = [
        Row(
            cells=(
                Cell(text=str(len(cause.trials)), value=len(cause.trials), kind="number"),
                Cell(text=cause.step),
                Cell(text=cause.error, kind="long"),
                Cell(text=_numbers(cause.trials), kind="long"),
                Cell(text=cause.command),
            )
        )
        for cause in causes
    ]
    head = (
        Cell(text="trials", kind="number"),
        *(Cell(text=text) for text in ("step", "what the latest one says", "which", "its log")),
    )
    return (
        Text(f"{failed} of {len(records)} trials failed, {waiting} wait; {len(causes)} causes"),
        Table(head=head, rows=tuple(rows), sortable=True, height=height),
    )


def _numbers(trials: Sequence[int]) -> str:
    told = ", ".join(f"#{number}" for number in trials[-_SHOWN:])
    return f"... {told}" if len(trials) > _SHOWN else told
