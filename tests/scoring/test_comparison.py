from __future__ import annotations

import pytest

from mqn.scoring.comparison import compare
from mqn.scoring.judging.ledger import Line


def lines(values: dict[int, float | None], sources: str = "abcdef") -> dict[int, Line]:
    return {
        index: Line(
            fingerprint="",
            picture_hash=str(index),
            name=str(index),
            source=sources[index],
            condition="",
            height=1,
            width=1,
            figures={"psnr_tm": value},
        )
        for index, value in values.items()
    }


def test_differences_are_paired() -> None:
    difference = compare(lines({0: 1.0, 1: 12.0, 2: 103.0}), lines({0: 0.0, 1: 10.0, 2: 100.0}), ["psnr_tm"])["psnr_tm"]
    assert difference.mean == 2.0
    assert difference.low is not None
    assert difference.high is not None
    assert 1.0 <= difference.low < 2.0 < difference.high <= 3.0
    assert (difference.p, difference.n, difference.sources) == (0.25, 3, 3)


def test_only_pictures_that_both_have_count() -> None:
    first, second = lines({0: 5.0, 1: None, 2: 7.0, 3: 1.0}), lines({0: 4.0, 1: 1.0, 2: 4.0})
    difference = compare(first, second, ["psnr_tm"])["psnr_tm"]
    assert (difference.mean, difference.n) == (2.0, 2)


def test_pictures_of_one_source_are_one_witness() -> None:
    difference = compare(lines({0: 2.0, 1: 2.0}, "aa"), lines({0: 1.0, 1: 1.0}, "aa"), ["psnr_tm"])["psnr_tm"]
    assert (difference.mean, difference.p, difference.sources) == (1.0, 1.0, 1)


def test_nothing_in_common_has_no_figures() -> None:
    difference = compare(lines({0: 2.0}), lines({1: 1.0}), ["psnr_tm"])["psnr_tm"]
    assert (difference.mean, difference.p, difference.n) == (None, None, 0)


def test_identical_methods_do_not_differ() -> None:
    same = lines({0: 1.0, 1: 2.0, 2: 5.0})
    difference = compare(same, same, ["psnr_tm"])["psnr_tm"]
    assert (difference.mean, difference.low, difference.high) == pytest.approx((0.0, 0.0, 0.0))
    assert difference.p == 1.0
