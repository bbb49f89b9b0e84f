from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.device.timed_results import make_timed

from mqn.device.science.yardsticks import KEPT, KEPT_AFFINITIES, MIN_KEPT, Yardsticks


def passes(*shortest: int, **changes: object):
    return [make_timed(yardstick_ns=(one, one + 5), **changes) for one in shortest]


def test_the_first_passes_have_nothing_to_be_compared_with(tmp_path: Path, info) -> None:
    yardsticks = Yardsticks(tmp_path / "kept.json")
    assert yardsticks.rate(passes(*[100] * (MIN_KEPT - 1)), info) is None
    assert yardsticks.rate(passes(130), info) == pytest.approx(1.3)


def test_the_slowest_pass_counts(tmp_path: Path, info) -> None:
    yardsticks = Yardsticks(tmp_path / "kept.json")
    yardsticks.rate(passes(*[100] * 10), info)
    assert yardsticks.rate(passes(100, 150, 110), info) == pytest.approx(1.5)


def test_what_is_kept_outlives_the_process(tmp_path: Path, info) -> None:
    Yardsticks(tmp_path / "deep" / "kept.json").rate(passes(*[100] * 10), info)
    assert Yardsticks(tmp_path / "deep" / "kept.json").rate(passes(120), info) == pytest.approx(1.2)


def test_one_lucky_pass_condemns_nobody(tmp_path: Path, info) -> None:
    yardsticks = Yardsticks(tmp_path / "kept.json")
    yardsticks.rate(passes(50, *[100] * 30), info)
    assert yardsticks.rate(passes(100), info) == pytest.approx(1.0)


def test_a_process_that_lies_condemns_nobody_for_long(tmp_path: Path, info) -> None:
    yardsticks = Yardsticks(tmp_path / "kept.json")
    yardsticks.rate(passes(*[1] * 5), info)
    yardsticks.rate(passes(*[100] * 6), info)
    assert yardsticks.rate(passes(*[100] * 5), info) == pytest.approx(1.0)
    assert yardsticks.rate(passes(120), info) == pytest.approx(1.2)


def test_the_best_of_long_ago_is_forgotten(tmp_path: Path, info) -> None:
    yardsticks = Yardsticks(tmp_path / "kept.json")
    yardsticks.rate(passes(*[50] * KEPT), info)
    yardsticks.rate(passes(*[100] * KEPT), info)
    assert yardsticks.rate(passes(100), info) == pytest.approx(1.0)


def test_slow_processors_are_compared_with_themselves(tmp_path: Path, info) -> None:
    yardsticks = Yardsticks(tmp_path / "kept.json")
    yardsticks.rate(passes(*[100] * 10, affinity=(4, 5)), info)
    assert yardsticks.rate(passes(*[300] * 10, affinity=(0, 1)), info) == pytest.approx(1.0)
    assert yardsticks.rate(passes(110, affinity=(4, 5)), info) == pytest.approx(1.1)


def test_only_so_many_sets_of_processors_are_kept(tmp_path: Path, info) -> None:
    yardsticks = Yardsticks(tmp_path / "kept.json")
    for number in range(KEPT_AFFINITIES + 1):
        yardsticks.rate(passes(*[100] * 10, affinity=(number,)), info)
    assert yardsticks.rate(passes(200, affinity=(1,)), info) == pytest.approx(2.0)
    assert yardsticks.rate(passes(200, affinity=(0,)), info) is None


def test_another_runtime_begins_anew(tmp_path: Path, info) -> None:
    yardsticks = Yardsticks(tmp_path / "kept.json")
    yardsticks.rate(passes(*[50] * 10), info)
    assert yardsticks.rate(passes(100), dataclasses.replace(info, runtime="runtime 2")) is None


@pytest.mark.parametrize("text", ["", "{", '{"device": 1}', '{"device": "", "shortest_ns": {"0": ["x"]}}'])
def test_a_damaged_file_begins_anew(tmp_path: Path, info, text: str) -> None:
    path = tmp_path / "kept.json"
    path.write_text(text)
    yardsticks = Yardsticks(path)
    assert yardsticks.rate(passes(*[100] * 10), info) == pytest.approx(1.0)
    assert Yardsticks(path).rate(passes(110), info) == pytest.approx(1.1)


def test_passes_without_a_yardstick_are_not_rated(tmp_path: Path, info) -> None:
    assert Yardsticks(tmp_path / "kept.json").rate([make_timed()], info) is None
    assert not (tmp_path / "kept.json").exists()


def test_a_folder_that_cannot_be_written_costs_no_measurement(tmp_path: Path, info) -> None:
    (tmp_path / "file").write_text("")
    yardsticks = Yardsticks(tmp_path / "file" / "kept.json")
    yardsticks.rate(passes(*[100] * 10), info)
    assert yardsticks.rate(passes(130), info) == pytest.approx(1.3)
