"""`mqn export --tune`: the rewrites of the exported graph that make it fastest on a device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mqn.cli import output
from mqn.cli.device.waiting import waiting

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset
    from mqn.records import Plan, Ratio, Tuning
    from mqn.search.artifacts import ArtifactStore


def tune_plan(
    checkpoint: Path, plan: Plan, dataset: Dataset, store: ArtifactStore, target: str, profile: str, *, json: bool
) -> Tuning:
    """Time rewrites on a device of the profile, unless that was done before, and say what was found.

    Raises:
        DeviceError: the device is away or refuses, or is too unsteady.
    """
    from mqn.device.pool.pool import Pool
    from mqn.device.pool.state_bounds import bounds_of
    from mqn.profile import load_profile
    from mqn.search.checkpoint import Checkpoint
    from mqn.search.stages.choose.tune import tune_job

    runner = load_profile(profile)
    network = Checkpoint.open(checkpoint, dataset, store)
    with waiting(target) as wait, Pool(runner.devices) as pool, pool.open(target) as (name, client):
        bounds = bounds_of(name, runner.devices[name])
        found = network.tune(
            plan,
            lambda model: tune_job(
                model,
                client,
                runner.measure,
                circumstances={"bounds": bounds, "on_state": wait.state, "on_wait": wait.turn},
                tell=wait.begin,
            ),
            tell=wait.begin,
        )
    if not json:
        _show(found)
    return found


def keep_tuning(folder: Path, tuning: Tuning | None) -> None:
    """Write the tuning beside the model that it led to; without one, remove that of an earlier export."""
    from mqn.parsing import write_json
    from mqn.search.stages.choose.tune import TUNING

    if tuning is None:
        (folder / TUNING).unlink(missing_ok=True)
    else:
        write_json(folder / TUNING, tuning)


def _show(found: Tuning) -> None:
    rows = [[one.name, _percent(one.without), "kept" if one.kept else "left out", one.why] for one in found.tried]
    device = found.device
    threads = "1 thread" if found.settings.threads == 1 else f"{found.settings.threads} threads"
    title = f"{device.soc} ({', '.join(device.features) or device.architecture}), {threads}"
    output.table(["rewrite", "time without it", "", "why"], rows, title=title)
    against = {"the default": found.over_default, "no rewrite": found.over_none}
    told = [f"{_percent(ratio)} of the time of {name}" for name, ratio in against.items() if ratio is not None]
    output.line(f"plan.lowering={found.lowering}: {', '.join(told) or 'the same file as without any'}")


def _percent(ratio: Ratio | None) -> str:
    """A ratio with its range, in percent."""
    if ratio is None:
        return "-"
    low, high = 100 * ratio.range.low, 100 * ratio.range.high
    return f"{100 * ratio.value:.1f} % ({low:.1f} to {high:.1f})"
