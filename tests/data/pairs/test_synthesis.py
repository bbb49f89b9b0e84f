"""The four operators that make LDR pictures."""

from __future__ import annotations

import numpy as np
import pytest

from mqn.data.pairs import synthesis
from mqn.data.pairs.synthesis import OPERATORS, make_ldr
from mqn.hdr.scenes import scene


def _drawn(operator: str, hdr: np.ndarray) -> np.ndarray:
    """The first picture that a generator happens to make by an operator."""
    for seed in range(60):
        ldr, name = make_ldr(hdr, np.random.default_rng(seed))
        if name == operator:
            return ldr
    raise AssertionError(f"{operator} was never drawn")


@pytest.mark.slow
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_operator_uses_all_of_the_8_bits_and_keeps_order(operator: str, seed: int) -> None:
    hdr = scene(64, seed)

    ldr = _drawn(operator, hdr)

    assert ldr.dtype == np.float32
    assert ldr.shape == hdr.shape
    assert (ldr.min(), ldr.max()) == (0, 1)
    np.testing.assert_array_equal(np.rint(ldr * 255) / np.float32(255), ldr)
    assert np.corrcoef(ldr.mean(axis=2).ravel(), np.log(hdr.mean(axis=2)).ravel())[0, 1] > 0.5


def test_every_operator_is_drawn_about_as_often() -> None:
    hdr = scene(16, 0)

    names = [make_ldr(hdr, np.random.default_rng(seed))[1] for seed in range(200)]

    assert all(30 <= names.count(operator) <= 70 for operator in OPERATORS)


def test_the_generator_alone_decides() -> None:
    hdr = scene(32, 1)

    for seed in range(8):
        first, second = (make_ldr(hdr, np.random.default_rng(seed)) for _ in range(2))
        assert first[1] == second[1]
        np.testing.assert_array_equal(first[0], second[0])


@pytest.mark.parametrize("scale", [2.0**-60, 2.0**60])
def test_the_scale_of_the_picture_does_not_matter(scale: float) -> None:
    hdr = scene(32, 4)

    for seed in range(8):
        plain, scaled = (make_ldr(hdr * np.float32(s), np.random.default_rng(seed))[0] for s in (1.0, scale))
        np.testing.assert_array_equal(plain, scaled)


@pytest.mark.parametrize("value", [0.0, 0.3, 1e20])
def test_a_picture_of_one_colour_is_exposed_whatever_was_drawn(value: float) -> None:
    flat = np.full((16, 16, 3), value, np.float32)

    for seed in range(12):
        ldr, name = make_ldr(flat, np.random.default_rng(seed))
        assert np.isfinite(ldr).all()
        assert name in OPERATORS
        assert ldr.min() == ldr.max()


def test_one_bright_pixel_in_the_dark_survives_every_operator() -> None:
    spot = np.zeros((32, 32, 3), np.float32)
    spot[7, 9] = 5

    for seed in range(20):
        ldr, _ = make_ldr(spot, np.random.default_rng(seed))
        assert ldr[7, 9].min() == 1
        assert ldr[20, 20].max() < 1


def test_an_operator_that_cannot_is_named_by_what_took_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(picture: np.ndarray, generator: np.random.Generator) -> None:
        return None

    monkeypatch.setattr(
        synthesis, "_OPERATORS", {**synthesis._OPERATORS, **dict.fromkeys(("reinhard", "mantiuk", "drago"), unable)}
    )

    for seed in range(8):
        ldr, name = make_ldr(scene(16, 0), np.random.default_rng(seed))
        assert name == "percentile"
        assert ldr.max() == 1


def test_percentile_exposure_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """0 .. 100 between the percentiles 10 and 90 under gamma 2: 50 becomes sqrt(0.5), 0 and 100 are clipped."""

    class Fixed:
        def __init__(self) -> None:
            self.values = iter([2.0, 10.0, 90.0])

        def integers(self, high: int) -> int:
            return OPERATORS.index("percentile")

        def uniform(self, low: float, high: float) -> float:
            value = next(self.values)
            assert low <= value <= high
            return value

    ramp = np.arange(101, dtype=np.float32).reshape(101, 1, 1).repeat(3, 2)

    ldr, name = make_ldr(ramp, Fixed())  # type: ignore[arg-type]

    assert name == "percentile"
    assert ldr[5, 0, 0] == 0
    assert ldr[95, 0, 0] == 1
    assert ldr[50, 0, 0] == pytest.approx(round(255 * 0.5**0.5) / 255)
