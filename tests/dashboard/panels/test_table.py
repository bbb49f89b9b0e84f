"""The table on the server: pages, filters, sorting, CSV."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.records import make_trial

from mqn.dashboard.panels.table import columns_of, page, rows_of, select_rows, shortened, to_csv
from mqn.records import Candidate
from mqn.report.pages.view import look
from mqn.search.space.goals import Constraint, Objective

ROWS: list[dict[str, Any]] = [
    {"trial": 0, "label": "ca w0.35", "psnr": 20.0},
    {"trial": 1, "label": "SA w1", "psnr": 22.0},
    {"trial": 2, "label": "none", "psnr": None},
    {"trial": 3, "label": "ca w1", "psnr": 21.0},
]


def trials(**filters: Any) -> list[int]:
    return [row["trial"] for row in select_rows(ROWS, filters, [])]


def number(kind: str, value: float, end: float | None = None) -> dict[str, Any]:
    return {"filterType": "number", "type": kind, "filter": value, "filterTo": end}


def text(kind: str, value: str) -> dict[str, Any]:
    return {"filterType": "text", "type": kind, "filter": value}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (number("greaterThan", 20), [1, 3]),
        (number("greaterThanOrEqual", 20), [0, 1, 3]),
        (number("lessThan", 21), [0]),
        (number("lessThanOrEqual", 21), [0, 3]),
        (number("equals", 22), [1]),
        (number("notEqual", 22), [0, 3]),
        (number("inRange", 20.5, 21.5), [3]),
        ({"filterType": "number", "type": "blank"}, [2]),
        ({"filterType": "number", "type": "notBlank"}, [0, 1, 3]),
        ({"operator": "OR", "conditions": [number("lessThan", 20.5), number("greaterThan", 21.5)]}, [0, 1]),
        ({"operator": "AND", "conditions": [number("greaterThan", 20), number("lessThan", 22)]}, [3]),
    ],
)
def test_numbers_are_filtered(model: dict[str, Any], expected: list[int]) -> None:
    assert trials(psnr=model) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (text("contains", "CA"), [0, 3]),
        (text("notContains", "ca"), [1, 2]),
        (text("equals", "none"), [2]),
        (text("notEqual", "none"), [0, 1, 3]),
        (text("startsWith", "sa"), [1]),
        (text("endsWith", "W1"), [1, 3]),
    ],
)
def test_texts_are_filtered_whatever_their_case(model: dict[str, Any], expected: list[int]) -> None:
    assert trials(label=model) == expected


def test_all_filters_hold_together() -> None:
    assert trials(label=text("contains", "ca"), psnr=number("greaterThan", 20)) == [3]


@pytest.mark.parametrize(("way", "expected"), [("asc", [0, 3, 1, 2]), ("desc", [1, 3, 0, 2])])
def test_rows_without_a_value_come_last_either_way(way: str, expected: list[int]) -> None:
    assert [row["trial"] for row in select_rows(ROWS, {}, [{"colId": "psnr", "sort": way}])] == expected


def test_a_page_says_how_many_rows_there_are() -> None:
    part, count = page(ROWS, {"startRow": 1, "endRow": 3, "sortModel": [], "filterModel": {}})
    assert ([row["trial"] for row in part], count) == ([1, 2], 4)
    part, count = page(ROWS, {"startRow": 0, "endRow": 100, "filterModel": {"psnr": number("lessThan", 0)}})
    assert (part, count) == ([], 0)


def test_csv_holds_whole_numbers_and_no_formulas() -> None:
    rows = [{"trial": 1, "label": "=HYPERLINK(1)", "psnr": -1.23456789}]
    assert to_csv(rows, ["trial", "label", "psnr"]) == "trial,label,psnr\n1,'=HYPERLINK(1),-1.23456789\n"
    assert shortened(rows)[0]["psnr"] == -1.23457


def test_columns_are_what_a_study_has_and_the_usual_ones_are_what_it_asks_for() -> None:
    records = [
        make_trial(
            n,
            candidate=Candidate().with_values({"arch.attention": kind}),
            figures={"psnr_tm": 20.0 + n, "latency_ms": 5.0, "size_bytes": 1000.0},
            verdicts={"board": "ok"},
            violations={"latency_ms <= 4": 1.0} if n else {},
        )
        for n, kind in enumerate(("none", "sa"))
    ]
    goals = (Objective(metric="psnr_tm"), Objective(metric="latency_ms"))
    view = look(records, goals, [Constraint(metric="latency_ms", max=21.0)])
    columns, usual = columns_of(view)
    assert usual == [
        *("trial", "label", "state", "front", "psnr_tm", "latency_ms", "arch.attention", "size_bytes", "verdict", "why")
    ]
    kinds = {column.name: column.kind for column in columns}
    assert (kinds["psnr_tm"], kinds["arch.width"], kinds["arch.attention"]) == ("number", "number", "text")
    first, second = rows_of(view, [*usual, "arch.width"])
    assert (first["front"], second["front"]) == ("front", "")
    assert (first["latency_ms"], first["arch.attention"], first["why"]) == (5.0, "none", "")
    assert second["why"] == "breaks latency_ms <= 4"
