"""The latency of an untrained file beside that of the trained one."""

from __future__ import annotations

from tests.support.records import make_trial

from mqn.records import TrialRecord
from mqn.report.timing.untrained import agreement_text, latency_pairs


def timed(number: int, before: float, after: float, target: str = "board", **changes: object) -> TrialRecord:
    """Both medians have a range of 0.1 ms to either side."""
    names = ("latency_ms", "latency_ms.p50_low", "latency_ms.p50_high")
    shifts = (0.0, -0.1, 0.1)
    gate = {f"{name}/{target}": before + shift for name, shift in zip(names, shifts, strict=True)}
    figures = {name: after + shift for name, shift in zip(names, shifts, strict=True)}
    return make_trial(number, figures=figures, gate=gate, target=target, **changes)


def test_ranges_that_overlap_agree():
    pairs = latency_pairs([timed(0, 4.0, 4.1), timed(1, 4.0, 5.0)])
    assert [(pair.number, pair.agree, pair.ratio) for pair in pairs] == [(0, True, 1.025), (1, False, 1.25)]


def test_the_largest_ratio_and_who_differs_are_said():
    records = [timed(0, 4.0, 4.1), timed(1, 4.0, 5.0), timed(2, 8.0, 4.0, target="phone")]
    assert agreement_text(latency_pairs(records)) == (
        "latency of untrained and trained files: 1 of 3 trials agree within their ranges; largest ratio 0.500 (#2 on "
        "phone); apart: #2 on phone, #1 on board"
    )
    assert agreement_text(latency_pairs(records[:1])).endswith(
        "1 of 1 trials agree within their ranges; largest ratio 1.025 (#0 on board)"
    )


def test_trials_without_both_ranges_are_not_compared():
    gated = timed(0, 4.0, 4.1, state="gated")
    without = make_trial(1, figures={"latency_ms": 4.0}, gate={"latency_ms/board": 4.0, "size_bytes": 5.0})
    assert latency_pairs([gated, without, make_trial(2, figures={"latency_ms": 4.0})]) == []
    assert agreement_text([]) == ""
