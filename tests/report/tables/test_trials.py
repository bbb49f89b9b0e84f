from __future__ import annotations

import csv
import io

from mqn.report.tables.trials import to_csv, trial_rows


def test_rows_hold_params_and_metrics_by_their_names_in_mlflow(trial):
    first, second = trial_rows(
        [
            trial(0, 20, 10, {"arch.width": 0.5}, seconds={"train": 2.0}, artifacts={"train": "aa"}),
            trial(1, 0, 0, state="failed", figures={}, verdicts={}, violations={}, error="train: it diverged"),
        ]
    )
    assert list(first) == list(second)
    assert list(first)[:5] == ["study", "trial", "state", "feasible", "label"]
    assert (first["arch.width"], first["psnr_tm"]) == (0.5, 20)
    assert (first["latency_ms"], first["latency_ms.p50/board"], first["latency_ms.p90/board"]) == (10, 10, 11)
    assert (first["violation/latency_ms __ 21"], first["seconds/train"]) == (-11, 2)
    assert (first["verdict.board"], first["artifact.train"], first["error"]) == ("ok", "aa", None)
    assert (first["confirms"], trial_rows([trial(2, 20, 10, confirms=0)])[0]["confirms"]) == (None, 0)
    assert (second["state"], second["error"], second["psnr_tm"]) == ("failed", "train: it diverged", None)


def test_csv_has_a_head_and_leaves_empty_what_a_trial_lacks(trial):
    failed = trial(1, 0, 0, state="failed", figures={}, violations={}, error='a "quoted", word')
    head, first, second = csv.reader(io.StringIO(to_csv(trial_rows([trial(0, 20, 10), failed]))))
    assert (first[head.index("psnr_tm")], second[head.index("psnr_tm")]) == ("20", "")
    assert second[head.index("error")] == 'a "quoted", word'
    assert to_csv([]) == "study,trial\n"
