from __future__ import annotations

import json

from mqn.report.front.front import front
from mqn.report.front.tracked import front_table, write_tracked_front
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.space_file import parse_space

SPACE = {
    "name": "two",
    "sampler": "grid",
    "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
    "dimensions": {"arch.attention": {"choices": ["ca", "sa"]}, "plan.head": {"choices": ["float32", "float16"]}},
}


def test_a_front_is_a_table_of_what_differs(trial, objectives):
    records = [
        trial(0, 20, 10, {"arch.attention": "ca"}),
        trial(1, 22, 15, {"arch.attention": "sa"}),
        trial(2, 19, 16),
    ]
    table = front_table(front(records, objectives), ["arch.attention", "plan.head"])
    assert table["columns"] == ["trial", "psnr_tm", "latency_ms", "arch.attention", "verdict", "label"]
    assert [row[0] for row in table["data"]] == [0, 1]
    assert table["data"][1][:5] == [1, 22.0, 15.0, "sa", "ok"]


def test_a_latency_with_a_range_has_its_ends_as_columns(trial, objectives):
    figures = {"psnr_tm": 20.0, "latency_ms": 10.0, "latency_ms.p50_low": 9.5, "latency_ms.p50_high": 10.5}
    table = front_table(front([trial(0, 20, 10, figures=figures)], objectives), [])
    row = dict(zip(table["columns"], table["data"][0], strict=True))
    assert (row["latency_ms (low)"], row["latency_ms (high)"]) == (9.5, 10.5)


def test_a_front_is_written_as_table_and_picture_with_its_growth(trial, tmp_path):
    space, store = parse_space(SPACE, source="test"), ArtifactStore(tmp_path / "artifacts")
    records = [trial(0, 20, 10), trial(1, 22, 15)]
    told = write_tracked_front(records, space, store, tmp_path)
    assert json.loads(told.files["front.json"].read_text())["data"][0][0] == 0
    assert told.files["front.png"].read_bytes().startswith(b"\x89PNG")
    assert (told.tables, list(told.volumes)) == (("front.json",), [0, 1])
    assert told.volumes[1] > told.volumes[0] > 0


def test_a_study_without_a_complete_trial_has_no_files(trial, tmp_path):
    space, store = parse_space(SPACE, source="test"), ArtifactStore(tmp_path / "artifacts")
    told = write_tracked_front([trial(0, 0, 0, state="failed")], space, store, tmp_path)
    assert not told.files
    assert not told.volumes
