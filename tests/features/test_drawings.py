"""Figures of features, drawn from views made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mqn.errors import UsageError
from mqn.features.captions import figure_rows, number, quantized_note, range_words, shortened
from mqn.features.differences import Grid, measure, pmf
from mqn.features.drawings import draw_attention, draw_quantized
from mqn.features.map_colors import color_limits, difference_limits
from mqn.features.page import write_feature_page
from mqn.features.sheet import write_attention_png, write_quantized_png
from mqn.features.views import (
    AttendedFigures,
    AttendedMaps,
    AttentionFigures,
    AttentionView,
    ChannelActivity,
    PictureFigures,
    QuantizedFigures,
    QuantizedMaps,
    QuantizedView,
)
from mqn.parsing import to_plain

NAME = "a <b> & $x$"
GRID = Grid(step=0.5, low=0.0, high=127.5)


@pytest.fixture(scope="module")
def quantized() -> QuantizedView:
    expected = np.random.default_rng(0).uniform(0, 9, (8, 8, 3)).astype(np.float32)
    found = (np.rint(expected * 2) / 2).astype(np.float32)
    picture = np.linspace(0, 1, 8 * 8 * 3, dtype=np.float32).reshape(8, 8, 3)
    figures = PictureFigures(
        picture="noise",
        all=measure(expected, found, GRID),
        channels=tuple(measure(expected[..., k], found[..., k], GRID) for k in range(3)),
        pmfs=tuple(pmf(expected[..., k], found[..., k], GRID) for k in (2, 0)),
    )
    maps = QuantizedMaps(
        ldr=picture,
        light=picture,
        light_found=picture**2,
        expected=np.stack([expected[..., 2], expected[..., 0]]),
        found=np.stack([found[..., 2], found[..., 0]]),
    )
    return QuantizedView(
        figures=QuantizedFigures(
            model=NAME,
            plan="int8+dynamic",
            interface="interface",
            dtype="int8",
            grids=(GRID,) * 3,
            shape=(8, 8, 3),
            chosen=(2, 0),
            chosen_by="largest mean squared difference",
            all=figures.all,
            pictures=(figures, replace(figures, picture="noise again")),
        ),
        maps=(maps, maps),
    )


@pytest.fixture(scope="module")
def attention() -> AttentionView:
    ramp = np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4)
    gates = {"none": None, "sa": ramp[None] ** 2, "csa": np.stack([ramp**2] * 2), "ca": np.full((2, 1, 1), 0.25)}
    channels = tuple(ChannelActivity(mean=0.0, spread=0.6, largest=1.0, gate=0.25) for _ in range(2))
    models = tuple(
        AttendedFigures(model=NAME, attention=kind, shape=(4, 4, 2), chosen=(1, 0), channels=channels) for kind in gates
    )
    picture = np.full((8, 8, 3), 0.5, np.float32)
    return AttentionView(
        figures=AttentionFigures(
            interface="backbone.decoder.irlb_4",
            picture="grey",
            chosen_by="largest standard deviation",
            models=models,
        ),
        ldr=picture,
        maps=tuple(AttendedMaps(light=picture, features=np.stack([ramp, ramp]), gates=gate) for gate in gates.values()),
    )


@pytest.mark.slow
def test_pictures_grow_with_what_they_show(quantized: QuantizedView, attention: AttentionView, tmp_path: Path) -> None:
    write_quantized_png(quantized, tmp_path / "two.png")
    one = replace(quantized, figures=replace(quantized.figures, pictures=quantized.figures.pictures[:1]))
    write_quantized_png(replace(one, maps=quantized.maps[:1]), tmp_path / "one.png")
    write_attention_png(attention, tmp_path / "four.png")
    two, one_, four = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("two", "one", "four"))
    assert two.shape[1] == one_.shape[1]
    assert two.shape[0] > 1.6 * one_.shape[0]
    assert all(len(np.unique(image)) > 50 for image in (two, one_, four))


def test_a_figure_holds_every_map_and_both_functions(quantized: QuantizedView) -> None:
    drawn = draw_quantized(quantized, 0)
    kinds = [trace.type for trace in drawn.data]
    assert (kinds.count("image"), kinds.count("heatmap"), kinds.count("scatter")) == (3, 1 + 2 * 3, 2 * 2)
    maps = [trace for trace in drawn.data if trace.type == "heatmap"]
    np.testing.assert_array_equal(maps[1].z, quantized.maps[0].expected[0])
    assert (maps[1].zmin, maps[1].zmax) == (maps[2].zmin, maps[2].zmax)  # Float and quantized can be compared by eye.
    np.testing.assert_allclose(maps[3].z, np.abs(quantized.maps[0].found[0] - quantized.maps[0].expected[0]))


def test_gates_are_a_map_or_a_bar_a_channel(attention: AttentionView) -> None:
    kinds = [trace.type for trace in draw_attention(attention).data]
    assert (kinds.count("image"), kinds.count("heatmap"), kinds.count("bar")) == (1 + 4, 4 * 2 + 2, 1)


@pytest.mark.slow
def test_the_page_needs_nothing_else(quantized: QuantizedView, attention: AttentionView, tmp_path: Path) -> None:
    write_feature_page(attention, [quantized], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    head, body = text.split("</script></head>")
    assert "plotly" in head
    assert "src=" not in body.replace('src="data:', "")
    assert "<b> & $x$" not in body
    assert "a &lt;b&gt; &amp; $x$ (int8+dynamic): features at interface, float and quantized: noise again" in body
    assert body.count("<section") == 1 + 2 + 1
    assert body.count('<tr class="best">') == 2 * 2


@pytest.mark.slow
def test_a_file_that_cannot_be_written(quantized: QuantizedView, tmp_path: Path) -> None:
    for write in (write_quantized_png, lambda view, path: write_feature_page(None, [view], path)):
        with pytest.raises(UsageError, match="cannot write"):
            write(quantized, tmp_path)


def test_numbers_go_to_json(quantized: QuantizedView, attention: AttentionView) -> None:
    plain = json.loads(json.dumps(to_plain([quantized.figures, attention.figures]), allow_nan=False))
    assert plain[0]["pictures"][0]["channels"][2]["mean_difference"] == pytest.approx(
        np.abs(quantized.maps[0].found[0] - quantized.maps[0].expected[0]).mean()
    )
    assert plain[1]["models"][3]["channels"][0]["gate"] == 0.25


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1234.5, "1234"), (12.345, "12.3"), (0.012345, "0.0123"), (1.2e-5, "1.2e-05")]
)
def test_three_digits_count(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [([0, 9.472], "0 to 9.47"), ([-1.0, 0.0004], "-1.00 to 0"), ([3, 3], "3.00"), ([1e-6, 3e-6], "1e-06 to 3e-06")],
)
def test_ranges_are_as_fine_as_they_are_wide(values: list[float], text: str) -> None:
    assert range_words(np.array(values)) == text


def test_a_few_pixels_do_not_leave_all_others_dark() -> None:
    values = np.linspace(0, 1, 1000, dtype=np.float32)
    values[0] = 1000
    low, high = color_limits(values)
    assert 0 < low < 0.03
    assert 0.97 < high < 1
    border = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    border[-1] = 50
    assert color_limits(border)[1] < 1.01
    one_of_many = np.zeros(1000, np.float32)
    one_of_many[7] = 5
    assert color_limits(one_of_many) == (0, 5)
    assert color_limits(np.full(4, 3.0), np.full(2, 3.0)) == (3, 4)
    assert color_limits(np.zeros(500), np.ones(500)) == (0, 1)  # Maps that are compared share their limits.


def test_no_difference_is_dark() -> None:
    low, high = difference_limits(np.zeros(4))
    assert low == 0 < high
    assert difference_limits(np.linspace(2, 4, 1001))[0] == 0


def test_names_keep_their_end() -> None:
    assert shortened("short") == "short"
    assert shortened("a/long/path/to/some/picture.exr", 12) == "…picture.exr"


def test_words_say_what_a_file_in_float_lacks(quantized: QuantizedView) -> None:
    values = np.arange(4, dtype=np.float32)
    assert dict(figure_rows(measure(values, values, None))) == {
        "mean |difference|": "0",
        "SQNR": "exact",
        "PMF distance": "0.000",
    }
    assert "kept as int8, 0 to 128 in steps of 0.500; 2 of 3 channels" in quantized_note(quantized.figures)
    assert dict(figure_rows(quantized.figures.all))["range used"] == "7 %"
    divided = replace(quantized.figures, grids=(GRID, GRID.times(0.1), GRID.times(3)))
    assert "kept as int8, each channel in steps of its own, 0.0500 to 1.50; 2 of 3 channels" in quantized_note(divided)
