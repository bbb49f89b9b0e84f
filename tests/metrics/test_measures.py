from __future__ import annotations

import math

import numpy as np
import pytest

from mqn.errors import UnknownNameError
from mqn.metrics.measures import ALIGNMENTS, DEFAULT, MEASURES, Pair, measure_all, split_name
from mqn.quantities import QUANTITIES


@pytest.fixture
def pair() -> Pair:
    truth = np.random.default_rng(0).random((16, 16, 3)).astype(np.float32) ** 4
    return Pair(test=truth / 2, reference=truth)


def test_every_measure_is_a_quantity_with_its_derived_figures() -> None:
    for base in MEASURES:
        for suffix in ALIGNMENTS:
            for derived in ("", "_float", "_drop", "_baseline"):
                assert base + suffix + derived in QUANTITIES


def test_names_come_apart() -> None:
    assert split_name("pu21_psnr") == ("pu21_psnr", "")
    assert split_name("pu21_psnr_gain") == ("pu21_psnr", "_gain")


@pytest.mark.parametrize("name", ["pu21-psnr", "pu21_psnr_gamma", "_gain", ""])
def test_an_unknown_measure_names_the_nearest(name: str) -> None:
    with pytest.raises(UnknownNameError, match="no metric"):
        split_name(name)


def test_all_default_measures_come_in_the_order_asked_for(pair: Pair) -> None:
    figures = measure_all(pair, DEFAULT[::-1])
    assert tuple(figures) == DEFAULT[::-1]
    assert all(math.isfinite(figure) for figure in figures.values())
