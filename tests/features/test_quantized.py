from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.errors import PlanError
from mqn.export.quantize.equalization import channel_factors
from mqn.export.quantize.quantization import quantize
from mqn.features.channels import Choice
from mqn.features.quantized import ComparedModel, compare_features
from mqn.features.views import QuantizedView, Shown
from mqn.infer.interpreter import open_interpreter, run
from mqn.records import Plan
from mqn.tflite.cutting import expose
from mqn.tflite.flatbuffer import Network


@pytest.fixture
def shown(pictures: np.ndarray) -> list[Shown]:
    return [Shown(name=f"p{number}", ldr=picture) for number, picture in enumerate(pictures[:2])]


def _compare(
    toy_file: Path,
    files: tuple[Path, ...],
    shown: list[Shown],
    interface: str | None = None,
    choice: Choice | None = None,
) -> QuantizedView:
    model = ComparedModel(name="toy", plan="plan", cut="interface", codec="linear", files=files, float_model=toy_file)
    return compare_features(model, interface, shown, choice or Choice(count=2))


def _true(toy_file: Path, picture: np.ndarray, tensor: str) -> np.ndarray:
    network = expose(Network.read(toy_file), {"seen": tensor})
    return run(open_interpreter(network.to_bytes()), {"ldr": picture[None]})["seen"][0]


@pytest.mark.parametrize("layout", ["fused", "pair"])
def test_features_inside_files_are_those_of_the_float_network_rounded(
    toy_file: Path, pictures: np.ndarray, shown: list[Shown], tmp_path: Path, layout: str
) -> None:
    files = quantize(toy_file, Plan(layout=layout), pictures, tmp_path / "q")  # type: ignore[arg-type]
    view = _compare(toy_file, files, shown)
    figures = view.figures
    assert (figures.dtype, figures.shape) == ("int8", (32, 32, 4))
    assert len(figures.grids) == 4
    assert [found.picture for found in figures.pictures] == ["p0", "p1"]
    maps = view.maps[0]
    whole = _true(toy_file, pictures[0], "backbone/mix")
    for line, channel in enumerate(figures.chosen):
        np.testing.assert_array_equal(maps.expected[line], whole[..., channel])
        assert figures.pictures[0].channels[channel].mean_difference == pytest.approx(
            np.abs(maps.found[line] - maps.expected[line]).mean(), rel=1e-5
        )
        grid = figures.grids[channel]
        steps = (maps.found[line] - grid.low) / grid.step
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    assert 0 < figures.all.mean_difference < 4 * max(grid.step for grid in figures.grids)
    assert figures.all.clipped == 0
    assert 0 < np.abs(maps.light - maps.light_found).max() < 0.05


def test_channels_that_the_file_keeps_divided_have_grids_of_their_own(
    toy_file: Path, pictures: np.ndarray, shown: list[Shown], tmp_path: Path
) -> None:
    (file,) = quantize(toy_file, Plan(), pictures, tmp_path / "q")
    network = Network.read(file)
    factors = channel_factors(network, "backbone/mix")
    step = network.tensors[network.index("backbone/mix")].quantization.scale[0]
    figures = _compare(toy_file, (file,), shown).figures
    assert factors.max() > 1.1 * factors.min()
    np.testing.assert_allclose([grid.step for grid in figures.grids], step * factors, rtol=1e-6)
    for channel, grid in enumerate(figures.grids):
        measured = figures.pictures[0].channels[channel]
        assert measured.largest_difference < 8 * grid.step
        assert measured.range_used is not None
        assert measured.range_used < 1 + 1e-6
    assert figures.all.range_used is not None
    assert 0.3 < figures.all.range_used < 1 + 1e-6


def test_one_file_and_two_have_the_same_features(
    toy_file: Path, pictures: np.ndarray, shown: list[Shown], tmp_path: Path
) -> None:
    views = [
        _compare(toy_file, quantize(toy_file, Plan(layout=layout), pictures, tmp_path / layout), shown)  # type: ignore[arg-type]
        for layout in ("fused", "pair")
    ]
    assert views[0].figures == views[1].figures


@pytest.mark.parametrize("layout", ["fused", "pair"])
def test_a_plan_in_float_changes_no_feature(
    toy_file: Path, pictures: np.ndarray, shown: list[Shown], tmp_path: Path, layout: str
) -> None:
    plan = Plan(backbone="float32", head="float32", layout=layout)  # type: ignore[arg-type]
    figures = _compare(toy_file, quantize(toy_file, plan, pictures, tmp_path / "q"), shown).figures
    assert (figures.dtype, figures.grids) == ("float32", ())
    assert (figures.all.mean_difference, figures.all.sqnr_db, figures.all.range_used) == (0, None, None)


def test_the_most_different_channels_are_not_the_most_active_ones(
    toy_file: Path, pictures: np.ndarray, shown: list[Shown], tmp_path: Path
) -> None:
    files = quantize(toy_file, Plan(backbone="static_wi4_ai8"), pictures, tmp_path / "q")
    every = Choice(count=4)
    view = _compare(toy_file, files, shown, choice=every)
    squares = np.mean([np.square(maps.found - maps.expected).mean(axis=(1, 2)) for maps in view.maps], axis=0)
    assert list(squares) == sorted(squares, reverse=True)
    active = _compare(toy_file, files, shown, choice=Choice(count=4, by="active"))
    spread = np.std([maps.expected for maps in active.maps], axis=(0, 2, 3))
    assert list(spread) == sorted(spread, reverse=True)
    assert view.figures.chosen_by != active.figures.chosen_by


def test_an_interface_may_lie_in_the_head(
    toy_file: Path, pictures: np.ndarray, shown: list[Shown], tmp_path: Path
) -> None:
    files = quantize(toy_file, Plan(layout="pair"), pictures, tmp_path / "q")
    view = _compare(toy_file, files, shown, "head.conv", Choice(channels=(31,)))
    assert (view.figures.dtype, view.figures.shape, view.figures.chosen) == ("float32", (32, 32, 32), (31,))
    np.testing.assert_array_equal(view.maps[1].expected[0], _true(toy_file, pictures[1], "head/conv")[..., 31])


def test_what_cannot_be_compared(toy_file: Path, pictures: np.ndarray, shown: list[Shown], tmp_path: Path) -> None:
    files = quantize(toy_file, Plan(), pictures, tmp_path / "q")
    with pytest.raises(PlanError, match="did you mean 'interface'"):
        _compare(toy_file, files, shown, "interfce")
    other = Network.read(files[0])
    other.tensors[other.index("backbone/mix")].name = "backbone/mixed"
    with pytest.raises(PlanError, match=r"no tensor 'backbone/mix'.*did you mean 'backbone/mixed'"):
        _compare(toy_file, (other.write(tmp_path / "other.tflite"),), shown)
