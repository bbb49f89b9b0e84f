from __future__ import annotations

import numpy as np
import pytest

from mqn.hdr.transfer import pq_decode, pq_encode, srgb_decode, srgb_encode


def test_srgb_meets_the_standards_figures() -> None:
    # 0.5 -> 1.055 * 0.5^(1/2.4) - 0.055; the linear part is 12.92 x.
    assert srgb_encode(np.array([0.0, 0.001, 0.5, 1.0])) == pytest.approx([0.0, 0.01292, 0.7353570, 1.0], abs=1e-6)


def test_srgb_counts_what_is_below_black_as_black() -> None:
    assert srgb_encode(np.array([-1.0])) == [0.0]
    assert srgb_decode(np.array([-1.0])) == [0.0]


def test_srgb_decoding_undoes_encoding() -> None:
    light = np.linspace(0, 2, 101)
    assert srgb_decode(srgb_encode(light)) == pytest.approx(light, abs=1e-12)


@pytest.mark.parametrize(
    ("nits", "code"), [(0.0, 0.0), (0.1, 0.0623), (100.0, 0.5081), (1000.0, 0.7518), (10000.0, 1.0)]
)
def test_pq_meets_the_published_codes(nits: float, code: float) -> None:
    assert float(pq_encode(np.array(nits))) == pytest.approx(code, abs=1e-4)


def test_half_the_pq_range_is_92_nits() -> None:
    assert float(pq_decode(np.array(0.5))) == pytest.approx(92.246, abs=0.01)


def test_pq_decoding_undoes_encoding() -> None:
    nits = np.array([0.001, 0.1, 1.0, 100.0, 9999.0])
    assert pq_decode(pq_encode(nits)) == pytest.approx(nits, rel=1e-9)


def test_pq_clips_beyond_its_range() -> None:
    assert pq_encode(np.array([-1.0, 20000.0])) == pytest.approx(pq_encode(np.array([0.0, 10000.0])))
    assert pq_decode(np.array([-0.5, 1.5])) == pytest.approx([0.0, 10000.0])


@pytest.mark.parametrize("function", [srgb_encode, srgb_decode, pq_encode, pq_decode])
def test_single_precision_stays_single_precision(function) -> None:
    assert function(np.float32([0.25])).dtype == np.float32
