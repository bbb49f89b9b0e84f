from __future__ import annotations

from mqn.scoring.judging.ledger import Line
from mqn.scoring.summary import Figure, fixed_pictures, rank, summarize


def line(index: int, condition: str, psnr: float, error: float | None) -> Line:
    return Line(
        fingerprint="m",
        picture_hash=f"hash {index}",
        name=f"p{index}",
        source=f"s{index}",
        condition=condition,
        height=8,
        width=index + 1,
        figures={"psnr_tm": psnr, "clipped_error": error},
    )


LINES = [line(0, "over", 10.0, 0.5), line(1, "over", 20.0, None), line(2, "under", 30.0, None)]
METRICS = ("psnr_tm", "clipped_error")


def test_means_leave_out_what_does_not_apply_and_say_so() -> None:
    summary = summarize(LINES, METRICS)
    assert (summary.pictures, summary.sources) == (3, 3)
    assert (summary.scores["psnr_tm"].mean, summary.scores["psnr_tm"].n) == (20.0, 3)
    assert summary.scores["clipped_error"] == Figure(mean=0.5, low=0.5, high=0.5, n=1)


def test_conditions_stand_apart() -> None:
    conditions = summarize(LINES, METRICS).conditions
    assert list(conditions) == ["over", "under"]
    assert conditions["over"].scores["psnr_tm"].mean == 15.0
    assert conditions["under"].scores["clipped_error"] == Figure(mean=None, low=None, high=None, n=0)
    assert conditions["under"].conditions == {}


def test_a_single_condition_is_not_repeated() -> None:
    assert summarize(LINES[:2], METRICS).conditions == {}


def test_the_best_comes_first_whichever_way_is_better() -> None:
    summaries = {
        "blurred": summarize([line(0, "", 10.0, 0.1)], METRICS),
        "sharp": summarize([line(0, "", 20.0, 0.2)], METRICS),
        "unclipped": summarize([line(0, "", 15.0, None)], METRICS),
    }
    assert rank(summaries, "psnr_tm") == ["sharp", "unclipped", "blurred"]
    assert rank(summaries, "clipped_error") == ["blurred", "sharp", "unclipped"]


def test_pictures_are_fixed_by_their_hashes_in_order() -> None:
    by_index = dict(enumerate(LINES))
    fixed = fixed_pictures(by_index)
    assert fixed["sizes"] == [[8, 1], [8, 2], [8, 3]]
    assert fixed == fixed_pictures(dict(reversed(by_index.items())))
    assert fixed["pictures_sha256"] != fixed_pictures({0: LINES[0]})["pictures_sha256"]
