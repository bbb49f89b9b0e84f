"""`mqn export --suggest`: plans that a search can start from, each checked, and the space to search."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mqn.cli import output
from mqn.cli.options import make_folder, open_store, parse_candidate, parse_settings
from mqn.errors import UsageError
from mqn.parsing import to_plain
from mqn.records import Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqn.records import SuggestedPlan, Suggestion
    from mqn.search.artifacts import ArtifactStore

BUDGET = 0.1
"""PSNR-TM in dB that a plan may lose, unless told otherwise."""

_GIVEN = ("plan.cut", "plan.layout", "plan.calibration", "plan.calibration_pictures")


def suggest_export(
    checkpoint: Path,
    settings: Sequence[str] | None,
    data: str | None,
    out: Path | None,
    budget: float,
    profile: str,
    *,
    json: bool,
) -> None:
    """Find plans, check them, and write `suggestion.json`, `suggestion.png` and `space.toml`.

    Raises:
        UsageError: no folder, or a setting that is for the suggestion to choose.
    """
    if out is None:
        raise UsageError("--output is missing; name a folder for space.toml, suggestion.json and suggestion.png")
    for key in parse_settings(settings):
        if key not in _GIVEN:
            raise UsageError(f"--set {key}: with --suggest only {', '.join(_GIVEN)} can be set; leave it out")
    plan = parse_candidate(settings).plan
    from mqn.search.study.commands import search_command

    make_folder(out)
    found = _find(checkpoint, plan, data, out, budget, open_store(profile))
    if json:
        output.document(found)
        return
    _show(found)
    output.line(f"next: {search_command(str(out / 'space.toml'), profile=profile, data=data)}")


def _find(checkpoint: Path, base: Plan, data: str | None, out: Path, budget: float, store: ArtifactStore) -> Suggestion:
    from mqn.data.location import locate
    from mqn.models.checkpoint import load
    from mqn.parsing import write_json
    from mqn.report.figures.suggestion_picture import write_suggestion_png
    from mqn.search.suggest.suggested_space import write_space
    from mqn.search.suggest.suggestion import suggest_plans

    dataset = locate(data)
    with output.progress() as bar:
        task = bar.add_task("conversion")

        def on_progress(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        found = suggest_plans(checkpoint, base, dataset, budget, store, progress=on_progress)
    write_json(out / "suggestion.json", found)
    write_suggestion_png(found, out / "suggestion.png")
    write_space(out / "space.toml", [one.plan for one in found.kept], checkpoint, load(checkpoint)[1])
    return found


def _show(found: Suggestion) -> None:
    from mqn.report.figures.suggestion_picture import letters

    named = letters(found.plans)
    by_label = {one.plan.label: letter for letter, one in named.items()}
    rows = [_row(letter, one, found.budget, by_label) for letter, one in named.items()]
    columns = ["", "plan", "time (float 1)", "bytes", "lost: predicted", "measured (dB)", "95 % range", ""]
    output.table(columns, rows, title=f"{len(found.kept)} plans to start from, {len(found.plans)} tried")
    for letter, one in named.items():
        if one.beaten_by is None and (settings := settings_of(one.plan)):
            output.line(f"{letter}: {settings}")
    output.line(
        f"PSNR-TM {found.psnr_tm_float:.3f} dB in float; layers were looked at on {found.allocated_on} validation "
        f"pictures, plans checked on {found.checked_on} others; time is estimated, the search measures it"
    )
    missed = [letter for letter, one in named.items() if not one.as_predicted]
    if missed:
        output.line(
            f"the prediction of {', '.join(missed)} lies outside the spread of the pictures: trust what was measured"
        )


def settings_of(plan: Plan) -> str:
    """What `mqn export` has to be told to make a plan; nothing for the default one."""
    given, usual = to_plain(plan), to_plain(Plan())
    differing = [f"plan.{name}={value}" for name, value in given.items() if value != usual[name]]
    return " ".join(f"--set {shlex.quote(setting)}" for setting in differing)


def _row(letter: str, one: SuggestedPlan, budget: float, letters: dict[str, str]) -> list[str]:
    loss = one.measured_loss
    if one.beaten_by is not None:
        verdict = f"beaten by {letters[one.beaten_by]}"
    else:
        verdict = "within the budget" if loss.mean <= budget else "over the budget"
    return [
        letter,
        one.plan.label,
        f"{one.time:.2f}",
        f"{one.size_bytes:,}",
        f"{one.predicted_loss:.3f}",
        f"{loss.mean:.3f}",
        f"{loss.low:.3f} to {loss.high:.3f}",
        verdict,
    ]
