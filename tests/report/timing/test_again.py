from __future__ import annotations

import pytest

from mqn.report.timing.again import judge_again


def again(recorded, now, spread=0.02, verdicts=("ok", "ok"), width=0.5):
    def timed(value):
        return {"latency_ms": value, "latency_ms.p50_low": value - width, "latency_ms.p50_high": value + width}

    return judge_again(
        target="kind:phone",
        device=("pixel", "id1", "Pixel 8"),
        recorded=(verdicts[0], timed(recorded)),
        again=(verdicts[1], timed(now)),
        spread=spread,
    )


@pytest.mark.parametrize(
    ("now", "spread", "outcome"),
    [
        (50.0, 0.02, "repeats"),
        # 49.5 to 50.5 on record, 48.51 to 51.51 with 2 %; the new range reaches half a millisecond to either side.
        (52.0, 0.02, "repeats"),
        (52.1, 0.02, "differs"),
        (48.1, 0.02, "repeats"),
        (47.9, 0.02, "differs"),
        (55.9, None, "repeats"),  # 10 % where nobody benched it
        (56.2, None, "differs"),
    ],
)
def test_a_latency_repeats_within_its_range_and_what_the_device_differs_by(now, spread, outcome):
    assert again(50.0, now, spread).outcome == outcome


@pytest.mark.parametrize("verdicts", [("contended", "ok"), ("ok", "unsteady")])
def test_a_disturbed_measurement_tells_nothing(verdicts):
    assert again(50.0, 90.0, verdicts=verdicts).outcome == "disturbed"


def test_without_ranges_the_values_are_compared():
    found = judge_again(
        target="board",
        device=("board", "b", "B"),
        recorded=("ok", {"latency_ms": 50.0}),
        again=("ok", {"latency_ms": 51.1}),
        spread=0.02,
    )
    assert (found.outcome, found.text) == ("differs", "50 ms on record, 51.1 ms now")


def test_both_figures_and_what_is_allowed_are_said():
    assert again(50.0, 52.0).text == "50 ms (49.5 to 50.5) on record, 52 ms (51.5 to 52.5) now"
    said = again(50.0, 52.0).reason
    assert said == "48.51 to 51.51 ms are allowed: its range on record, and the device repeats within 2 %"
    assert again(50.0, 52.0, None).reason.endswith("10 % for a device that was not benched")


def test_a_line_says_whether_it_repeats():
    said = again(50.0, 52.0).line
    assert said.startswith("measured again on kind:phone (Pixel 8): 50 ms (49.5 to 50.5) on record, 52 ms")
    assert "; it repeats (48.51 to 51.51 ms are allowed: its range on record, and the device" in said
    said = again(50.0, 52.0, verdicts=("contended", "ok")).line
    assert said.endswith("not known, for the device was disturbed (contended on record, ok now)")
