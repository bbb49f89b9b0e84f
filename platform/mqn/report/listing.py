"""The table of all trials on a study's page, sorted by a click."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from mqn.quantities import find_quantity, quantity
from mqn.records import TrialRecord
from mqn.report.board import Panel
from mqn.report.charts import axis_title
from mqn.report.front import state_of
from mqn.report.view import View

SCRIPT = """
document.querySelectorAll('table.sortable').forEach(table=>{
  table.querySelectorAll('th').forEach((head,column)=>head.addEventListener('click',()=>{
    const up=head.dataset.up!=='1';head.dataset.up=up?'1':'0';
    const key=row=>row.cells[column].dataset.v??row.cells[column].textContent;
    const rows=[...table.tBodies[0].rows].sort((a,b)=>{
      const x=key(a),y=key(b),n=x-y;
      const order=x===''||y===''?(x==='')-(y===''):isNaN(n)?x.localeCompare(y):n;
      return up?order:-order});
    table.tBodies[0].append(...rows)}))});
"""
"""Sorts a table by a click on a column's head; numbers as numbers, the rest as words, empty cells last."""


def list_trials(view: View, panel: Panel) -> str:
    """Write the table.

    Args:
        view: the study.
        panel: `axes` are its columns; empty: the objectives, what the study varies, and the file.

    Returns:
        HTML. Trials on the front are shaded; errors have a column where there are any.
    """
    goals = [axis.metric for axis in view.axes]
    limited = [constraint.metric for constraint in view.constraints]
    usual = [*goals, *limited, *view.varied, "size_bytes", "psnr_tm_drop"]
    names = list(panel.axes) or list(dict.fromkeys(usual))
    names = [name for name in names if any(view.value(record, name) is not None for record in view.records)]
    failed = any(record.error or record.waits for record in view.records)
    heads = [("n", "#"), ("", "candidate"), ("", "state")]
    heads += [("n", axis_title(name)) if find_quantity(name) else ("", name.partition(".")[2]) for name in names]
    heads += [("", "verdict"), *([("", "why not complete")] if failed else [])]
    head = "".join(f'<th class="{kind}">{html.escape(text)}</th>' for kind, text in heads)
    rows = "".join(_row(view, record, names, failed=failed) for record in view.records)
    table = f'<table class="sortable"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<div class="scroll" style="max-height:{panel.height}px">{table}</div>'


def _row(view: View, record: TrialRecord, names: Sequence[str], *, failed: bool) -> str:
    cells = [f'<td class="n" data-v="{record.number}">{record.number}</td>', _word(record.label)]
    broken = [name for name, violation in record.violations.items() if violation > 0]
    cells.append(_word(f"breaks {', '.join(broken)}" if broken else state_of(record)))
    for name in names:
        value = view.value(record, name)
        if find_quantity(name):
            text = "" if value is None else quantity(name).table_text(value)
            cells.append(f'<td class="n" data-v="{"" if value is None else value}">{text}</td>')
        else:
            cells.append(_word(value))
    cells.append(_word(", ".join(sorted(set(record.verdicts.values())))))
    if failed:
        kind = "error" if record.error else "waits"
        cells.append(f'<td class="{kind}">{html.escape(record.error or record.waits or "")}</td>')
    best = ' class="best"' if record.number in view.best else ""
    return f"<tr{best}>{''.join(cells)}</tr>"


def _word(value: Any) -> str:
    return f"<td>{html.escape(str(value))}</td>"
