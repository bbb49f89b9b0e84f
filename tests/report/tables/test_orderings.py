from __future__ import annotations

import csv
import io
import json

import pytest

from mqn.report.front.scorebook import Scorebook
from mqn.report.tables.ablation import ablation
from mqn.report.tables.rendering import to_csv, to_json, to_markdown
from mqn.text.markdown import escape


def orders(table):
    return {(one.metric, one.first, one.second): one.verdict for one in table.orderings}


def test_the_papers_ranking_is_judged_neighbour_by_neighbour(scored, store):
    records = [
        scored(0, "none", (10.0, 15.0, 20.0)),
        scored(1, "sa", (11.2, 16.3, 21.4)),
        scored(2, "csa", (10.3, 15.3, 20.3)),
        scored(3, "ca", (11.3, 16.3, 21.3)),
    ]
    table = ablation("attention", records, book=Scorebook(store))
    # The paper's PSNR: CA 21.25, SA 21.12, None 20.76, CSA 20.75.
    assert {key: found for key, found in orders(table).items() if key[0] == "psnr_tm"} == {
        ("psnr_tm", "CA", "SA"): "not told apart",
        ("psnr_tm", "SA", "None"): "holds here",
        ("psnr_tm", "None", "CSA"): "the other way round here",
    }
    lines = [one.text for one in table.orderings if one.metric == "psnr_tm"]
    assert lines == [
        "psnr_tm: CA above SA: not told apart (+0.00, -0.25 to +0.25)",
        "psnr_tm: SA above None: holds here (+1.30, +1.05 to +1.55)",
        "psnr_tm: None above CSA: the other way round here (-0.30, -0.30 to -0.30)",
    ]
    assert f"- {escape(lines[1])}" in to_markdown(table).splitlines()
    assert [f"the paper's ranking: {lines[2]}"] in list(csv.reader(io.StringIO(to_csv(table))))
    plain = json.loads(json.dumps(to_json(table)))["orderings"]
    assert [one["verdict"] for one in plain if one["metric"] == "psnr_tm"] == list(orders(table).values())[3:6]
    # A row that we have no trial of leaves the ranking to the others.
    fewer = orders(ablation("attention", [records[0], records[3]], book=Scorebook(store)))
    assert fewer["psnr_tm", "CA", "None"] == "holds here"


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"pictures": "q"}, "they were judged on different pictures"),
        ({}, "all pictures are of one source"),
    ],
)
def test_a_verdict_says_why_nothing_tells(scored, store, other, why):
    first = scored(0, "none", (10.0, 15.0, 20.0), sources="aaa")
    second = scored(1, "ca", (10.2, 15.3, 20.4), sources="aaa", **other)
    table = ablation("attention", [first, second], book=Scorebook(store))
    assert table.orderings[1].text == f"psnr_tm: CA above None: not told apart (+0.30; {why})"


@pytest.mark.parametrize(
    ("verdict", "values", "text"),
    [
        # Two values that differ by d have the mean's interval at 12.706 d / 2 either way.
        ("ok", (5.0, 5.1, 6.0, 6.1), "None below CA: not told apart (-1.00, -2.27 to +0.27)"),
        ("ok", (5.0, 5.01, 6.0, 6.01), "None below CA: holds here (-1.00, -1.13 to -0.87)"),
        ("contended", (5.0, 5.01, 6.0, 6.01), "None below CA: not told apart (-1.00; measured contended)"),
    ],
)
def test_latencies_are_ordered_by_their_ranges(trial, verdict, values, text):
    def made(number, kind, seed, latency):
        figures = {"psnr_tm": 20.0, "latency_ms.backbone": latency}
        chosen = {"arch.attention": kind, "training.seed": seed}
        return trial(number, 20.0, latency, chosen, figures=figures, verdicts={"board": verdict})

    places = [("none", 0), ("none", 1), ("ca", 0), ("ca", 1)]
    table = ablation("attention", [made(i, *place, values[i]) for i, place in enumerate(places)])
    assert table.orderings[0].text == f"latency_ms.backbone: {text}"
