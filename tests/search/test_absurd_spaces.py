"""Spaces that nobody could search: refused before anything of them is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mqn.errors import ConfigError
from mqn.search.space.combinations import MOST_POINTS
from mqn.search.space.space_file import parse_space

SMALL: dict[str, Any] = {
    "name": "s",
    "objectives": [{"metric": "psnr_tm"}],
    "fixed": {"arch.encoder_weights": "random"},
}


def space(**tables: Any) -> Any:
    return parse_space({**SMALL, **tables}, source="s.toml")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"trials": 10**21}, "trials must be a whole number of at most 64 bits"),
        ({"trials": 10**9}, "trials 1000000000 must be at least 1 and at most"),
        ({"trials": -1}, "trials -1 must be at least 1"),
        ({"sampler": "grid", "dimensions": {"training.seed": {"low": 0, "high": 10**9}}}, "more than 10000 points"),
        (
            {
                "sampler": "grid",
                "dimensions": {
                    key: {"low": 1, "high": 1000} for key in ("training.seed", "training.epochs", "training.batch_size")
                },
            },
            "more than 10000 points",
        ),
        ({"dimensions": {"training.seed": {"choices": list(range(2000))}}}, "lists 2000 values; at most 1000"),
        ({"dimensions": {"training.seed": {"low": 0, "high": 1e300}}}, "too large for a whole number"),
        ({"dimensions": {"arch.width": {"low": 0.5, "high": 1.5, "step": 1e-6}}}, "makes 1000000 values"),
        ({"dimensions": {"training.learning_rate": {"low": float("nan"), "high": 1.0}}}, "must be a finite number"),
        ({"dimensions": {"training.seed": {"low": -5, "high": 5}}}, "seed -5 must be 0 to"),
        ({"sampler": "grid", "points": [{"training.seed": i} for i in range(MOST_POINTS + 1)]}, "points lists 10001"),
        ({"fixed": {"arch.input_size": 10**9}}, "input_size 1000000000 must be a multiple of 32, at most"),
        ({"fixed": {"arch.head_channels": 10**9}}, "head_channels 1000000000 must be even, and 2 to"),
        ({"fixed": {"training.epochs": 10**12}}, "epochs must be at most"),
        ({"fixed": {"training.seed": -1}}, "seed -1 must be 0 to"),
        ({"fixed": {"training.learning_rate": float("inf")}}, "must be a finite number"),
    ],
)
def test_absurd_spaces_are_one_line(tables: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as told:
        space(**tables)
    assert len(str(told.value)) < 400


@pytest.mark.slow
def test_expansion_is_counted_too() -> None:
    wide = {"plan.calibration_pictures": {"low": 1, "high": 1_000_000}, "arch.width": {"choices": [0.35, 0.5]}}
    with pytest.raises(ConfigError, match="more than 10000 points"):
        space(dimensions=wide, expansion={"dimensions": ["plan.calibration_pictures"]})


def test_a_wide_range_is_searched_without_a_list_of_it() -> None:
    dimension = space(dimensions={"training.seed": {"low": 0, "high": 4_000_000_000}}).dimensions[0]
    assert dimension.allows(3_999_999_999)
    assert not dimension.allows(0.5)
    assert not dimension.allows(4_000_000_001)
    assert not dimension.allows("1")


def test_a_url_of_weights_stays_as_it_is_and_a_path_becomes_absolute() -> None:
    for given, kept in (("s3://b/w.npz", "s3://b/w.npz"), ("w.npz", str(Path("w.npz").absolute()))):
        assert space().with_overrides({"arch.encoder_weights": given}).base.arch.encoder_weights == kept
