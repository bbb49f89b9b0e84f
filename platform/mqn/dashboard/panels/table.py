"""The table of all trials, on the server: columns, filters, sorting, pages and CSV. Plain functions on plain rows."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mqn.quantities import find_quantity
from mqn.report.front.charts import axis_title
from mqn.report.front.words import state_of
from mqn.report.pages.view import View

FIRST = ("trial", "label", "state", "front")
LAST = ("verdict", "why")
_LABELS = {"trial": "#", "label": "candidate", "state": "state", "front": "front", "verdict": "verdict", "why": "why"}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column that can be chosen: its name as everywhere else, its heading, and what its cells hold."""

    name: str
    heading: str
    kind: Literal["number", "text"]


def columns_of(view: View) -> tuple[list[Column], list[str]]:
    """Every column of a study's table, and the names of those that are shown unless others are chosen."""
    figures = {name for record in view.records for name in record.figures_by_name(view.device)}
    goals = [axis.metric for axis in view.axes]
    limited = [constraint.metric for constraint in view.constraints]
    fields = list(view.flat(view.records[0])) if view.records else []
    names = dict.fromkeys((*goals, *limited, *view.varied, *sorted(figures), *fields))
    made = [_column(view, name) for name in names if name in figures or name in fields]
    first = [_plain(name) for name in FIRST]
    last = [_plain(name) for name in LAST]
    usual = [*goals, *limited, *view.varied, "size_bytes"]
    known = {column.name for column in made}
    shown = [*FIRST, *(name for name in dict.fromkeys(usual) if name in known), *LAST]
    return [*first, *made, *last], shown


def rows_of(view: View, names: Sequence[str]) -> list[Row]:
    """The trials as rows with these columns, by number. Cells are numbers, texts or None."""
    wanted = [name for name in names if name not in _LABELS]
    rows = []
    for record in view.records:
        figures, flat = record.figures_by_name(view.device), view.flat(record)
        broken = [f"breaks {name}" for name, by in record.violations.items() if by > 0]
        row: Row = {
            "trial": record.number,
            "label": record.label,
            "state": state_of(record),
            "front": "front" if record.number in view.best else "",
            "verdict": ", ".join(sorted(set(record.verdicts.values()))),
            "why": record.error or record.waits or ", ".join(broken),
        }
        for name in wanted:
            row[name] = _value(figures[name] if name in figures else flat.get(name))
        rows.append(row)
    return rows


def page(rows: Sequence[Row], request: Mapping[str, Any]) -> tuple[list[Row], int]:
    """The part of the rows that the grid asks for, filtered and sorted as it says.

    Args:
        rows: all of them.
        request: as ag-grid's infinite row model asks: `startRow`, `endRow`, `filterModel`, `sortModel`.

    Returns:
        The rows from `startRow` up to `endRow`, and how many there are in all after filtering.
    """
    found = select_rows(rows, request.get("filterModel") or {}, request.get("sortModel") or [])
    begin = max(int(request.get("startRow") or 0), 0)
    end = int(request.get("endRow") or begin + 100)
    return found[begin:end], len(found)


def select_rows(rows: Sequence[Row], filters: Mapping[str, Any], sorting: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Rows that pass every filter, sorted. Rows without a value stand at the end whichever way it is sorted."""
    tests = [(name, _test(model)) for name, model in filters.items()]
    found = [row for row in rows if all(test(row.get(name)) for name, test in tests)]
    for model in reversed(sorting):
        name = str(model.get("colId"))
        there = [row for row in found if not _missing(row.get(name))]
        absent = [row for row in found if _missing(row.get(name))]
        there.sort(key=lambda row: _order(row[name]), reverse=model.get("sort") == "desc")
        found = [*there, *absent]
    return found


def to_csv(rows: Iterable[Row], names: Sequence[str]) -> str:
    """Rows as CSV with a head; empty where a trial has no such value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_in_sheet(row.get(name)) for name in names] for row in rows)
    return text.getvalue()


def _in_sheet(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front, which it does not show."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _plain(name: str) -> Column:
    return Column(name=name, heading=_LABELS[name], kind="number" if name == "trial" else "text")


def _column(view: View, name: str) -> Column:
    if find_quantity(name):
        return Column(name=name, heading=axis_title(name), kind="number")
    values = [view.flat(record).get(name) for record in view.records[:50]]
    number = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    return Column(name=name, heading=name, kind="number" if number else "text")


def _value(value: Any) -> Any:
    if value is None or (isinstance(value, (int, str)) and not isinstance(value, bool)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def _missing(value: Any) -> bool:
    return value is None or value == ""


def _order(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, (int, float)) else (1, str(value).lower())


Test = Callable[[Any], bool]


def _test(model: Mapping[str, Any]) -> Test:
    """What a column's filter lets pass, as ag-grid describes it: one condition, or several joined by AND or OR."""
    if conditions := model.get("conditions"):
        tests = [_test(condition) for condition in conditions]
        joined = any if model.get("operator") == "OR" else all
        return lambda value: joined(test(value) for test in tests)
    kind = str(model.get("type", ""))
    if kind in ("blank", "notBlank"):
        return lambda value: _missing(value) == (kind == "blank")
    if model.get("filterType") == "number":
        return _numbers(kind, model.get("filter"), model.get("filterTo"))
    return _texts(kind, str(model.get("filter", "")).lower())


def _numbers(kind: str, given: Any, end: Any) -> Test:
    def known(value: Any) -> bool:
        return isinstance(value, (int, float)) and given is not None

    tests: dict[str, Test] = {
        "equals": lambda value: bool(value == given),
        "notEqual": lambda value: bool(value != given),
        "lessThan": lambda value: bool(value < given),
        "lessThanOrEqual": lambda value: bool(value <= given),
        "greaterThan": lambda value: bool(value > given),
        "greaterThanOrEqual": lambda value: bool(value >= given),
        "inRange": lambda value: end is not None and bool(given <= value <= end),
    }
    test = tests.get(kind)
    return (lambda _: True) if test is None else (lambda value: known(value) and test(value))


def _texts(kind: str, given: str) -> Test:
    tests: dict[str, Callable[[str], bool]] = {
        "contains": lambda text: given in text,
        "notContains": lambda text: given not in text,
        "equals": lambda text: text == given,
        "notEqual": lambda text: text != given,
        "startsWith": lambda text: text.startswith(given),
        "endsWith": lambda text: text.endswith(given),
    }
    test = tests.get(kind)
    return (lambda _: True) if test is None else (lambda value: test(str("" if value is None else value).lower()))


def shortened(rows: Iterable[Row]) -> list[Row]:
    """Rows for people to read: numbers with six significant digits."""
    return [
        {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in row.items()}
        for row in rows
    ]
