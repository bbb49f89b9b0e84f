"""What a study is about, for people who meet it in MLflow: Markdown for its experiment, and the columns that matter."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from mqn.markdown import escape
from mqn.quantities import quantity
from mqn.search.dimensions import Dimension
from mqn.search.study import Study

_MOST_VALUES = 8


def describe_study(study: Study, resume: str) -> str:
    """Say what a study varies, what it is after, and how to go on.

    Args:
        study: the study.
        resume: the command that goes on with it.

    Returns:
        Markdown; whatever users or files named stands in it as it is.
    """
    about, space = study.about, study.space
    goals = [
        f"{direction} {escape(goal.metric)} ({escape(quantity(goal.metric).axis)})"
        for goal, direction in zip(space.objectives, space.directions, strict=True)
    ]
    kept = [escape(text) for bound in space.constraints for text in bound.texts]
    varied = [_values(dimension) for dimension in space.dimensions]
    facts = [
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


def varied_keys(study: Study) -> list[str]:
    """The keys that a study varies, in the space's order."""
    keys = [dimension.key for dimension in study.space.dimensions]
    keys += [key for point in study.space.points for key in point]
    return list(dict.fromkeys(keys))


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
