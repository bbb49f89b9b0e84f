from __future__ import annotations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageColor

from mqn.errors import UsageError
from mqn.look.palette import FRONT
from mqn.report.figures.front_picture import write_front_png
from mqn.report.figures.labels import place_labels
from mqn.report.front.front import front
from mqn.search.space.goals import Constraint


@pytest.mark.slow
def test_a_front_is_drawn(trial, objectives, tmp_path):
    records = [trial(0, 20, 10, verdicts={"board": "unsteady"}), trial(1, 22, 15), trial(2, 30, 30)]
    kept = [Constraint(metric="latency_ms", max=21.0), Constraint(metric="size_bytes", max=1.3e6)]
    write_front_png(front(records, objectives, constraints=kept), tmp_path / "front.png")
    with Image.open(tmp_path / "front.png") as picture:
        colors = picture.convert("RGB").getcolors(maxcolors=1 << 20)
        assert picture.width > 1000
    assert any(color == ImageColor.getrgb(FRONT) for _, color in colors)


@pytest.mark.slow
def test_ranges_are_drawn_through_the_front_s_marks(trial, objectives, tmp_path):
    def ranged(number, psnr, latency, width):
        ends = {"latency_ms.p50_low": latency - width, "latency_ms.p50_high": latency + width}
        return trial(number, psnr, latency, figures={"psnr_tm": psnr, "latency_ms": latency, **ends})

    inks = []
    for width in (0.001, 2.0):
        records = [ranged(0, 20, 10, width), ranged(1, 22, 15, width)]
        write_front_png(front(records, objectives), tmp_path / "front.png")
        with Image.open(tmp_path / "front.png") as picture:
            counts = {color: n for n, color in picture.convert("RGB").getcolors(maxcolors=1 << 20)}
        inks.append(sum(n for color, n in counts.items() if max(color) < 100))
    assert inks[1] > inks[0] + 200


@pytest.mark.slow
def test_names_are_drawn_as_they_are(trial, objectives, tmp_path):
    records = [trial(0, 20, 10, label="ca encoder_weights=$x^$ $"), trial(1, 22, 15)]
    write_front_png(front(records, objectives), tmp_path / "front.png")  # As mathematics it could not be read.


@pytest.mark.slow
def test_a_folder_that_is_not_there_is_named(trial, objectives, tmp_path):
    with pytest.raises(UsageError, match=r"none/front\.png"):
        write_front_png(front([trial(0, 20, 10)], objectives), tmp_path / "none" / "front.png")


def test_labels_do_not_cover_one_another_and_shorten_where_it_is_narrow():
    figure = Figure(figsize=(4, 3))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    points = [(5, 5), (5.1, 5), (5, 5.1), (9.9, 9)]
    texts = [(x, y, ("much too long " * 9 if x > 9 else "label", "#1")) for x, y in points]
    placed = place_labels(axes, texts, points, "black")
    assert [label.get_text() for label in placed] == ["label", "label", "label", "#1"]
    boxes = [label.get_window_extent() for label in placed]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
