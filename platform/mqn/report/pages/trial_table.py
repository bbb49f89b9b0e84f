"""The table of all trials on a study's page."""

from __future__ import annotations

from collections.abc import Sequence

from mqn.look.blocks import Cell, Row, Table
from mqn.quantities import find_quantity, quantity
from mqn.records import TrialRecord
from mqn.report.front.charts import axis_title
from mqn.report.front.words import state_of
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.view import View


def list_trials(view: View, panel: Panel) -> Table:
    """List a study's trials in a table; those on the front are shaded.

    Its columns are the panel's `axes`. Without axes they are the objectives, what the study varies, and the file.
    Errors get a column if there are any.
    """
    goals = [axis.metric for axis in view.axes]
    limited = [constraint.metric for constraint in view.constraints]
    usual = [*goals, *limited, *view.varied, "size_bytes", "psnr_tm_drop"]
    names = list(panel.axes) or list(dict.fromkeys(usual))
    names = [name for name in names if any(view.value(record, name) is not None for record in view.records)]
    failed = any(record.error or record.waits for record in view.records)
    return Table(
        head=(
            Cell(text="#", kind="number"),
            Cell(text="candidate"),
            Cell(text="state"),
            *map(_head, names),
            Cell(text="verdict"),
            *([Cell(text="why not complete")] if failed else []),
        ),
        rows=tuple(_row(view, record, names, failed=failed) for record in view.records),
        sortable=True,
        height=panel.height,
    )


def _head(name: str) -> Cell:
    return Cell(text=axis_title(name), kind="number") if find_quantity(name) else Cell(text=name.partition(".")[2])


def _row(view: View, record: TrialRecord, names: Sequence[str], *, failed: bool) -> Row:
    broken = [name for name, violation in record.violations.items() if violation > 0]
    words = [state_of(record)] if record.state != "complete" or not broken else []
    words += [f"breaks {', '.join(broken)}"] if broken else []
    cells = [
        Cell(text=str(record.number), value=record.number, kind="number"),
        Cell(text=record.label),
        Cell(text=", ".join(words)),
        *(_cell(view, record, name) for name in names),
        Cell(text=", ".join(sorted(set(record.verdicts.values())))),
        *([Cell(text=record.error or record.waits or "", kind="long")] if failed else []),
    ]
    return Row(cells=tuple(cells), best=record.number in view.best)


def _cell(view: View, record: TrialRecord, name: str) -> Cell:
    value = view.value(record, name)
    if not find_quantity(name):
        return Cell(text=str(value))
    return Cell(text="" if value is None else quantity(name).table_text(value), value=value, kind="number")
