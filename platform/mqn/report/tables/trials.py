"""A study's trials as a table: one row a trial, one column a name, the names those of MLflow."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from mqn.records import TrialRecord
from mqn.track.flat import flat_metrics, flat_params, flat_tags

_FIRST = ("trial", "state", "feasible")


def trial_rows(records: Iterable[TrialRecord]) -> list[dict[str, Any]]:
    """Write trials as rows.

    Returns:
        One mapping a trial, all with the same keys in the same order: `study`, `trial`, `state`, `label`, then the
        candidate's fields (`arch.family`, ...), the figures (`psnr_tm`, `latency_ms.p50/board`, ...), wall times
        (`seconds/train`, ...), broken constraints (`violation/...`), verdicts, rewrites
        (`lowering.board`) and artifacts. None: the trial has no such value.
    """
    rows = [
        {
            "study": record.study,
            **dict.fromkeys(_FIRST),  # Their place; the values follow.
            "label": record.label,
            **flat_params(record),
            **flat_metrics(record),
            **{name: value for name, value in flat_tags(record).items() if name != "seed"},  # A param too.
            "waits": record.waits,
        }
        for record in records
    ]
    columns = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in columns} for row in rows]


def to_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Write rows as CSV with a head; empty where a trial has no such value."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["study", "trial"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
