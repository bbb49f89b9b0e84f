"""Legends of pictures."""

from __future__ import annotations

from mqn.look.canvas import _columns_that_fit, add_legend, open_figure


def test_a_legend_has_as_many_columns_as_its_width_takes():
    assert _columns_that_fit([10] * 6, 3, 60) == 3
    assert _columns_that_fit([10, 10, 10, 40, 10, 10], 3, 80) == 2
    assert _columns_that_fit([100, 100], 3, 80) == 1
    assert _columns_that_fit([], 3, 80) == 3


def test_a_legend_of_long_words_stays_within_the_picture():
    figure, (axes,) = open_figure("long words")
    for number, text in enumerate(["short", "also short", "a range, " * 9, "brief", "of few", "words"]):
        axes.plot([0, 1], [number, number], label=text)
    add_legend(figure, columns=3)
    figure.canvas.draw()
    (legend,) = figure.legends
    assert legend.get_window_extent().x1 <= figure.bbox.x1
