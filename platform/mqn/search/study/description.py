"""What a study is about, for its page in MLflow: a description in Markdown, and the columns of its table."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from mqn.quantities import quantity
from mqn.search.space.dimensions import Dimension
from mqn.search.study.study import Study
from mqn.text.markdown import escape
from mqn.track.tracker import Tracker

_MOST_VALUES = 8


def track_study(tracker: Tracker, study: Study, resume: str) -> None:
    """Begin a study's experiment and its own run, or take them up again. `resume` is the command that resumes it."""
    goals = zip(study.space.objectives, study.space.directions, strict=True)
    tracker.open_study(
        study.name,
        _params(study),
        {"data_hash": study.about.data_hash, "simulated": study.about.simulated or None},
        about=describe_study(study, resume),
        goals={goal.metric: direction for goal, direction in goals},
        varied=study.space.keys,
    )


def run_tags(study: Study) -> dict[str, str]:
    """The tags of every trial's run."""
    return {"data_hash": study.about.data_hash, "space_hash": study.about.space_hash}


def describe_study(study: Study, resume: str) -> str:
    """Say in Markdown what a study varies, what it optimises, and how to resume it. Text from users is escaped."""
    about, space = study.about, study.space
    goals = [
        f"{direction} {escape(goal.metric)} ({escape(quantity(goal.metric).axis)})"
        for goal, direction in zip(space.objectives, space.directions, strict=True)
    ]
    kept = [escape(text) for bound in space.constraints for text in bound.texts]
    varied = [_values(dimension) for dimension in space.dimensions]
    facts = [
        *(["SIMULATED: nothing was trained or measured, all figures were drawn"] if about.simulated else []),
        f"space {escape(about.space_name)}, sampler {escape(space.sampler)}, seed {about.seed}, profile "
        f"{escape(about.profile)}",
        f"data: {escape(about.data or 'the embedded procedural scenes')}, judged on {space.scoring.inputs} inputs",
        *([f"measured on {escape(', '.join(about.targets))}"] if about.targets else []),
    ]
    commands = [resume, *(shlex.join(["mqn", word, study.name]) for word in ("status", "front", "ui"))]
    parts = [
        f"**{escape(study.name)}**: {escape(space.description or 'a study')}",
        _list("Objectives", goals),
        _list("Constraints", kept),
        _list("Varied", varied),
        _list("Made with", facts),
        "How to go on, and to see more:",
        "\n".join(f"    {' '.join(command.split())}" for command in commands),
    ]
    return "\n\n".join(part for part in parts if part)


def _params(study: Study) -> dict[str, Any]:
    about = study.about
    return {
        "space": about.space_name,
        "sampler": study.space.sampler,
        "profile": about.profile,
        "data": about.data or "embedded scenes",
        "seed": about.seed,
        "targets": ", ".join(about.targets),
        **{f"fixed.{key}": value for key, value in about.space["fixed"].items()},
    }


def _values(dimension: Dimension) -> str:
    values = dimension.values()
    if values is None:
        plain = dimension.plain()
        return f"{escape(dimension.key)}: {escape(', '.join(f'{key} {value}' for key, value in plain.items()))}"
    shown = [escape(str(value)) for value in values[:_MOST_VALUES]]
    more = [f"... ({len(values)} in all)"] if len(values) > _MOST_VALUES else []
    return f"{escape(dimension.key)}: {', '.join([*shown, *more])}"


def _list(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{title}:", "", *(f"- {line}" for line in lines)]) if lines else ""
