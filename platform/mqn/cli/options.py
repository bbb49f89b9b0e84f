"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mqn.errors import ConfigError, UsageError
from mqn.families import FAMILIES
from mqn.files.local_names import require_local
from mqn.records import Candidate, Plan

if TYPE_CHECKING:
    from mqn.search.artifacts import ArtifactStore

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout instead of text.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
ProfileName = Annotated[
    str, typer.Option("--profile", help="Runner profile: a name in runners/ or a .toml file.", show_default=True)
]
StoreProfile = Annotated[
    str,
    typer.Option(
        "--profile",
        help="Runner profile whose artifacts are used and added to: a name in runners/ or a .toml file.",
        show_default=True,
    ),
]
Data = Annotated[
    str | None,
    typer.Option("--data", help="Folder of HDR pictures, or a prepared dataset. Default: procedural scenes."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="A candidate's field, for example arch.family=expandnet. May be repeated.", metavar="KEY=VALUE"
    ),
]
PlanSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="How to quantize; may be repeated. plan.cut, plan.backbone, plan.head, plan.rules, plan.layout, "
        "plan.calibration, plan.calibration_pictures, plan.method, plan.qat_steps, plan.sparsity or plan.lowering.",
        metavar="KEY=VALUE",
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")]


def parse_settings(settings: Sequence[str] | None) -> dict[str, Any]:
    """Read `--set` options.

    Args:
        settings: words of the form KEY=VALUE; a value is JSON where it can be read as such, else a string.

    Raises:
        UsageError: a word without `=`.
    """
    values: dict[str, Any] = {}
    for word in settings or ():
        key, separator, text = word.partition("=")
        if not separator or not key:
            raise UsageError(f"--set {word!r}: write KEY=VALUE, for example --set arch.family=expandnet")
        try:
            values[key] = json.loads(text)
        except (ValueError, RecursionError):
            values[key] = text
    return values


def parse_candidate(settings: Sequence[str] | None) -> Candidate:
    """The default candidate with `--set` options applied.

    Raises:
        UsageError: a word without `=`.
        ConfigError: an unknown key or a value that is not allowed.
    """
    return Candidate().with_values(parse_settings(settings), source="--set")


def parse_plan(settings: Sequence[str] | None) -> Plan:
    """The plan that `--set` asks for, where a checkpoint says all the rest.

    Raises:
        UsageError: it asks for another network or training than the checkpoint's.
        ConfigError: an unknown key or a value that is not allowed.
    """
    strange = next((key for key in parse_settings(settings) if not key.startswith("plan.")), None)
    if strange is not None:
        raise UsageError(f"--set {strange}: network and training are the checkpoint's; only plan.* can be set here")
    return parse_candidate(settings).plan


def parse_bounds(words: Sequence[str] | None, option: str) -> dict[str, float]:
    """Read `--max` and `--min` options.

    Raises:
        UsageError: a word of another form.
        UnknownNameError: a metric that does not exist.
    """
    from mqn.quantities import quantity

    bounds: dict[str, float] = {}
    for word in words or ():
        name, _, number = word.partition("=")
        try:
            bounds[quantity(name).name] = value = float(number)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            raise UsageError(f"{option} {word!r}: write METRIC=NUMBER, for example {option} latency_ms=21")
    return bounds


def parse_picture(path: Path | None, option: str) -> Path | None:
    """Check the path of a picture before the work begins, and make its folder.

    Raises:
        UsageError: it is no name of a .png file, or its folder cannot be made.
    """
    if path is None:
        return None
    if path.suffix.lower() != ".png":
        raise UsageError(f"{option} {str(path)!r}: pictures are .png files; give a name that ends so")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{option} {str(path)!r}: cannot make {path.parent}: {error.strerror}") from error
    return path


def parse_file(path: str, what: str) -> Path:
    """A path that must exist.

    Raises:
        ConfigError: it does not.
        LocalNameError: it is a URL.
    """
    require_local(path)
    found = Path(path)
    if not found.exists():
        raise ConfigError(f"no {what} at {path}")
    return found


def check_files(*paths: Path | None) -> None:
    """Files to be written, checked before the work that they are for; their folders are made.

    Args:
        paths: as given; None where none is wanted.

    Raises:
        UsageError: a folder cannot be made, or what is there is no file that may be written.
    """
    for path in paths:
        if path is None:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot make {path.parent}: {error.strerror}; give another file") from error
        if path.is_dir():
            raise UsageError(f"{path} is a folder; give a file's name")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise UsageError(f"{path} cannot be written to; give another file")


def make_folder(folder: Path) -> None:
    """Make the folder of a command's results before the work that it is for.

    Raises:
        UsageError: it cannot be made; names folder and reason.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {error.strerror}; name another folder with --output") from error


def parse_model(word: str, what: str) -> Path:
    """A path that must be there; a training's folder, or `expandnet:FILE`, stands for a checkpoint of these weights.

    Raises:
        UsageError: nothing is there.
        WeightsError: the file is not that network's state dict.
    """
    family, colon, weights = word.partition(":")
    if colon and family in FAMILIES and not Path(word).exists():
        from mqn.models.peers import write_checkpoint

        return write_checkpoint(family, parse_file(weights, "weights"))
    path = parse_file(word, what)
    if not path.is_dir():
        return path
    from mqn.search.stages.train import CHECKPOINT

    checkpoint = path / CHECKPOINT
    return checkpoint if checkpoint.is_file() else path


def open_store(profile: str) -> ArtifactStore:
    """The artifacts of a profile.

    Raises:
        UsageError: there is no such profile, or it is wrong.
    """
    from mqn.profile import load_profile
    from mqn.search.artifacts import ArtifactStore

    return ArtifactStore.of(load_profile(profile).storage)
