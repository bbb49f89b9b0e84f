"""Fields say what they may be: numbers in a range, files of weights."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mqn.families.contract import Arch
from mqn.families.fields import answering, left_codecs, ranged, weight_fields, weights_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Some(Arch):
    channels: int = ranged(8, 2, 16, even=True)
    count: int = ranged(1, 1, 4)
    width: float = ranged(1.0, 0, 2)
    outputs: int = answering(3, {1: ("gain",), 2: ("log", "gain")})
    weights: str = weights_file()
    encoder_weights: str = weights_file("imagenet")


@pytest.mark.parametrize(
    ("name", "value"), [("channels", 2), ("channels", 16), ("count", 4), ("width", 2), ("width", 1e-9)]
)
def test_what_is_in_its_range(name: str, value: float) -> None:
    assert getattr(Some(**{name: value}), name) == value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"channels": 0}, "channels 0 must be even, and 2 to 16"),
        ({"channels": 3}, "channels 3 must be even, and 2 to 16"),
        ({"count": 5}, "count 5 must be 1 to 4"),
        ({"width": 0.0}, r"width 0.0 must be in \(0, 2\]"),
        ({"width": float("nan")}, r"width nan must be in \(0, 2\]"),
        ({"input_size": 0}, "input_size 0 must be"),
    ],
)
def test_what_is_not(values: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}"):
        Some(**values)  # type: ignore[arg-type]


def test_fields_of_weights_are_known_and_have_their_defaults() -> None:
    assert weight_fields(Some) == ("weights", "encoder_weights")
    assert (Some().weights, Some().encoder_weights) == ("random", "imagenet")


def test_values_of_a_field_leave_some_codecs_or_all() -> None:
    assert left_codecs(Some()) == {}
    assert left_codecs(Some(outputs=1)) == {"outputs": ("gain",)}
    assert left_codecs(Some(outputs=2)) == {"outputs": ("log", "gain")}
