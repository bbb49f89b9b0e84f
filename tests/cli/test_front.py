"""What `mqn front` prints of latencies that are not certain."""

from __future__ import annotations

from mqn.cli.front import show_front
from mqn.records import Candidate, TrialRecord
from mqn.report.front import front
from mqn.search.goals import Objective

OBJECTIVES = (Objective(metric="psnr_tm"), Objective(metric="latency_ms"))


def trial(number, psnr, latency, width):
    figures = {"psnr_tm": psnr, "latency_ms": latency}
    if width:
        figures |= {"latency_ms.p50_low": latency - width, "latency_ms.p50_high": latency + width}
    candidate = Candidate().with_values({"arch.width": 0.35})
    return TrialRecord(
        study="s", number=number, state="complete", candidate=candidate, figures=figures, verdicts={"board": "ok"}
    )


def rows(shown):
    return [line.split() for line in shown.splitlines() if line.split() and line.split()[0].isdecimal()]


def test_trials_that_are_not_told_apart_name_each_other(capsys):
    show_front(front([trial(0, 20, 10, 1), trial(1, 21, 11.5, 1), trial(2, 25, 20, 1)], OBJECTIVES))
    shown = capsys.readouterr().out
    assert "latency ≈" in shown
    assert "10 (9 to 11)" in shown
    assert [row[-2:] for row in rows(shown)] == [["#1", "ok"], ["#0", "ok"], ["21)", "ok"]]
    assert "mqn measure MODEL --against MODEL2" in shown


def test_where_all_are_told_apart_or_nothing_is_known_there_is_no_such_column(capsys):
    show_front(front([trial(0, 20, 10, 1), trial(2, 25, 20, 1)], OBJECTIVES))
    show_front(front([trial(0, 20, 10, None), trial(2, 25, 20, None)], OBJECTIVES))
    assert "≈" not in capsys.readouterr().out
