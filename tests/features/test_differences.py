from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mqn.features.differences import BINS, Grid, measure, pmf

GRID = Grid(step=0.5, low=0.0, high=127.5)


def test_figures_that_one_can_work_out() -> None:
    expected = np.array([[0.0, 1.0], [2.0, 3.0]], np.float32)
    found = np.array([[0.0, 1.5], [2.0, 2.5]], np.float32)
    figures = measure(expected, found, GRID)
    assert figures.mean_difference == 0.25
    assert figures.largest_difference == 0.5
    assert figures.sqnr_db == pytest.approx(10 * np.log10(14 / 0.5))
    assert figures.pmf_distance == pytest.approx(0.5)  # 1 and 3 moved to 1.5 and 2.5: two of four.
    assert figures.range_used == pytest.approx(2.5 / 127.5)
    assert figures.clipped == 0


def test_rounding_alone_moves_nothing_from_bin_to_bin() -> None:
    expected = np.random.default_rng(0).uniform(0, 127, (64, 64)).astype(np.float32)
    found = (np.rint(expected / 0.5) * 0.5).astype(np.float32)
    assert measure(expected, found, GRID).pmf_distance == 0
    # Bins that do not keep to the grid see two distributions where there is one.
    assert measure(expected, found, None).pmf_distance > 0.01


def test_rounding_alone_moves_nothing_where_each_channel_has_a_grid_of_its_own() -> None:
    factors = np.array([0.07, 1.0, 9.3], np.float32)
    codes = np.random.default_rng(0).uniform(0, 127, (64, 64, 3)).astype(np.float32)
    expected, found = codes * factors, (np.rint(codes / 0.5) * 0.5).astype(np.float32) * factors
    figures = measure(expected, found, GRID, factors)
    assert figures.pmf_distance == 0
    assert figures.clipped == 0
    one_grid_for_all = measure(expected, found, GRID)
    assert one_grid_for_all.pmf_distance > 0.005
    assert one_grid_for_all.clipped > 0.2  # type: ignore[operator]
    # What is no count stays in the unit of the trained network.
    assert figures.mean_difference == pytest.approx(np.abs(found - expected).mean(), rel=1e-5)
    for channel, factor in enumerate(factors):
        alone = measure(expected[..., channel], found[..., channel], GRID.times(float(factor)))
        assert (alone.pmf_distance, alone.clipped) == (0, 0)
        assert alone.range_used == pytest.approx(np.ptp(np.rint(codes[..., channel] * 2)) / 255)


def test_a_channel_is_clipped_at_the_end_of_its_own_grid() -> None:
    factors = np.array([1.0, 0.1], np.float32)
    expected = np.array([[100.0, 12.0], [127.0, 13.0]], np.float32)  # The second channel's grid ends at 12.75.
    found = np.minimum(expected, 127.5 * factors)
    figures = measure(expected, found, GRID, factors)
    assert figures.clipped == 0.25
    assert figures.range_used == pytest.approx(27.5 / 127.5)


def test_what_lies_beyond_the_grid_is_clipped() -> None:
    expected = np.array([-0.3, -0.2, 127.7, 128.0], np.float32)
    figures = measure(expected, np.clip(expected, 0, 127.5), GRID)
    assert figures.clipped == 0.5  # Half a step beyond the ends still rounds to them.
    assert figures.range_used == 1


def test_a_file_in_float_has_no_grid() -> None:
    values = np.arange(4, dtype=np.float32)
    figures = measure(values, values, None)
    assert (figures.range_used, figures.clipped) == (None, None)
    assert (figures.mean_difference, figures.sqnr_db, figures.pmf_distance) == (0, None, 0)


def test_nothing_to_hear_has_no_ratio() -> None:
    nothing = np.zeros(4, np.float32)
    assert measure(nothing, nothing + 1, GRID).sqnr_db is None


@pytest.mark.parametrize("grid", [GRID, None])
@pytest.mark.parametrize("values", [[3.0, 3.0], [0.0, 100.0], [0.0, 0.5, 31.5, 32.0, 127.5]])
def test_every_value_is_in_some_bin(values: list[float], grid: Grid | None) -> None:
    found = pmf(np.array(values), np.array(values), grid)
    assert len(found.edges) == len(found.expected) + 1 <= BINS + 1
    assert sum(found.expected) == sum(found.found) == pytest.approx(1)
    assert found.edges[0] <= min(values) <= max(values) <= found.edges[-1]
    assert np.all(np.diff(found.edges) > 0)


def test_bins_hold_as_many_values_of_the_grid_each() -> None:
    found = pmf(np.array([0.0, 50.0]), np.array([0.0, 50.0]), GRID)  # 101 of the grid's values: two a bin, 51 bins.
    assert found.edges[:3] == (-0.25, 0.75, 1.75)
    assert len(found.expected) == 51


def test_distance_is_the_share_that_moved() -> None:
    everything, moved = np.array([0.0, 0.0, 0.0, 8.0]), np.array([0.0, 0.0, 8.0, 8.0])
    assert pmf(everything, moved, GRID).distance == pytest.approx(0.25)
    assert pmf(everything * 0, everything * 0 + 8, GRID).distance == pytest.approx(1)


def test_a_grid_is_a_tensors_scale_and_zero_point() -> None:
    tensor = SimpleNamespace(quantization=SimpleNamespace(scale=[0.5], zeroPoint=[-128]))
    assert Grid.of(tensor, np.dtype(np.int8)) == GRID
    assert Grid.of(tensor, np.dtype(np.float32)) is None
