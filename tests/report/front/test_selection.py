from __future__ import annotations

import pytest

from mqn.errors import NothingSatisfiesError, UnknownNameError
from mqn.report.front.selection import select


def test_the_best_within_limits_is_picked(trial):
    records = [trial(0, 20, 10), trial(1, 25, 18), trial(2, 23, 12), trial(3, 40, 2, state="failed")]
    assert select(records, "psnr_tm").number == 1
    assert select(records, "psnr_tm", {"latency_ms": 15}).number == 2
    assert select(records, "latency_ms", None, {"psnr_tm": 21}).number == 2
    assert select(records, "latency_ms").number == 0


def test_of_equal_trials_the_first_is_picked(trial):
    assert select([trial(1, 20, 5), trial(0, 20, 10)], "psnr_tm").number == 0


def test_trials_that_break_the_studys_constraints_do_not_count(trial):
    assert select([trial(0, 20, 10), trial(1, 30, 30)], "psnr_tm").number == 0
    with pytest.raises(NothingSatisfiesError, match="misses it by 9"):
        select([trial(1, 30, 30)], "psnr_tm")


def test_the_nearest_miss_is_named(trial):
    records = [trial(0, 20, 10), trial(1, 25, 18)]
    with pytest.raises(NothingSatisfiesError, match=r"keeps latency_ms <= 8; #0 .* misses .* by 2 \(it has 10\)"):
        select(records, "psnr_tm", {"latency_ms": 8})
    with pytest.raises(NothingSatisfiesError, match=r"<= 12 and psnr_tm >= 24; #0 .* misses psnr_tm >= 24 by 4"):
        select(records, "psnr_tm", {"latency_ms": 12}, {"psnr_tm": 24})


def test_unknown_figures_are_refused_and_absent_ones_told(trial):
    with pytest.raises(UnknownNameError, match="did you mean 'psnr_tm'"):
        select([trial(0, 20, 10)], "psnr_t")
    with pytest.raises(UnknownNameError, match="latency"):
        select([trial(0, 20, 10)], "psnr_tm", {"latency": 1})
    with pytest.raises(NothingSatisfiesError, match="none of 1 complete trials has pu21_psnr"):
        select([trial(0, 20, 10)], "pu21_psnr")


def test_limits_on_another_device(trial):
    phone = {"board": {"latency_ms": 10.0}, "phone": {"latency_ms": 30.0}}
    records = [trial(0, 20, 10), trial(1, 25, 18, device_figures=phone)]
    assert select(records, "psnr_tm", {"latency_ms": 35}, device="phone").number == 1
    with pytest.raises(NothingSatisfiesError, match="on device 'tablet'"):
        select(records, "psnr_tm", {"latency_ms": 35}, device="tablet")


def test_a_target_s_figures_go_by_both_their_names(trial):
    records = [trial(0, 20, 10), trial(1, 25, 18)]
    assert select(records, "latency_ms.p50/board").number == 0
    assert select(records, "psnr_tm", {"latency_ms.p50/board": 12}).number == 0
    assert select(records, "psnr_tm", {"latency_ms/board": 20}).number == 1
    with pytest.raises(NothingSatisfiesError, match="none of 2 complete trials has latency_ms/phone"):
        select(records, "latency_ms.p50/phone")
