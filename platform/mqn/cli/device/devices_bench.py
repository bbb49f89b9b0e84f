"""`mqn devices bench`: how repeatable a device's measurements are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.device.waiting import Wait, waiting
from mqn.cli.options import Json, ProfileName, parse_picture
from mqn.parsing import file_hash
from mqn.profile import load_profile
from mqn.records import Measurement, MeasureSettings

if TYPE_CHECKING:
    from mqn.device.client import Client
    from mqn.report.timing.repeatability import Repeatability


def bench(
    device: Annotated[
        str | None, typer.Option(help="Device of the profile, or 'kind:...' for any of a kind. Default: its first.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=2, help="Jobs a model.")] = 10,
    model: Annotated[
        list[Path] | None, typer.Option(help="Your own model instead of ours; twice for backbone and head.")
    ] = None,
    output_path: Annotated[Path | None, typer.Option("--output", "-o", help="Write a picture (.png).")] = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Measure the same models again and again: how far p50 spreads, and how many jobs do not count."""
    from mqn.device.pool.pool import Pool
    from mqn.device.reference_models import write_reference_models
    from mqn.infer.exported import model_files
    from mqn.report.timing.repeatability import keep_repeatability

    parse_picture(output_path, "--output")
    runner = load_profile(profile)
    target = device or next(iter(runner.targets or runner.devices))
    with TemporaryDirectory(prefix="mqn-bench-") as folder:
        if model:
            models = {" + ".join(path.name for path in model): tuple(model_files(model))}
        else:
            models = {name: (path,) for name, path in write_reference_models(Path(folder)).items()}
        with waiting(target) as wait, Pool(runner.devices) as pool, pool.open(target) as (_, client):
            found = repeat(client, models, runner.measure, repeats, wait)
    # Figures of a user's own model cannot be compared with other devices.
    kept = None if model else keep_repeatability(found)
    if output_path is not None:
        from mqn.report.figures.repeatability_picture import write_repeatability_png

        write_repeatability_png(found, output_path)
    if json:
        output.document(found)
        return
    _show(found)
    for path in (kept, output_path):
        if path is not None:
            output.line(f"written: {path}")


def repeat(
    client: Client, models: Mapping[str, Sequence[Path]], settings: MeasureSettings, repeats: int, wait: Wait
) -> Repeatability:
    """Measure models in turns, each job under a lease of its own, so that others get the device between two.

    A measurement that does not count is not tried again. The result says how many there were.

    Raises:
        DeviceError: the device is away or refuses.
    """
    from mqn.device.lease import name_holder
    from mqn.report.timing.repeatability import judge_device, judge_repeats

    found: dict[str, list[Measurement]] = {name: [] for name in models}
    for number in range(repeats):
        for name, files in models.items():
            wait.begin(f"job {number + 1} of {repeats}, {name}")
            client.send(files)
            with client.lease(name_holder("mqn devices bench"), on_wait=wait.turn) as lease:
                found[name].append(lease.measure(files, settings, wait.state))
    first = next(iter(found.values()))[0]
    judged = [judge_repeats(name, [file_hash(file) for file in models[name]], jobs) for name, jobs in found.items()]
    return judge_device(first.device, settings, judged, datetime.now(UTC).isoformat(timespec="seconds"))


def _show(found: Repeatability) -> None:
    output.line(f"{found.device.id}: {found.device.model}, {found.device.soc}, {found.device.runtime}")
    output.table(
        ["model", "median p50 ms", "from", "to", "spread %", "counted", "refused"],
        [
            [
                model.name,
                *(
                    "-" if not model.p50_ms else f"{value:.3f}"
                    for value in (model.median_ms, min(model.p50_ms, default=0.0), max(model.p50_ms, default=0.0))
                ),
                "-" if model.spread is None else f"{100 * model.spread:.1f}",
                str(len(model.p50_ms)),
                f"{len(model.refused)} {' '.join(sorted(set(model.refused)))}".rstrip(),
            ]
            for model in found.models
        ],
    )
    output.line(f"repeatability: {found.text}")
