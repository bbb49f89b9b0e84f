"""`mqn export`: from a checkpoint to quantized TFLite files."""

from __future__ import annotations

from typing import Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Data, Json, Output, Settings, parse_candidate, parse_file


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "export", epilog="Example: mqn export run/checkpoint.pt --output model --set plan.head=float32 --data photos"
    )(export)


def export(
    checkpoint: Annotated[str, typer.Argument(help="A training's checkpoint.pt.")],
    out: Output,
    data: Data = None,
    settings: Settings = None,
    json: Json = False,
) -> None:
    """Convert a trained network once and quantize it as a plan says; a further plan does not convert again."""
    from mqn.data.dataset import locate
    from mqn.search.stages import export_checkpoint

    plan = parse_candidate(settings).plan
    exported = export_checkpoint(parse_file(checkpoint, "checkpoint"), plan, locate(data), out)
    if json:
        output.document(exported.manifest)
        return
    for file in exported.files:
        output.line(f"{file}: {file.stat().st_size:,} bytes")
    output.line(f"next: mqn score {exported.folder}   and   mqn measure {exported.folder}")
