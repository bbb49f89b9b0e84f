from __future__ import annotations

from pathlib import Path

import pytest

from mqn.parsing import read_json, read_toml
from mqn.search.space.space_file import parse_space
from mqn.search.study.about import About
from mqn.search.study.description import constants, describe_run, describe_study, track_study, tracked_goals
from mqn.search.study.studies import create_study, open_study
from mqn.track.entries import RunEntry
from mqn.track.tracker import Tracker

SPACE = {
    "name": "two",
    "description": "a | b <script>",
    "sampler": "random",
    "trials": 4,
    "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
    "constraints": [{"metric": "size_bytes", "max": 1_200_000}],
    "dimensions": {
        "arch.attention": {"choices": ["ca", "sa"]},
        "training.learning_rate": {"low": 1e-4, "high": 1e-3, "log": True},
    },
}


@pytest.fixture
def two(tmp_path):
    space = parse_space(SPACE, source="test")
    about = About(
        space=space.definition,
        space_hash=space.hash,
        space_name="a_*b*",
        data="http://u:s3cret@h/x",
        data_hash="d" * 64,
        targets=("board",),
    )
    return create_study("st", f"sqlite:///{tmp_path}/study.db", about)


def test_a_study_says_what_it_varies_what_it_is_after_and_how_to_go_on(two):
    study = two
    told = describe_study(study, "mqn search two --study st --resume")
    assert "**st**: a \\| b &lt;script&gt;" in told
    assert "- maximize psnr_tm" in told
    assert "- size" in told
    assert "1,200,000" in told
    assert "arch.attention: ca, sa" in told
    assert "log True" in told
    assert "\n    mqn search two --study st --resume\n" in told
    assert "    mqn ui st" in told
    assert "s3cret" not in told
    assert study.space.keys == ["arch.attention", "training.learning_rate"]


def test_objectives_are_told_by_the_figures_that_runs_hold(two):
    assert tracked_goals(two) == {"psnr_tm": "maximize", "latency_ms/board": "minimize"}
    assert "latency\\_ms.p50/board (smaller is better)" in describe_run(two) or "latency_ms.p50/board" in describe_run(
        two
    )


def test_what_a_space_does_not_vary_is_constant():
    found = constants(parse_space(SPACE, source="test"))
    assert not {"arch.attention", "training.learning_rate"} & found.keys()
    assert found["plan.cut"] == "interface"
    families = {**SPACE, "dimensions": {"arch.family": {"choices": ["mqn", "expandnet"]}}}
    found = constants(parse_space(families, source="test"))
    assert "arch.attention" in found  # of one family alone
    assert "arch.family" not in found


def test_a_studys_run_begins_with_the_space_and_what_all_trials_share(two, tmp_path, monkeypatch):
    monkeypatch.setattr("mqn.track.sending.delivery.Delivery.ask", lambda _: None)
    tracker = Tracker("http://127.0.0.1:9", tmp_path / "spool")
    track_study(tracker, two, "mqn search two --study st --resume")
    (waiting,) = tracker.place("st").parent.glob("[0-9]*.json")
    entry = read_json(RunEntry, waiting)
    assert entry.params["plan.cut"] == "interface"
    assert (entry.data.name, entry.data.source) == ("x", "http://u:***@h/x")
    again = parse_space(read_toml(Path(entry.artifacts["space.toml"])), source="written")
    assert again.hash == two.space.hash


def test_the_database_names_the_objectives(two):
    assert two.optuna.metric_names is None
    two.name_objectives()
    assert open_study("st", two.url).optuna.metric_names == ["psnr_tm", "latency_ms"]
