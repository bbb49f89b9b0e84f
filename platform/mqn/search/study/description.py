"""What a study is about, for its pages in MLflow: descriptions in Markdown, and the columns of its table."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mqn.errors import TrackingError
from mqn.quantities import is_device_figure, quantity, split_target, tracked_name
from mqn.search.space.dimensions import Dimension
from mqn.search.space.space import Space
from mqn.search.study.study import Study
from mqn.text.markdown import escape
from mqn.text.redaction import redact_url
from mqn.text.toml import document_text
from mqn.track.entries import TrackedData
from mqn.track.tracker import Tracker

_MOST_VALUES = 8
_SPACE = "space.toml"


def track_study(tracker: Tracker, study: Study, resume: str) -> None:
    """Begin a study's experiment and its own run, or take them up again. `resume` is the command that resumes it."""
    if not tracker.server:
        return
    file = tracker.place(study.name) / _SPACE
    try:
        file.write_text(document_text(study.space.definition), encoding="utf-8")
    except OSError as error:
        raise TrackingError(f"cannot write {file}: {error.strerror}; make room there") from error
    tracker.open_study(
        study.name,
        _params(study),
        {"data_hash": study.about.data_hash, "simulated": study.about.simulated or None},
        about=describe_study(study, resume),
        note=describe_run(study),
        goals=tracked_goals(study),
        varied=study.space.keys,
        constants=constants(study.space),
        data=_data(study),
        artifacts={_SPACE: file},
    )


def tracked_goals(study: Study) -> dict[str, str]:
    """A study's objectives by the figures that its trials' runs hold, each `maximize` or `minimize`.

    A run names the device of every figure that a device tells. An objective without one means the first.
    """
    first = f"/{study.about.targets[0]}" if study.about.targets else ""
    goals = zip(study.space.objectives, study.space.directions, strict=True)
    return {
        goal.metric
        if not is_device_figure(goal.metric) or split_target(goal.metric)[1]
        else f"{goal.metric}{first}": direction
        for goal, direction in goals
    }


def constants(space: Space) -> dict[str, Any]:
    """The candidate's fields that a space does not vary, with their values; of several families where all agree."""
    flats = [base.flat() for base in space.bases.values()]
    found: dict[str, Any] = {}
    for key in dict.fromkeys(key for flat in flats for key in flat if key not in space.keys):
        values = [flat[key] for flat in flats if key in flat]
        if all(value == values[0] for value in values):
            found[key] = values[0]
    return found


def describe_run(study: Study) -> str:
    """Say in Markdown what a study's own run shows, and what to look at there."""
    goals = [
        f"{escape(tracked_name(metric))} ({'larger' if direction == 'maximize' else 'smaller'} is better)"
        for metric, direction in tracked_goals(study).items()
    ]
    looks = [
        "**Artifacts, front.png**: the trials that no other trial beats, against all others. It is drawn when the "
        "study ends or is resumed.",
        "**Artifacts, front.json**: the same front as a table: figures, their 95 % ranges, and what differs.",
        "**Model metrics, hypervolume**: how much the front covers; the step is the number of the trial.",
        "**Parameters**: what is the same in every trial. A trial's own run holds what differs.",
        "**Artifacts, space.toml**: the space that is searched; `mqn search space.toml` searches it again.",
    ]
    return "\n\n".join(
        [
            f"This run stands for the whole study **{escape(study.name)}**. Its trials are the runs below it.",
            _list("What to look at", looks),
            _list("What the trials are judged by", goals),
            "A trial's model is among its artifacts: `mlflow.pyfunc.load_model` loads it.",
        ]
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
        "**Where to look**: the table of runs shows the trials with the objectives and what varies as columns, the "
        f"best first. Select some and press Compare. The run `{escape(study.name)}` shows the front, how it grew, and "
        "what all trials share.",
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
    }


def _data(study: Study) -> TrackedData:
    """The data that a study reads, as MLflow shows them."""
    about = study.about
    if about.simulated:
        name = source = "simulated: no pictures"
    elif about.data is None:
        name = source = "embedded procedural scenes"
    else:
        source = redact_url(about.data) if "://" in about.data else about.data
        name = Path(source.rstrip("/")).name or source
    return TrackedData(name=name, digest=about.data_hash or "unknown", source=source)


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
