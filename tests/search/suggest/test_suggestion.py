"""Suggestions: halves of the validation pictures, which plan beats which, and the space that a search starts from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mqn.errors import DataError, UsageError
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import assemble
from mqn.models import checkpoint
from mqn.parsing import from_mapping, to_plain
from mqn.records import Interval, Plan, SuggestedPlan, Suggestion, Training
from mqn.report.figures.suggestion_picture import letters, write_suggestion_png
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.space_file import load_space
from mqn.search.stages.choose.rank import split_in_halves
from mqn.search.suggest.suggested_space import write_space
from mqn.search.suggest.suggestion import mark_beaten, suggest_plans

TRAINING = Training(lambda_features=0.0, virtual_camera=1.0)
ARCH = MQNArch(width=0.1, encoder_weights="random", input_size=32)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "checkpoint.pt"
    torch.manual_seed(0)
    checkpoint.save(path, ARCH, TRAINING, assemble(ARCH).eval())
    return path


def plan(loss: float, time: float, size: int, *, predicted: float = 0.1, rules: str = "") -> SuggestedPlan:
    interval = Interval(mean=loss, low=loss - 0.05, high=loss + 0.05, n=4)
    return SuggestedPlan(
        plan=Plan(rules=rules), predicted_loss=predicted, measured_loss=interval, time=time, size_bytes=size
    )


def test_no_place_is_in_both_halves():
    by, on = split_in_halves(["b", "a", "c", "a", "d", "b"])
    assert by == (1, 2, 3)
    assert on == (0, 4, 5)


def test_one_place_makes_no_halves():
    with pytest.raises(DataError, match="shows 1 place; a suggestion needs two at least") as caught:
        split_in_halves(["a", "a"])
    assert "\n" not in str(caught.value)


def test_a_plan_is_beaten_only_in_everything():
    fast, beaten, small, same = (
        plan(0.05, 0.4, 100, rules="a=float32"),
        plan(0.06, 0.5, 100),
        plan(0.3, 0.9, 50, rules="b=float32"),
        plan(0.05, 0.4, 100, rules="c=float32"),
    )
    marked = mark_beaten([fast, beaten, small, same])
    assert [one.beaten_by for one in marked] == [None, "int8+dynamic a=float32", None, None]
    found = Suggestion(budget=0.1, psnr_tm_float=20.0, allocated_on=3, checked_on=4, plans=marked)
    assert [one.plan for one in found.kept] == [fast.plan, small.plan, same.plan]


def test_a_plan_that_surely_loses_nothing_is_not_beaten_by_one_that_is_lucky():
    lucky, sure = plan(-0.01, 0.4, 100, rules="a=float32"), plan(0.002, 0.9, 300)
    sure = replace(sure, measured_loss=Interval(mean=0.002, low=-0.001, high=0.005, n=4))
    assert [one.beaten_by for one in mark_beaten([lucky, sure])] == [None, None]


def test_a_prediction_is_held_against_the_spread_of_pictures():
    assert plan(0.1, 0.4, 100, predicted=0.14).as_predicted
    assert not plan(0.1, 0.4, 100, predicted=0.16).as_predicted


@pytest.mark.slow
def test_it_travels_as_json_and_is_drawn(tmp_path: Path):
    plans = mark_beaten([plan(0.05, 0.4, 100), plan(0.06, 0.5, 100, rules="a=float32"), plan(-0.01, 0.9, 300)])
    found = Suggestion(budget=0.1, psnr_tm_float=20.0, allocated_on=3, checked_on=4, plans=plans)
    assert from_mapping(Suggestion, to_plain(found), source="test") == found
    assert list(letters(found.plans)) == ["A", "B", "C"]
    write_suggestion_png(found, tmp_path / "s.png")
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_space_starts_at_the_plans_and_varies_what_lies_between(trained: Path, tmp_path: Path):
    plans = [
        Plan(),
        Plan(rules="decoder.irlb_8=float32; encoder.conv1=float32; encoder.block_1=float32"),
        Plan(backbone="dynamic_wi8_afp32"),
    ]
    write_space(tmp_path / "space.toml", plans, trained, TRAINING)
    space = load_space(str(tmp_path / "space.toml"))
    assert [space.candidate(point).plan for point in space.start] == plans
    assert {space.candidate(point).arch for point in space.start} == {ARCH}
    assert space.trained is not None
    assert space.scoring.inputs == "virtual"
    assert [objective.metric for objective in space.objectives] == ["psnr_tm", "latency_ms", "size_bytes"]
    choices = {dimension.key: dimension.choices for dimension in space.dimensions}
    assert choices["plan.rules"] == (
        "",
        "decoder.irlb_8=float32; encoder.conv1=float32",
        "decoder.irlb_8=float32; encoder.conv1=float32; encoder.block_1=float32",
    )
    # A plan that fixes no ranges leaves calibration as it is.
    assert "plan.calibration" not in space.start[2]
    assert [path.name for path in tmp_path.iterdir()] == ["space.toml"]


def test_a_start_is_calibrated_as_it_was_checked_wherever_it_fixes_ranges(trained: Path, tmp_path: Path):
    plans = [
        Plan(calibration="mse"),
        Plan(calibration="mse", backbone="float32", head="static_wi8_ai8"),
        Plan(calibration="mse", backbone="dynamic_wi8_afp32", rules="encoder.conv1=static_wi8_ai8"),
    ]
    write_space(tmp_path / "space.toml", plans, trained, TRAINING)
    space = load_space(str(tmp_path / "space.toml"))
    assert [space.candidate(point).plan for point in space.start] == plans


def test_a_single_plan_makes_a_space_too(trained: Path, tmp_path: Path):
    only = Plan(calibration="mse", layout="pair", calibration_pictures=9)
    write_space(tmp_path / "space.toml", [only], trained, TRAINING)
    space = load_space(str(tmp_path / "space.toml"))
    assert [space.candidate(point).plan for point in space.start] == [only]


@pytest.mark.parametrize(
    ("base", "budget", "message"),
    [
        (Plan(), 0.0, r"--budget 0 must be above 0"),
        (Plan(method="qat"), 0.1, r"int8\+dynamic qat: suggestions are made of plain quantization"),
    ],
)
def test_what_cannot_be_suggested(trained: Path, tmp_path: Path, base: Plan, budget: float, message: str):
    data = SimpleNamespace(sources=lambda split: ["a", "b"])
    with pytest.raises(UsageError, match=message):
        suggest_plans(trained, base, data, budget, ArtifactStore(tmp_path), progress=lambda *_: None)
