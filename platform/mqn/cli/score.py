"""`mqn score`: accuracy of an exported file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Data, Json
from mqn.errors import UsageError
from mqn.quantities import QUANTITIES

BASELINE = "do-nothing"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("score", epilog="Example: mqn score bundle --data photos")(score)


def score(
    model: Annotated[str, typer.Argument(help=f"A folder that `mqn export` or `mqn select` wrote, or {BASELINE!r}.")],
    data: Data = None,
    size: Annotated[int | None, typer.Option(help=f"Side of the pictures in pixels, for {BASELINE!r} only.")] = None,
    json: Json = False,
) -> None:
    """Run the file itself on the validation pictures: per metric a mean with its 95 % interval over sources."""
    from mqn.data.dataset import locate
    from mqn.data.pairs import evaluation_pictures
    from mqn.export.exported import open_exported
    from mqn.export.runner import Runner
    from mqn.metrics.protocol import do_nothing
    from mqn.metrics.protocol import score as run

    if model == BASELINE:
        predict, side = do_nothing, size or 256
    else:
        if size is not None:
            raise UsageError(f"--size {size}: an exported file has its own input size; leave --size out")
        exported = open_exported(Path(model))
        predict, side = Runner(exported.files, exported.codec).predict, exported.input_size
    pictures = evaluation_pictures(locate(data), side)
    with output.progress() as bar:
        task = bar.add_task("scoring", total=len(pictures))
        scores = run(predict, pictures, progress=lambda done, total: bar.update(task, completed=done, total=total))
    if json:
        output.document({"pictures": scores.pictures, "scores": scores.scores, "protocol": scores.protocol})
        return
    output.table(
        ["metric", "mean", "95 % from", "to"],
        [
            [QUANTITIES[name].axis, *(f"{value:.4f}" for value in (figure.mean, figure.low, figure.high))]
            for name, figure in scores.scores.items()
        ],
        title=f"{model}: {scores.pictures} pictures",
    )
