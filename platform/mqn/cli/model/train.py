"""`mqn train`: one training by itself."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mqn.cli import output
from mqn.cli.options import Data, Json, Output, Settings, make_folder, parse_candidate
from mqn.errors import UsageError
from mqn.search.stages.train import CHECKPOINT, RESUME

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset
    from mqn.train.loop import EpochReport

EXAMPLE = "mqn train --data photos --output run --set training.epochs=20"


def train(out: Output, data: Data = None, settings: Settings = None, json: Json = False) -> None:
    """Train one network; run the same command again to take up a training that was cut short."""
    try:
        checkpoint, dataset = _train(out, data, settings)
    except KeyboardInterrupt:
        output.note(f"interrupted; what is trained is kept, go on with: {_command(out, data, settings)}")
        raise typer.Exit(130) from None
    if json:
        output.document({"checkpoint": checkpoint, "dataset": dataset.hash})
        return
    output.line(f"checkpoint: {checkpoint}")
    words = ["mqn", "export", str(checkpoint), "--output", str(out / "export"), *(("--data", data) if data else ())]
    output.line(f"next: {shlex.join(words)}")


def _train(out: Path, data: str | None, settings: list[str] | None) -> tuple[Path, Dataset]:
    from mqn.data.location import locate
    from mqn.train.loop import train as run

    candidate = parse_candidate(settings)
    make_folder(out)
    _check_free(out)
    with output.progress() as bar:
        reading = bar.add_task("preparing data", total=None)

        def on_picture(done: int, total: int, name: str) -> None:
            bar.update(reading, completed=done, total=total, description=f"preparing {name}")

        dataset = locate(data, progress=on_picture)
        bar.remove_task(reading)
        training = bar.add_task("training", total=candidate.training.epochs)

        def on_start(epochs: int) -> None:
            bar.update(training, completed=epochs)

        def on_epoch(report: EpochReport) -> None:
            bar.update(training, completed=report.epoch, description=f"training: loss {report.loss:.4f}")

        checkpoint = run(
            candidate.arch, candidate.training, dataset, out, on_start=on_start, on_epoch=on_epoch, tell=output.note
        )
    return checkpoint, dataset


def _check_free(out: Path) -> None:
    """Refuse to overwrite a checkpoint if no file says which training it is of."""
    if (out / CHECKPOINT).exists() and not (out / RESUME).exists():
        raise UsageError(
            f"{out} holds a {CHECKPOINT} and no {RESUME} that says which training it is of; move it away, or name "
            "another folder with --output"
        )


def _command(out: Path, data: str | None, settings: list[str] | None) -> str:
    words = ["mqn", "train", "--output", str(out), *(("--data", data) if data else ())]
    return shlex.join([*words, *(word for setting in settings or () for word in ("--set", setting))])
