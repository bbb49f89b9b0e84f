"""A trial as flat names and values: what its run in MLflow holds, and the columns of tables of trials."""

from __future__ import annotations

import re
from typing import Any

from mqn.quantities import figures_by_name, tracked_name
from mqn.records import TrialRecord


def flat_name(name: str) -> str:
    """The nearest name that MLflow allows: letters, digits, `_ - . / :` and spaces, and no `..`."""
    allowed = re.sub(r"[^\w\-./: ]", "_", name)
    return "/".join(part for part in allowed.split("/") if part.strip(".")) or "_"


def flat_metrics(record: TrialRecord) -> dict[str, float]:
    """Every number of a trial.

    Names are those of `mqn.quantities`; with a target, the median latency is `latency_ms.p50/<target>`. Wall times are
    `seconds/<stage>`, and how far constraints are broken `violation/<constraint>`. What the gate measured of the
    untrained network is `gate/` and its figure. Figures of measurements that the profile does not accept are not among
    them.
    """
    figures = figures_by_name(record.figures, record.device_figures)
    return {
        **{flat_name(tracked_name(name)): value for name, value in figures.items()},
        **{flat_name(f"gate/{tracked_name(name)}"): value for name, value in record.gate.items()},
        **{flat_name(f"seconds/{stage}"): seconds for stage, seconds in record.seconds.items()},
        **{flat_name(f"violation/{constraint}"): by for constraint, by in record.violations.items()},
    }


def run_metrics(record: TrialRecord) -> dict[str, float]:
    """The numbers of a trial as its run holds them: each once.

    They are those of `flat_metrics`. What a device tells stands under the target's name alone, `latency_ms.p50/board`
    and not `latency_ms` beside it.
    """
    doubled = {flat_name(name) for own in record.device_figures.values() for name in own} - record.figures.keys()
    return {name: value for name, value in flat_metrics(record).items() if name not in doubled}


def flat_params(record: TrialRecord) -> dict[str, Any]:
    """The fields of the trial's candidate, by dotted key."""
    return {flat_name(key): value for key, value in record.candidate.flat().items()}


def flat_tags(record: TrialRecord) -> dict[str, Any]:
    """State, verdicts and artifacts of a trial, the rewrites of each target's file, and which one it confirms."""
    return {
        "trial": record.number,
        "state": record.state,
        "feasible": record.feasible if record.state in ("complete", "gated", "stopped") else None,
        "seed": record.candidate.training.seed,
        "confirms": record.confirms,
        "error": record.error,
        "simulated": record.simulated or None,
        **{flat_name(f"verdict.{target}"): verdict for target, verdict in record.verdicts.items()},
        **{flat_name(f"lowering.{target}"): rewrites for target, rewrites in record.lowering.items()},
        **{flat_name(f"artifact.{stage}"): key for stage, key in record.artifacts.items()},
    }
