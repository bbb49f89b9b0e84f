from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest

from mqn.cli.study import ablate
from mqn.data.licence import Origin
from mqn.errors import NothingSatisfiesError, UnknownNameError, UsageError
from mqn.families.mqn.paper import PAPER
from mqn.report.front.scorebook import Scorebook
from mqn.report.tables.ablation import ablation
from mqn.report.tables.departures import Setting
from mqn.report.tables.rendering import to_csv, to_json, to_markdown
from mqn.text.markdown import escape


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
    assert "| 21.25 ± 3.11 (+0.49) | 24.00 (+4.00) |" in ca
    assert "**" not in text  # One seed: nothing tells how far the next would be off.
    assert "cannot be compared" in text
    assert "Ours: 2 trials, 1 seed on board." in text
    assert "No complete trial yet: SA; CSA." in text


def test_csv_and_json_hold_the_same_figures(attention):
    table = ablation("attention", [attention(0, "ca", 0, 24.0)])
    rows = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert rows[3]["attention"] == "CA"
    assert (rows[3]["psnr_tm/paper/mean"], rows[3]["psnr_tm/ours/mean"]) == ("21.25", "24.0")
    assert rows[0]["psnr_tm/ours/mean"] == ""
    assert [row["attention"] for row in rows[4:]] == [f"departs from the paper: {line}" for line in table.departures]
    assert not table.orderings  # of one row
    plain = json.loads(json.dumps(to_json(table)))
    cell = plain["rows"][3]["ours"]["psnr_tm"]
    assert {key: cell[key] for key in ("mean", "std", "seeds", "gap")} == {
        "mean": 24.0,
        "std": None,
        "seeds": 1,
        "gap": None,
    }
    assert plain["departures"] == list(table.departures)


def test_the_papers_figures_stand_in_the_paper(shared):
    text = (shared / "paper.txt").read_text()
    published = {float(n) for n in re.findall(r"\d+\.\d+", text[text.index("Table 1:") : text.index("mobile ITM.")])}
    ours = {n for t in PAPER.tables.values() for row in t.rows for f in row.figures.values() for n in (f.mean, f.std)}
    assert ours == published


def seeds(attention, kind, first, figures, **changes):
    return [attention(first + i, kind, i, value, **changes) for i, value in enumerate(figures)]


def test_accuracies_without_scores_are_told_apart_by_nothing(attention):
    records = [*seeds(attention, "none", 0, (20.0, 20.1, 19.9)), *seeds(attention, "ca", 3, (24.0, 24.1, 23.9))]
    table = ablation("attention", records)
    ca, half = cells(table, "CA", "psnr_tm")[1], 4.30265273 * 0.1 / 3**0.5
    assert (ca.low, ca.high) == pytest.approx((24 - half, 24 + half))  # over seeds
    assert (ca.gap_low, table.best("psnr_tm")) == (None, None)
    text = to_markdown(table)
    assert "| 24.00 ± 0.10 [23.75 to 24.25] (+4.00) |" in text
    assert "not there (removed, or of an early version): None; CA." in text


@pytest.mark.parametrize(
    ("verdict", "first", "second", "best"),
    [
        ("ok", (2.1, 2.2), (2.28, 2.3), "None"),
        ("ok", (2.1, 2.29), (2.28, 2.3), None),
        ("contended", (2.1, 2.2), (2.28, 2.3), None),
        ("ok", None, (2.28, 2.3), None),
    ],
)
def test_a_latency_is_bold_where_ranges_part_and_the_device_was_steady(trial, verdict, first, second, best):
    def made(number, kind, latency, ends):
        known = {} if ends is None else {"latency_ms.p50_low": ends[0], "latency_ms.p50_high": ends[1]}
        figures = {"psnr_tm": 20.0, "ssim_tm": 0.8, "latency_ms": latency, **known}
        values = {"arch.attention": kind}
        return trial(number, 20.0, latency, values, figures=figures, verdicts={"board": verdict})

    table = ablation("attention", [made(0, "none", 2.18, first), made(1, "ca", 2.29, second)])
    assert table.best("latency_ms") == best
    text = to_markdown(table)
    assert ("**2.18 [2.10 to 2.20] (+0.00)**" in text) == (best is not None)
    assert ("2.18†" in text, "measured contended" in text) == (verdict != "ok",) * 2
    row = next(csv.DictReader(io.StringIO(to_csv(table))))
    assert row["latency_ms/ours/verdict"] == ("" if verdict == "ok" else verdict)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("arch.input_size", 64, "arch.input_size = 64; the paper: 256"),
        ("arch.encoder_weights", "random", "arch.encoder_weights = random; the paper: imagenet"),
        ("arch.decoder_width", 0.5, "arch.decoder_width = 0.5; the paper: 1"),
        ("arch.upsampling", "bilinear", "arch.upsampling = bilinear; the paper: nearest"),
        ("training.epochs", 1, "training.epochs = 1; the paper: about 610 in the authors' code"),
        ("training.learning_rate", 1e-3, "training.learning_rate = 0.001; the paper: 5e-05"),
        ("training.lambda_features", 0.0, "training.lambda_features = 0; the paper: 0.05"),
        ("training.feature_pools", [1], "training.feature_pools = 1; the paper: 1, 2, 3"),
        ("training.virtual_camera", 1.0, "training.virtual_camera = 1; the paper: 0"),
        ("training.batch_size", 8, "training.batch_size = 8; the paper: 4"),
        ("plan.calibration", "mse", "plan.calibration = mse; the paper: not stated"),
        ("plan.head", "float32", "plan.head = float32; the paper: dynamic_wi8_afp32"),
        ("plan.rules", "head.conv3=float32", "plan.rules = head.conv3=float32; the paper: none"),
        ("plan.sparsity", 0.5, "plan.sparsity = 0.5; the paper: 0"),
        ("plan.layout", "fused", "plan.layout = fused; the paper: pair"),
    ],
)
def test_every_departure_from_the_paper_is_a_line(attention, key, value, line):
    paper = {"training.codec": "linear", "training.precision": "float32", "plan.layout": "pair"}
    table = ablation("attention", [attention(0, "ca", 0, 24.0, **{**paper, key: value})])
    frozen = "training.frozen_epochs = 0; the paper: the encoder is frozen at first"
    assert sorted(table.departures) == sorted([frozen, line])
    assert f"- {escape(line)}" in to_markdown(table).splitlines()


def test_data_inputs_and_runtime_are_departures_too(attention):
    made = Origin(name="procedural scenes", licence=None, procedural=True, counts={"train": 24, "val": 8}, hash="0")
    setting = Setting(origin=made, inputs="virtual", runtime={"threads": 2, "delegate": "xnnpack", "processors": []})
    lines = ablation("attention", [attention(0, "ca", 0, 24.0)], setting).departures[-3:]
    assert "24 pictures for training and 8 to judge by; the paper: 3580 and 188 photographs" in lines[0]
    assert lines[1] == "scoring.inputs = virtual; the paper: operators"
    assert lines[2] == "measured with threads 2, delegate xnnpack; the paper does not say"


def test_a_loss_that_a_row_leaves_out_is_no_departure_and_another_weight_is_one(trial):
    values = {"training.lambda_cosine": 0.0, "training.lambda_l2": 0.5}
    lines = ablation("losses", [trial(0, 20, 6, values)]).departures
    assert [line for line in lines if "lambda" in line] == ["training.lambda_l2 = 0.5; the paper: 1"]


def test_the_terminals_table_fits_80_columns(attention, scored, store, capsys):
    ablate._show(ablation("attention", [*seeds(attention, "none", 0, (20.0, 21.0)), attention(2, "ca", 0, 24.0)]))
    weights = {f"training.lambda_{name}": 0.0 for name in ("l2", "cosine", "features")}
    first, second = ((10.0, 15.0, 20.0), (10.2, 15.3, 20.4))
    losses = [
        trial
        for seed in range(2)
        for trial in (
            scored(seed, "ca", first, seed=seed, name="l1", **weights),
            scored(seed + 2, "ca", second, seed=seed, name="all"),
        )
    ]
    ablate._show(ablation("losses", losses, book=Scorebook(store)))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split() == ["None", "20.76", "(+0.00)", "20.50", "±", "0.71", "+0.00"] for line in lines)
    at = next(place for place, line in enumerate(lines) if line.startswith("  (iv)") and "15.30 ± 0.00 *" in line)
    assert lines[at].split()[-1] == "+0.30"
    assert lines[at + 1].split() == ["±", "3.11", "2.63", "to", "27.97", "+0.05", "to", "+0.55"]
    assert "- psnr_tm: (iv) L1, L2, CS, FR above (i) L1: holds here (+0.30, +0.05 to" in lines
    assert "Ours departs from the paper in:" in lines


def test_rows_of_one_seed_are_compared_picture_by_picture(scored, store):
    records = [
        scored(0, "none", (10.0, 15.0, 20.0)),
        scored(1, "ca", (10.2, 15.3, 20.4)),
        scored(2, "csa", (10.3, 15.3, 20.3)),
    ]
    table = ablation("attention", records[:2], book=Scorebook(store))
    ca, half = cells(table, "CA", "psnr_tm")[1], 4.30265273 * 0.1 / 3**0.5
    assert (ca.gap, ca.gap_low, ca.gap_high) == pytest.approx((0.3, 0.3 - half, 0.3 + half))
    assert ca.high == pytest.approx(15.3 + 4.30265273 * 5.1 / 3**0.5)
    assert cells(table, "None", "psnr_tm")[1].gap_low is None  # It is the reference itself.
    assert table.best("psnr_tm") == "CA"  # though the means' own intervals overlap
    text = to_markdown(table)
    assert "| **15.30 [2.63 to 27.97] (+0.30, +0.05 to +0.55)** |" in text
    assert "- One seed: intervals are over pictures alone" in text
    # Two rows whose difference may be 0: neither is the best.
    assert ablation("attention", records, book=Scorebook(store)).best("psnr_tm") is None


def test_several_seeds_widen_the_interval_of_a_difference(scored, store):
    one = [scored(0, "none", (10.0, 15.0, 20.0)), scored(1, "ca", (10.2, 15.3, 20.4))]
    more = [*one, scored(2, "none", (11.0, 16.0, 21.0), seed=1), scored(3, "ca", (13.2, 18.3, 23.4), seed=1)]
    narrow, wide = (cells(ablation("attention", r, book=Scorebook(store)), "CA", "psnr_tm")[1] for r in (one, more))
    assert (narrow.gap, wide.gap) == pytest.approx((0.3, 1.3))
    assert wide.gap_high - wide.gap_low > 4 * (narrow.gap_high - narrow.gap_low)
    # By 0.3 with the one seed and by 2.3 with the other: t of one degree of freedom, the sources' part beside it.
    parts = 0.01 / 3 * (2.1 / 1.1) ** 2, 1.0
    assert wide.gap_high - wide.gap == pytest.approx(12.7062 * sum(parts) ** 0.5, rel=0.05)
    assert "One seed" not in to_markdown(ablation("attention", more, book=Scorebook(store)))
    mixed = to_markdown(ablation("attention", more[:3], book=Scorebook(store)))
    assert "- One seed of CA: intervals are over pictures alone" in mixed


def test_what_a_seed_does_to_both_rows_drops_out(scored, store):
    one = [scored(0, "none", (10.0, 15.0, 20.0)), scored(1, "ca", (10.2, 15.3, 20.4))]
    more = [*one, scored(2, "none", (7.0, 12.0, 17.0), seed=1), scored(3, "ca", (7.2, 12.3, 17.4), seed=1)]
    single, both = (cells(ablation("attention", r, book=Scorebook(store)), "CA", "psnr_tm")[1] for r in (one, more))
    assert (both.gap_low, both.gap_high) == pytest.approx((single.gap_low, single.gap_high))
    assert both.std == pytest.approx(3 / 2**0.5)
    # Rows of different seeds have nothing that drops out.
    other = [*more[:3], scored(4, "ca", (7.2, 12.3, 17.4), seed=2)]
    unpaired = cells(ablation("attention", other, book=Scorebook(store)), "CA", "psnr_tm")[1]
    assert unpaired.gap_high - unpaired.gap == pytest.approx(4.3027 * (2 * 4.5 / 2) ** 0.5, rel=0.01)


def test_rows_whose_scores_were_removed_are_told_apart_from_none(scored, store):
    records = [scored(0, "none", (10.0, 15.0, 20.0)), scored(1, "sa", (11.2, 16.3, 21.4))]
    removed = replace(scored(2, "ca", (11.3, 16.3, 21.3)), artifacts={"score": "removed"})
    table = ablation("attention", [*records, removed], book=Scorebook(store))
    assert cells(table, "SA", "psnr_tm")[1].gap_low == pytest.approx(1.05, abs=0.01)
    assert cells(table, "CA", "psnr_tm")[1].gap_low is None
    assert table.best("psnr_tm") is None
    lines = [one.text for one in table.orderings if one.metric == "psnr_tm"]
    assert lines == [
        "psnr_tm: CA above SA: not told apart (+0.00; the scores of CA are not there)",
        "psnr_tm: SA above None: holds here (+1.30, +1.05 to +1.55)",
    ]


def test_a_metric_that_a_row_lacks_leaves_it_out(scored, store):
    records = [scored(0, "none", (10.0, 15.0, 20.0)), scored(1, "ca", (10.2, 15.3, 20.4))]
    del records[1].figures["ssim_tm"]
    table = ablation("attention", records, book=Scorebook(store))
    assert cells(table, "CA", "ssim_tm")[1] is None
    assert {one.metric for one in table.orderings} == {"latency_ms.backbone", "psnr_tm"}
