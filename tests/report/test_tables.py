from __future__ import annotations

import csv
import io
import json
import re

import pytest

from mqn.errors import NothingSatisfiesError, UnknownNameError, UsageError
from mqn.report.paper import TABLES
from mqn.report.rendering import to_csv, to_json, to_markdown
from mqn.report.tables import ablation


@pytest.fixture
def attention(trial):
    def make(number, kind, seed, psnr, **changes):
        values = {"arch.attention": kind, "training.seed": seed, **changes}
        figures = {"psnr_tm": psnr, "ssim_tm": 0.9, "latency_ms": 8.0, "latency_ms.backbone": 5.0}
        return trial(number, psnr, 8, values, figures=figures)

    return make


def cells(table, label, metric):
    (row,) = [row for row in table.rows if row.label == label]
    return row.paper[metric], row.ours[metric]


def test_ours_are_means_over_seeds_beside_the_papers(attention):
    records = [
        attention(0, "none", 0, 20.0),
        attention(1, "none", 1, 22.0),
        attention(2, "ca", 0, 24.0),
        attention(3, "ca", 1, 24.0),
    ]
    table = ablation("attention", records)
    assert [row.label for row in table.rows] == ["None", "SA", "CSA", "CA"]
    paper, ours = cells(table, "CA", "psnr_tm")
    assert (paper.mean, paper.std, paper.seeds) == (21.25, 3.11, None)
    assert paper.gap == pytest.approx(0.49)
    assert (ours.mean, ours.std, ours.seeds, ours.gap) == (24, 0, 2, 3)
    assert cells(table, "None", "psnr_tm")[1].std == pytest.approx(2**0.5)
    assert cells(table, "SA", "psnr_tm")[1] is None
    assert cells(table, "CA", "latency_ms")[0] is None


def test_a_seeds_two_layouts_count_once_and_the_whole_is_the_fused_files(trial):
    fused = trial(0, 20, 6, figures={"psnr_tm": 20.0, "latency_ms": 6.0})
    figures = {"psnr_tm": 22.0, "latency_ms": 9.0, "latency_ms.backbone": 5.0, "latency_ms.head": 4.0}
    pair = trial(1, 22, 9, {"plan.layout": "pair"}, figures=figures)
    table = ablation("quantization", [fused, pair])
    assert cells(table, "int8 + dynamic", "psnr_tm")[1].mean == 21
    assert cells(table, "int8 + dynamic", "psnr_tm")[1].seeds == 1
    assert cells(table, "int8 + dynamic", "latency_ms")[1].mean == 6
    assert cells(table, "int8 + dynamic", "latency_ms.head")[1].mean == 4


def test_loss_rows_are_told_by_which_weights_are_above_zero(trial):
    record = trial(0, 20, 6, {"training.lambda_cosine": 0.0, "training.lambda_l2": 0.5})
    table = ablation("losses", [record])
    assert [row.label for row in table.rows if row.ours["psnr_tm"]] == ["(vii) L1, L2, FR"]


def test_trials_that_differ_in_something_else_are_refused(attention):
    records = [attention(0, "none", 0, 20.0), attention(1, "ca", 0, 24.0, **{"arch.width": 0.5})]
    with pytest.raises(UsageError, match=r"differ in arch\.width"):
        ablation("attention", records)


def test_no_fitting_trial_and_no_such_table(attention, trial):
    with pytest.raises(NothingSatisfiesError, match="none of 1 trials"):
        ablation("attention", [trial(0, 1, 1, state="failed")])
    with pytest.raises(UnknownNameError, match="did you mean 'losses'"):
        ablation("loss", [])


def test_markdown_tells_gaps_the_best_and_what_cannot_be_compared(attention):
    text = to_markdown(ablation("attention", [attention(0, "none", 0, 20.0), attention(1, "ca", 0, 24.0)]))
    head, _, none, _, _, ca = text.splitlines()[2:8]
    assert "PSNR-TM (dB), paper | PSNR-TM (dB), ours" in head
    assert "| 20.76 ± 3.21 (+0.00) | 20.00 (+0.00) |" in none
    assert "| **21.25 ± 3.11 (+0.49)** | **24.00 (+4.00)** |" in ca
    assert "cannot be compared" in text
    assert "Ours: 2 trials, 1 seed on board." in text


def test_csv_and_json_hold_the_same_figures(attention):
    table = ablation("attention", [attention(0, "ca", 0, 24.0)])
    rows = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert rows[3]["attention"] == "CA"
    assert (rows[3]["psnr_tm/paper/mean"], rows[3]["psnr_tm/ours/mean"]) == ("21.25", "24.0")
    assert rows[0]["psnr_tm/ours/mean"] == ""
    plain = json.loads(json.dumps(to_json(table)))
    assert plain["rows"][3]["ours"]["psnr_tm"] == {"mean": 24.0, "std": None, "seeds": 1, "gap": None}


def test_the_papers_figures_stand_in_the_paper(shared):
    text = (shared / "paper.txt").read_text()
    published = {float(n) for n in re.findall(r"\d+\.\d+", text[text.index("Table 1:") : text.index("mobile ITM.")])}
    ours = {n for t in TABLES.values() for row in t.rows for f in row.figures.values() for n in (f.mean, f.std)}
    assert ours == published
