"""Procedural scenes: finite, positive, of several decades, the same for the same seed."""

import numpy as np
import pytest

from mqn.hdr.scenes import KINDS, kind, scene

SIDE = 48


@pytest.mark.parametrize("seed", range(len(KINDS)))
def test_a_scene_is_a_positive_finite_picture_of_several_decades(seed: int) -> None:
    picture = scene(SIDE, seed)

    assert picture.shape == (SIDE, SIDE, 3)
    assert picture.dtype == np.float32
    assert np.isfinite(picture).all()
    assert picture.min() > 0
    low, high = np.percentile(picture, [0.1, 99.9])
    assert 2 < np.log10(high / low) < 7


def test_a_seed_draws_the_same_scene_again() -> None:
    np.testing.assert_array_equal(scene(SIDE, 3), scene(SIDE, 3))


def test_seeds_of_one_kind_compose_it_differently() -> None:
    first, second = scene(SIDE, 1), scene(SIDE, 1 + len(KINDS))

    assert kind(1) == kind(1 + len(KINDS)) == "room"
    correlation = np.corrcoef(np.log(first).ravel(), np.log(second).ravel())[0, 1]
    assert correlation < 0.95


def test_a_scene_is_the_same_place_at_another_size() -> None:
    small = scene(32, 2)
    large = scene(64, 2).reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))

    correlation = np.corrcoef(np.log(small).ravel(), np.log(large).ravel())[0, 1]
    assert correlation > 0.8


def test_seeds_in_a_row_go_through_all_kinds() -> None:
    assert {kind(seed) for seed in range(len(KINDS))} == set(KINDS)


@pytest.mark.parametrize(("size", "seed"), [(0, 0), (8, -1)])
def test_sizes_and_seeds_out_of_range_are_refused(size: int, seed: int) -> None:
    with pytest.raises(ValueError, match=f"size {size} .* seed {seed}"):
        scene(size, seed)
