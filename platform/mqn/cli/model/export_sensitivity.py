"""`mqn export --sensitivity`: which layers of a trained network lose most by being quantized."""

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
    """Measure, print, and write `sensitivity.json` and `sensitivity.png` where a folder is given."""
    from mqn.parsing import write_json

    if out is not None:
        make_folder(out)
    found = _measure(checkpoint, plan, data, store)
    if out is not None:
        from mqn.report.figures.sensitivity_picture import write_sensitivity_png

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
    from mqn.data.location import locate
    from mqn.search.checkpoint import Checkpoint
    from mqn.search.stages.choose.rank import rank_job

    dataset = locate(data)
    output.note("converting, unless it is converted already ...")
    network = Checkpoint.open(checkpoint, dataset, store)
    with output.progress() as bar:
        task = bar.add_task("layers")

        def on_layer(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return network.rank(plan, lambda found: rank_job(found, plan, network.view, every=True, progress=on_layer))
