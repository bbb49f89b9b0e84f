"""What `mqn front` prints of latencies that are not certain."""

from __future__ import annotations

from dataclasses import replace

from tests.support.records import make_trial

from mqn.cli.study.front import show_front
from mqn.records import Candidate
from mqn.report.front.front import front
from mqn.search.space.goals import Constraint, Objective

OBJECTIVES = (Objective(metric="psnr_tm"), Objective(metric="latency_ms"))


def trial(number, psnr, latency, width):
    figures = {"psnr_tm": psnr, "latency_ms": latency}
    if width:
        figures |= {"latency_ms.p50_low": latency - width, "latency_ms.p50_high": latency + width}
    candidate = Candidate().with_values({"arch.width": 0.35})
    return make_trial(number, candidate=candidate, figures=figures, verdicts={"board": "ok"})


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


def test_constraints_have_their_columns_and_sizes_are_written_out(capsys):
    bound = Constraint(metric="size_bytes", max=1.2e6)

    def sized(number, size):
        one = trial(number, 20 + number, 10 + number, 1)
        figures = {**one.figures, "size_bytes": size}
        return replace(one, figures=figures, violations=bound.violations(figures))

    show_front(front([sized(0, 1_100_000.0), sized(1, 1_225_000.0)], OBJECTIVES, constraints=[bound]))
    shown = capsys.readouterr().out
    assert "File size (bytes)" in shown
    assert "1,100,000" in shown
    assert "constraints: size_bytes <= 1,200,000 (1 of 2 complete trials break one)" in shown
    assert "e+06" not in shown


def test_trials_that_wait_have_a_table_of_their_own(capsys):
    waits = replace(
        trial(1, 25, 3, None), state="held", figures={"psnr_tm": 25.0},
        unaccepted={"board": {"latency_ms": 3.0}}, verdicts={"board": "contended"},
    )  # fmt: skip
    show_front(front([trial(0, 20, 10, 1), waits], OBJECTIVES))
    shown = capsys.readouterr().out
    assert "front of 1 out of 1 complete trials, 1 waits for a steady device" in shown
    assert [row[0] for row in rows(shown)] == ["0", "1"]
    assert shown.index("waiting for a steady device") < shown.index("contended")
