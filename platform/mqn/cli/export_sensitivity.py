"""`mqn export --sensitivity`: which layers of a trained network mind being quantized."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mqn.cli import output
from mqn.cli.options import make_folder

if TYPE_CHECKING:
    from mqn.records import Plan, Sensitivity
    from mqn.search.artifacts import ArtifactStore

_SHOWN = 20
_SUGGESTED = 3


def rank_layers(
    checkpoint: Path, plan: Plan, data: str | None, out: Path | None, store: ArtifactStore, *, json: bool
) -> None:
    """Measure and print; see `mqn.export.sensitivity`.

    Args:
        checkpoint: a training's.
        plan: says which scheme each layer would have.
        data: a dataset: its training pictures calibrate, its validation pictures judge.
        out: folder for `sensitivity.json` and `sensitivity.png`; None: only print.
        store: keeps what each step makes.
        json: one JSON document on stdout.
    """
    from mqn.parsing import write_json

    if out is not None:
        make_folder(out)
    found = _measure(checkpoint, plan, data, store)
    if out is not None:
        from mqn.report.sensitivity_picture import write_sensitivity_png

        write_json(out / "sensitivity.json", found)
        write_sensitivity_png(found, out / "sensitivity.png")
    if json:
        output.document(found)
        return
    rows = [
        [
            layer.layer,
            layer.scheme,
            f"{layer.psnr_tm_drop:.3f}",
            "-" if layer.output_psnr is None else f"{layer.output_psnr:.1f}",
            f"{100 * layer.interface_error:.2f}",
        ]
        for layer in found.layers[:_SHOWN]
    ]
    columns = ["layer", "scheme", "PSNR-TM lost (dB)", "output against float (dB)", "features at the cut (% off)"]
    output.table(columns, rows, title=f"{found.plan}: the most sensitive of {len(found.layers)} layers")
    output.line(
        f"PSNR-TM on {found.pictures} pictures: {found.psnr_tm_float:.3f} dB in float, "
        f"{found.psnr_tm_plan:.3f} as planned"
    )
    rules = "; ".join(filter(None, (str(plan.rules), found.keep_in_float(_SUGGESTED))))
    output.line(f"to keep {_SUGGESTED} of them in float, export with: --set 'plan.rules={rules}'")


def _measure(checkpoint: Path, plan: Plan, data: str | None, store: ArtifactStore) -> Sensitivity:
    from mqn.data.dataset import locate
    from mqn.parsing import read_json
    from mqn.records import Sensitivity
    from mqn.search.jobs import complete
    from mqn.search.ranking import SENSITIVITY, sensitivity_job
    from mqn.search.stage_jobs import convert_job
    from mqn.search.stages import converted_network

    dataset = locate(data)
    output.note("converting, unless it is converted already ...")
    converted = complete(store, convert_job(checkpoint))
    arch, training = converted_network(converted)
    with output.progress() as bar:
        task = bar.add_task("layers")

        def on_layer(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        job = sensitivity_job(converted, plan, dataset, arch.input_size, training, progress=on_layer)
        return read_json(Sensitivity, complete(store, job).folder / SENSITIVITY)
