from __future__ import annotations

from tests.support.records import make_trial

from mqn.report.pages.failures import group_failures, list_failures


def test_errors_of_one_cause_are_one_group_whatever_their_numbers_and_paths() -> None:
    records = [
        make_trial(0, state="failed", error="train: the loss is not finite at epoch 3"),
        make_trial(1),
        make_trial(2, state="held", waits="measure/board: nobody answers"),
        make_trial(4, state="failed", error="train: the loss is not finite at epoch 12", unfinished={"train": "ab"}),
        make_trial(5, state="failed", error="convert: cannot read /a/b-1/x.pt"),
        make_trial(7, state="failed", error="convert: cannot read /c/d/y.pt"),
        make_trial(8, state="failed", error="train: the loss is not finite at epoch 1.5"),
    ]
    causes = group_failures(records)
    assert [(cause.trials, cause.step) for cause in causes] == [((0, 4, 8), ""), ((5, 7), ""), ((2,), "")]
    assert causes[0].error == "train: the loss is not finite at epoch 1.5"
    assert causes[0].command == "mqn logs s 8"
    told, table = list_failures(records)
    assert told.text == "5 of 7 trials failed, 1 wait; 3 causes"
    assert [row.cells[0].text for row in table.rows] == ["3", "2", "1"]


def test_a_study_without_failures_says_so() -> None:
    (told,) = list_failures([make_trial(0)])
    assert told.text == "No trial failed, and none waits."
