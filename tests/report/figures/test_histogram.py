from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tests.support.records import make_comparison, make_measurement, make_part_measurement

from mqn.errors import UsageError
from mqn.report.figures.histogram import (
    pile_comparison,
    pile_measurement,
    write_comparison_png,
    write_measurement_png,
)


def test_samples_are_piled_process_by_process_and_parts_are_summed():
    pile = pile_measurement(make_measurement("backbone", "head"), "m")
    assert [len(samples) for samples in pile.processes] == [60, 40]
    assert pile.processes[0][:2] == pytest.approx([4.0, 4.002])
    assert pile.latency.p50_range is not None
    assert pile.latency.p50_range.low < pile.latency.p50 < pile.latency.p50_range.high


def test_without_the_processes_rounds_all_samples_are_one_pile():
    pile = pile_measurement(make_measurement(process_rounds=()), "m")
    assert [len(samples) for samples in pile.processes] == [100]


def test_both_models_of_a_comparison_are_piled():
    first, second = pile_comparison(make_comparison(), ("a", "b"))
    assert (first.name, second.name) == ("a", "b")
    assert second.latency.p50 / first.latency.p50 == pytest.approx(1.031, rel=1e-3)
    pair = make_comparison(first=(make_part_measurement("backbone", 10**6), make_part_measurement("head", 2 * 10**6)))
    whole, _ = pile_comparison(pair, ("a", "b"))
    assert whole.latency.p50 == pytest.approx(np.median(whole.samples))


def colors(path):
    with Image.open(path) as picture:
        assert picture.width > 1000
        return {color for _, color in picture.convert("RGB").getcolors(maxcolors=1 << 20)}


@pytest.mark.slow
def test_pictures_are_written(tmp_path):
    write_measurement_png(make_measurement(verdict="unsteady"), "m", tmp_path / "one.png")
    write_comparison_png(make_comparison(), ("a", "b"), tmp_path / "two.png")
    assert (31, 41, 51) in colors(tmp_path / "one.png")
    # Both models' lines.
    assert {(11, 110, 153), (217, 119, 6)} <= colors(tmp_path / "two.png")


def test_samples_that_are_all_alike_can_be_drawn(tmp_path):
    flat = make_measurement(parts=(replace(make_part_measurement("model", 10**6), samples_ns=(10**6,) * 100),))
    write_measurement_png(flat, "m", tmp_path / "flat.png")
    assert (tmp_path / "flat.png").is_file()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none/h\.png"):
        write_measurement_png(make_measurement(), "m", tmp_path / "none" / "h.png")
