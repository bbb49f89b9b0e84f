"""What a person sees of a running study: a live table on a terminal, plain lines elsewhere. Always on stderr."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

from mqn.pareto import front_mask
from mqn.records import TrialRecord
from mqn.report.front.points import axes_of, minimised, points_in
from mqn.search.study.progress import DeviceReports, Progress
from mqn.search.work.words import describe
from mqn.text.terminal import encodable, open_console, printable

if TYPE_CHECKING:
    from rich.console import Console, Group

    from mqn.search.space.space import Space
    from mqn.search.work.evaluation import Evaluation
    from mqn.search.work.scheduler import Scheduler

_REDRAWN_SECONDS = 0.2
_OTHER_LINES = 4
"""Lines of the table that show no running job."""


class LiveProgress(Progress):
    """Shows a study while it runs."""

    def __init__(
        self,
        study: str,
        space: Space,
        total: int,
        records: Sequence[TrialRecord],
        *,
        devices: DeviceReports = lambda: (),
        console: Console | None = None,
    ) -> None:
        """Begin, see `Progress`; without a console stderr is used."""
        from rich.live import Live

        super().__init__(self._print, study, space, total, records, devices=devices)
        self._before, self._began = len(self.done), time.monotonic()
        self._drawn = -math.inf
        self._summed: tuple[int, str, str] = (-1, "", "")
        self._console = console or open_console(sys.stderr)
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def begin(self, evaluation: Evaluation) -> None:
        """The table shows a trial that was begun; elsewhere a line says it."""
        if self._live is None:
            super().begin(evaluation)

    def show(self, active: Mapping[int, Evaluation], scheduler: Scheduler) -> None:
        """Draw the table anew."""
        if self._live is None:
            super().show(active, scheduler)
            return
        self.tell_devices()
        now = time.monotonic()
        if now - self._drawn < _REDRAWN_SECONDS:
            return
        self._drawn = now
        self._live.update(self._table(active, scheduler), refresh=True)

    def _print(self, line: str) -> None:
        if self._live is not None:
            self._console.print(line, markup=False, soft_wrap=True)
            return
        # Nothing is drawn around the line: rich would look at the stream ten times for it.
        stream = self._console.file
        stream.write(encodable(printable(line), stream) + "\n")  # type: ignore[arg-type]
        stream.flush()

    def _table(self, active: Mapping[int, Evaluation], scheduler: Scheduler) -> Group:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        head = Table.grid(padding=(0, 1))
        done = len(self.done)
        if self._summed[0] != done:
            failed, gated = (sum(record.state == state for record in self.done) for state in ("failed", "gated"))
            self._summed = done, f"{failed} failed" + (f", {gated} gated" if gated else ""), self._best()
        _, ended, best = self._summed
        head.add_row(
            self.study,
            ProgressBar(total=max(self.total, 1), completed=done, width=30),
            f"{done} of {self.total} trials, {ended}, {len(active)} on their way{self._remaining()}",
        )
        rows = Table.grid(padding=(0, 2))
        running = scheduler.running
        shown = running[: max(self._console.height - _OTHER_LINES, 1)]
        for work in shown:
            evaluation = active.get(work.owner)
            label = "" if evaluation is None else self.space.label(evaluation.candidate)
            rows.add_row(f"  trial {work.owner}", label, describe(work, scheduler.store))
        more = [Text(f"  and {len(running) - len(shown)} more")] if len(running) > len(shown) else []
        return Group(head, rows, *more, Text(best))

    def _remaining(self) -> str:
        fresh = len(self.done) - self._before
        if not fresh:
            return ""
        seconds = (time.monotonic() - self._began) / fresh * max(self.total - len(self.done), 0)
        hours, minutes = divmod(int(seconds + 59) // 60, 60)
        return f", about {hours} h {minutes} min left" if hours else f", about {minutes} min left"

    def _best(self) -> str:
        axes = axes_of(self.space.objectives)
        points = [point for point in points_in(self.done, axes) if point.record.feasible]
        if not points:
            return ""
        values = minimised(points, axes)
        words = [
            f"best {axis.metric} {axis.quantity.text(axis.sign * least)} {axis.quantity.unit}".rstrip()
            for axis, least in zip(axes, values.min(axis=0), strict=True)
        ]
        return f"{', '.join(words)}, front of {front_mask(values).sum() if len(axes) > 1 else 1}"
