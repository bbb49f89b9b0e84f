"""`mqn export --sensitivity`: which layers of a trained network mind being quantized."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mqn.cli import output
from mqn.cli.options import make_folder

if TYPE_CHECKING:
    from mqn.records import Plan, Sensitivity

_SHOWN = 20
_SUGGESTED = 3


def rank_layers(checkpoint: Path, plan: Plan, data: str | None, out: Path | None, *, json: bool) -> None:
    """Measure and print; see `mqn.export.sensitivity`.

    Args:
        checkpoint: a training's.
        plan: says which scheme each layer would have.
        data: a dataset: its training pictures calibrate, its validation pictures judge.
        out: folder for `sensitivity.json` and `sensitivity.png`; None: only print.
        json: one JSON document on stdout.
    """
    from mqn.parsing import write_json

    if out is not None:
        make_folder(out)
    found = _measure(checkpoint, plan, data)
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


def _measure(checkpoint: Path, plan: Plan, data: str | None) -> Sensitivity:
    from mqn.data.dataset import locate
    from mqn.data.pairs import calibration_inputs, evaluation_pictures, inputs_of
    from mqn.data.response import curves_of
    from mqn.export.sensitivity import measure_sensitivity
    from mqn.profile import Profile
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.jobs import complete
    from mqn.search.stage_jobs import convert_job
    from mqn.search.stages import FLOAT_MODEL, converted_network

    dataset = locate(data)
    output.note("converting, unless it is converted already ...")
    converted = complete(ArtifactStore(Profile().artifacts), convert_job(checkpoint))
    arch, training = converted_network(converted)
    calibration = calibration_inputs(
        dataset,
        arch.input_size,
        plan.calibration_pictures,
        virtual_camera=training.virtual_camera,
        curves=curves_of(training.response_curves),
    )
    inputs = inputs_of(training.virtual_camera)
    pictures = evaluation_pictures(dataset, arch.input_size, "val", inputs)
    with output.progress() as bar:
        task = bar.add_task("layers")
        return measure_sensitivity(
            converted.folder / FLOAT_MODEL,
            plan,
            calibration,
            pictures,
            training.codec,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
