"""`mqn export --suggest`: plans that a search can start from, each checked, and the space to search."""

from __future__ import annotations

import math
import shlex
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mqn.cli import output
from mqn.cli.options import make_folder, open_store, parse_candidate, parse_settings
from mqn.errors import UsageError
from mqn.parsing import to_plain
from mqn.records import Plan
from mqn.records.suggestion import SIDES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mqn.data.dataset import Dataset
    from mqn.records import SideTimes, SuggestedPlan, Suggestion
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.stages.choose.side_times import Bench
    from mqn.search.suggest.losing_alone import Progress

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
    device: str | None,
    *,
    json: bool,
) -> None:
    """Find plans, check them, and write `suggestion.json`, `suggestion.png` and `space.toml`.

    Where a device of the profile is named, each side is timed there under each scheme first.

    Raises:
        DeviceError: the device is away or refuses.
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
    found = _find(checkpoint, plan, data, out, budget, open_store(profile), profile, device)
    if json:
        output.document(found)
        return
    _show(found)
    output.line(f"next: {search_command(str(out / 'space.toml'), profile=profile, data=data)}")


def _find(
    checkpoint: Path,
    base: Plan,
    data: str | None,
    out: Path,
    budget: float,
    store: ArtifactStore,
    profile: str,
    device: str | None,
) -> Suggestion:
    from mqn.data.location import locate
    from mqn.models.checkpoint import load
    from mqn.parsing import write_json
    from mqn.report.figures.suggestion_picture import write_suggestion_png
    from mqn.search.suggest.suggested_space import write_space
    from mqn.search.suggest.suggestion import suggest_plans

    dataset = locate(data)
    with _telling(device, profile) as (on_progress, bench):
        found = suggest_plans(checkpoint, base, dataset, budget, store, progress=on_progress, bench=bench)
    write_json(out / "suggestion.json", found)
    write_suggestion_png(found, out / "suggestion.png")
    write_space(out / "space.toml", [one.plan for one in found.kept], checkpoint, load(checkpoint)[1])
    return found


def time_schemes(
    checkpoint: Path, plan: Plan, dataset: Dataset, store: ArtifactStore, profile: str, device: str
) -> SideTimes:
    """What each scheme takes on each side on a device of the profile, and what the side then loses.

    The plan gives cut and calibration.

    Raises:
        DeviceError: the device is away or refuses.
    """
    from mqn.search.suggest.losing_alone import schemes_by_side

    sides = Plan(cut=plan.cut, calibration=plan.calibration, calibration_pictures=plan.calibration_pictures)
    with _telling(device, profile) as (on_progress, bench):
        assert bench is not None
        return schemes_by_side(checkpoint, sides, dataset, store, progress=on_progress, bench=bench)


@contextmanager
def _telling(device: str | None, profile: str) -> Iterator[tuple[Progress, Bench | None]]:
    """A progress bar, and the device if one is named."""
    with output.progress() as bar, ExitStack() as stack:
        task = bar.add_task("conversion")

        def on_progress(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        bench = None
        if device is not None:
            bench = stack.enter_context(_reach(device, profile, lambda what: bar.update(task, description=what)))
        yield on_progress, bench


@contextmanager
def _reach(target: str, profile: str, tell: Callable[[str], object]) -> Iterator[Bench]:
    """A device of the profile; `tell` is told what it does."""
    from mqn.device.pool.pool import Pool
    from mqn.device.pool.state_bounds import bounds_of
    from mqn.profile import load_profile
    from mqn.search.stages.choose.side_times import Bench

    def on_wait(ahead: int) -> None:
        if ahead:
            tell(f"{target}: {ahead} {'holds' if ahead == 1 else 'hold'} it before us")

    runner = load_profile(profile)
    with Pool(runner.devices) as pool, pool.open(target) as (name, client):
        yield Bench(
            client=client,
            settings=runner.measure,
            circumstances={"bounds": bounds_of(name, runner.devices[name]), "on_wait": on_wait},
            tell=lambda what: tell(f"{target}: {what}"),
        )


def show_times(times: SideTimes, budget: float) -> None:
    """What each scheme takes on each side, and which is the fastest that loses no more than the budget."""
    device = times.device
    threads = "1 thread" if times.settings.threads == 1 else f"{times.settings.threads} threads"
    rows = [
        [
            one.side,
            one.scheme,
            f"{one.over_float.value:.3f}",
            f"{one.over_float.range.low:.3f} to {one.over_float.range.high:.3f}",
            "" if one.loss is None else f"{one.loss:.3f}",
        ]
        for one in times.tried
    ]
    title = f"{device.soc} ({', '.join(device.features) or device.architecture}), {threads}"
    output.table(["side", "scheme", "time (float32 1)", "99 % range", "loses alone (dB)"], rows, title=title)
    for side in SIDES:
        best = times.fastest(side, budget)
        quick = times.fastest(side, math.inf)
        if best is not None:
            output.line(f"{side}: {best.scheme} is the fastest that loses at most {budget:g} dB by itself")
        elif quick is not None:
            output.line(f"{side}: only schemes that lose more than {budget:g} dB by themselves are faster than float32")
        else:
            output.line(f"{side}: integers bring no speed on this device; float32 is as fast as any")


def _show(found: Suggestion) -> None:
    from mqn.report.figures.suggestion_picture import letters

    if found.times is not None:
        show_times(found.times, found.budget)
    named = letters(found.plans)
    by_label = {one.plan.label: letter for letter, one in named.items()}
    rows = [_row(letter, one, found.budget, by_label) for letter, one in named.items()]
    columns = ["", "plan", "time (float 1)", "bytes", "lost: predicted", "measured (dB)", "95 % range", ""]
    output.table(columns, rows, title=f"{len(found.kept)} plans to start from, {len(found.plans)} tried")
    for letter, one in named.items():
        if one.beaten_by is None and (settings := settings_of(one.plan)):
            output.line(f"{letter}: {settings}")
    by = "" if found.times is None else " from that of its sides"
    output.line(
        f"PSNR-TM {found.psnr_tm_float:.3f} dB in float; layers were looked at on {found.allocated_on} validation "
        f"pictures, plans checked on {found.checked_on} others; time is estimated{by}, the search measures it"
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
