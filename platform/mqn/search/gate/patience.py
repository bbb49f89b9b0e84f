"""When a study gives up: so many candidates were gated, and none has passed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Self

from mqn.records import TrialRecord
from mqn.search.artifacts import GATE
from mqn.search.gate.verdict import GateVerdict
from mqn.search.gate.words import nearest_miss
from mqn.search.space.gate import Gate


class Patience:
    """Counts the gated trials of a study until one passes. Where there is no gate, nothing is ever given up."""

    def __init__(self, gate: Gate | None, read: Callable[[], Iterable[TrialRecord]]) -> None:
        """Begin with the trials that there are, whoever ran them; `read` gives their records."""
        self._gate, self._read = gate, read
        self._gated: list[TrialRecord] = []
        self._passed = gate is None
        self.look()

    def look(self) -> Self:
        """Count anew: other drivers have trials too."""
        self._gated.clear()
        for record in self._read() if self._gate is not None else ():
            self.note(record)
        return self

    def note(self, record: TrialRecord) -> None:
        """A trial has ended, or was looked at."""
        if record.state == "gated":
            self._gated.append(record)
        elif record.state == "complete" or any(not step.startswith(GATE) for step in _begun(record)):
            self._passed = True

    def note_verdict(self, verdict: GateVerdict) -> None:
        """The gate has let a trial pass, or not."""
        self._passed |= verdict.passes

    @property
    def exhausted(self) -> bool:
        """Whether the study begins no further trial."""
        return not self._passed and self._gate is not None and len(self._gated) >= self._gate.give_up

    @property
    def why(self) -> str:
        """Why it gives up, in a line: which hard constraint nobody keeps, and how near the nearest comes."""
        assert self._gate is not None
        covers = self._gate.covers
        hard = [
            replace(one, violations={name: by for name, by in one.violations.items() if covers(name.partition(" ")[0])})
            for one in self._gated
        ]
        return f"{len(hard)} candidates were gated and none has passed: {nearest_miss(hard)}"


def _begun(record: TrialRecord) -> tuple[str, ...]:
    """The steps of a trial that were begun, whether or not they came to anything."""
    return (*record.artifacts, *record.unfinished)
