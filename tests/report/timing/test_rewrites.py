from __future__ import annotations

from tests.support.records import make_trial

from mqn.report.timing.rewrites import count_rewrites, file_text, rewrites_text

TRIALS = [
    make_trial(0, lowering={"board": "norms", "phone": "none"}),
    make_trial(1, lowering={"board": "norms", "phone": "phases,norms"}),
    make_trial(2),
]


def test_rewrites_are_counted_by_device():
    counts = count_rewrites(TRIALS)
    assert counts == {"board": {"norms": 2}, "phone": {"none": 1, "phases,norms": 1}}
    assert [rewrites_text(*one) for one in counts.items()] == [
        "files tuned on board: norms in 2 trials",
        "files tuned on phone: none in 1 trial; phases,norms in 1",
    ]
    assert count_rewrites(TRIALS[2:]) == {}


def test_a_file_says_whose_it_is_and_whose_was_scored():
    first = file_text(TRIALS[0], None)
    assert first == file_text(TRIALS[0], "board")
    assert first.startswith(
        "The study tuned the graph before the training. This is the file of `board`: rewrites `norms`."
    )
    assert "own (`mqn select --device`): `phone` runs `none`." in first
    assert "scored on" not in first
    assert "Accuracy was scored on the file of `board`." in file_text(TRIALS[0], "phone")
    shared = file_text(make_trial(3, lowering={"board": "norms", "phone": "norms"}), "phone")
    assert shared.endswith("This is the file of `board` and `phone`: rewrites `norms`.")
    assert file_text(TRIALS[2], None) == ""
