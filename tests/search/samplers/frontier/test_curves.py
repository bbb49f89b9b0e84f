from __future__ import annotations

import pytest

from mqn.search.samplers.frontier.curves import outlook

FINISHED = [([base, base + 2.0, base + 3.0], base + 3.0) for base in (10.0, 11.0, 12.0, 13.0, 14.0)]


def test_a_curve_goes_on_as_those_of_others_did():
    ahead = outlook([11.5], FINISHED)
    assert ahead is not None
    assert ahead.mean == pytest.approx(14.5)
    assert ahead.variance == pytest.approx(0.0, abs=1e-9)


def test_what_others_differed_in_is_the_variance():
    noisy = [(curve, final + (-1) ** i) for i, (curve, final) in enumerate(FINISHED)]
    early = outlook([12.0], noisy)
    far = outlook([30.0], noisy)
    assert early is not None
    assert far is not None
    assert 0.8 < early.variance < 3.0
    assert far.variance > 5 * early.variance


def test_nothing_is_said_without_a_curve_or_without_others_that_went_as_far():
    assert outlook([], FINISHED) is None
    assert outlook([11.0], FINISHED[:3]) is None
    assert outlook([1.0, 2.0, 3.0, 4.0], FINISHED) is None
