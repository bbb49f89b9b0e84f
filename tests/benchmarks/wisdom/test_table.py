"""Tables survive kills, and their rows are always the same candidates."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqn.errors import ConfigError
from tests.benchmarks.wisdom.candidates import HELD_BACK, SEARCH, candidate, networks, plan_label, plans
from tests.benchmarks.wisdom.table import Latency, PlanFigures, Row, append, begin_table, lean, read_table

NETWORK = {"arch.width": 0.5, "training.codec": "pq"}
ROW = Row(
    number=0,
    network=NETWORK,
    seed=0,
    curve=(11.5, 12.0),
    scores={"psnr_tm": 12.25},
    plans={"int8+int8": PlanFigures(scores={"psnr_tm": 12.0}, size_bytes=100), "float32": PlanFigures(error="no")},
    seconds=3.0,
)
LATENCY = Latency(
    network={"arch.width": 0.5}, macs=10, parameters=5, figures={"int8+int8": {"latency_ms": 0.5}}, verdicts={}
)


def test_a_kill_costs_the_line_in_hand(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    begin_table(path, {"epochs": 2})
    append(path, "row", ROW)
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"row":{"number":1,"netw')
    assert begin_table(path, {"epochs": 2}).rows == (ROW,)
    timing = {"device": {"id": "board"}, "settings": {"runs": 50, "core": None}}
    append(path, "timing", timing)
    append(path, "latency", LATENCY)
    table = read_table(path)
    assert table is not None
    assert table.rows == (ROW,)
    assert table.timing == lean(timing)  # by which a later call knows that it measures alike
    assert table.latency_of(ROW) == LATENCY


def test_rows_that_were_made_otherwise_are_not_added(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    begin_table(path, {"epochs": 2, "torch": "1"})
    with pytest.raises(ConfigError, match="another torch"):
        begin_table(path, {"epochs": 2, "torch": "2"})


def test_a_row_is_always_the_same_candidate() -> None:
    assert networks(SEARCH, 2)[:1] == networks(SEARCH, 1)
    assert networks(SEARCH, 1)[0] == {
        "arch.attention": "none",
        "arch.width": 0.5,
        "arch.decoder_width": 1.25,
        "arch.upsampling": "nearest",
        "training.codec": "pq",
        "training.learning_rate": 0.001317,
        "training.lambda_l2": 1.5,
        "training.lambda_cosine": 0.05667,
        "training.scale_invariance": 0.5,
    }
    assert networks(HELD_BACK, 1) != networks(SEARCH, 1)
    assert candidate(networks(HELD_BACK, 1)[0], plans()[0], HELD_BACK).training.seed == 1


def test_every_training_has_five_plans() -> None:
    assert [plan_label(plan) for plan in plans()] == [
        "int8+int8",
        "int8+dynamic",
        "int8+float32",
        "dynamic+dynamic",
        "float32+dynamic",
    ]
