"""Fronts of several studies: one reference point, the same objectives, surfaces over seeds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.records import make_trial

from mqn.errors import UsageError
from mqn.look.palette import INK, SERIES
from mqn.report.figures.overlay_picture import write_overlay_png
from mqn.report.front.overlay import Told, overlay
from mqn.report.front.overlay_charts import overlay_charts
from mqn.report.pages.overlay import draw_overlay, render_overlay
from mqn.search.space.goals import Objective

OBJECTIVES = (Objective(metric="psnr_tm"), Objective(metric="latency_ms"))


def study(name, *points, fixed=None, **changes):
    """A study with a trial at each (dB, ms)."""
    records = [
        make_trial(i, study=name, figures={"psnr_tm": psnr, "latency_ms": latency}, verdicts={"board": "ok"})
        for i, (psnr, latency) in enumerate(points)
    ]
    definition = {"name": "tiny", "fixed": fixed or {}}
    told = Told(name=name, records=records, objectives=OBJECTIVES, definition=definition, devices={"board": "b-1"})
    return replace(told, **changes)


def seeds():
    """Three runs: their surfaces are those of `test_attainment`, with accuracy falling from 10."""
    return [
        study("a", (7, 1), (9, 3), fixed={"training.seed": 1}),
        study("b", (8, 2), fixed={"training.seed": 2}),
        study("c", (9, 1), fixed={"training.seed": 3}),
    ]


def test_hypervolumes_share_one_reference_point():
    found = overlay([study("a", (20, 10)), study("b", (30, 20))])
    # A tenth of the range of all trials behind the worst of them: 1 dB and 1 ms.
    assert found.reference == (19.0, 21.0)
    assert found.volumes == pytest.approx((1 * 11, 11 * 1))
    assert found.unit == "dB x ms"


def test_studies_that_differ_by_their_seeds_alone_have_surfaces():
    found = overlay(seeds())
    assert [(one.name, one.count, one.points) for one in found.surfaces] == [
        ("best", 1, ((9.0, 1.0),)),
        ("median", 2, ((7.0, 1.0), (8.0, 2.0), (9.0, 3.0))),
        ("worst", 3, ((7.0, 2.0), (8.0, 3.0))),
    ]
    assert found.surfaces[1].words == "median: attained by 2 of a, b, c"
    # The reference is 0.2 behind 7 dB and 3 ms. Best: (9 - 6.8) (3.2 - 1); worst: 0.2 (3.2 - 2) + (8 - 6.8 - 0.2) 0.2.
    assert [found.surfaces[0].volume, found.surfaces[2].volume] == pytest.approx([2.2 * 2.2, 0.2 * 1.2 + 1.0 * 0.2])


def test_of_many_studies_the_first_two_are_named():
    many = [replace(seeds()[0], name=f"s{i}") for i in range(10)]
    assert overlay(many).surfaces[2].words == "median: attained by 5 of 10 (s0, s1, ...)"


def test_other_studies_have_surfaces_on_demand():
    one, two, three = seeds()
    other = replace(two, definition={"name": "tiny", "fixed": {"arch.width": 1.0}})
    found = overlay([one, other, three])
    assert {surface.studies for surface in found.surfaces} == {("a", "c")}
    assert {surface.studies for surface in overlay([one, other], together=True).surfaces} == {("a", "b")}
    assert overlay([one, other]).surfaces == ()


def test_objectives_may_stand_in_another_order():
    found = overlay([study("a", (20, 10)), study("b", (30, 20), objectives=OBJECTIVES[::-1])])
    assert [point.values for one in found.fronts for point in one.points] == [(20, 10), (30, 20)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objectives": OBJECTIVES[:1]}, "latency_ms is one of 'a' and none of 'b'"),
        ({"objectives": (*OBJECTIVES, Objective(metric="size_bytes"))}, "size_bytes is one of 'b' and none of 'a'"),
        (
            {"objectives": (Objective(metric="psnr_tm", direction="minimize"), OBJECTIVES[1])},
            "psnr_tm is to maximize in the first and to minimize in the second",
        ),
        ({"simulated": True}, "figures of a simulation and real ones do not mix"),
    ],
)
def test_other_objectives_are_named(changes, words):
    with pytest.raises(UsageError, match=words):
        overlay([study("a", (20, 10)), study("b", (30, 20), **changes)])


def test_what_makes_figures_hard_to_compare_is_said():
    assert overlay([study("a", (20, 10)), study("b", (30, 20))]).notes == ()
    changes = {"data_hash": "other", "devices": {"board": "b-2"}}
    pictures, device = overlay([study("a", (20, 10)), study("b", (30, 20), **changes)]).notes
    assert "different pictures" in pictures
    assert device == "board is another device in each study: their latencies do not compare"


def test_json_has_a_list_a_study_and_the_surfaces():
    plain = overlay(seeds()).plain()
    assert [(one["study"], [entry["trial"] for entry in one["front"]]) for one in plain["studies"]] == [
        ("a", [0, 1]),
        ("b", [0]),
        ("c", [0]),
    ]
    assert plain["attainment"][2]["front"] == [
        {"psnr_tm": 7.0, "latency_ms": 2.0},
        {"psnr_tm": 8.0, "latency_ms": 3.0},
    ]
    assert plain["hypervolume_reference"] == dict(
        zip(("psnr_tm", "latency_ms"), overlay(seeds()).reference, strict=True)
    )


def test_a_chart_has_a_colour_a_study_and_stairs_along_each():
    (chart,) = overlay_charts(overlay(seeds()))
    assert (chart.x, chart.y) == ("latency_ms", "psnr_tm")
    assert [front.color for front in chart.fronts] == list(SERIES[:3])
    assert chart.fronts[0].places == ((1, 7), (3, 9))
    assert chart.fronts[0].stairs == ((1, 7), (3, 7), (3, 9))
    assert [(line.dash, line.color, line.bold) for line in chart.surfaces] == [
        ("dot", INK, False),
        ("solid", INK, True),
        ("dash", INK, False),
    ]
    assert chart.surfaces[2].stairs == ((2, 7), (3, 7), (3, 8))


def test_groups_of_seeds_have_colours_of_their_own():
    wide = [study(f"w{i}", (8, i), fixed={"arch.width": 1.0, "training.seed": i}) for i in (1, 2)]
    found = overlay([*seeds(), *wide])
    (chart,) = overlay_charts(found)
    assert {line.color for line in chart.surfaces} == {SERIES[0], SERIES[3]}


@pytest.mark.slow
def test_page_and_picture_show_every_study(tmp_path):
    found = overlay([replace(one, name=f"<{one.name}>", records=_renamed(one)) for one in seeds()])
    names = [trace.name for trace in draw_overlay(found).data if trace.showlegend]
    assert len(names) == 6
    assert names[0].startswith("&lt;a&gt; (hypervolume ")
    text = render_overlay(found)
    assert "&lt;a&gt;" in text
    assert "<a>" not in text
    write_overlay_png(found, tmp_path / "fronts.png")
    assert (tmp_path / "fronts.png").read_bytes().startswith(b"\x89PNG")


def _renamed(one):
    return [replace(record, study=f"<{one.name}>") for record in one.records]
