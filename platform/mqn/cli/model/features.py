"""`mqn features`: what networks see, and what quantization makes of it (Figures 3 and 5 of the paper)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mqn.cli import output
from mqn.cli.options import Data, Json, Output, PlanSettings, StoreProfile, make_folder, open_store, parse_plan
from mqn.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqn.cli.model.features_models import Given
    from mqn.features.channels import Choice
    from mqn.features.quantized import ComparedModel
    from mqn.features.views import AttentionView, QuantizedView, Shown

NUMBERS, PAGE, ATTENTION, QUANTIZED = "features.json", "features.html", "attention.png", "quantized.png"
_SHOWN_OF_A_DATASET = 3
_MOST_ROWS = 60
"""Of one picture, which would become too large to open."""

EXAMPLE = "mqn features run/checkpoint.pt model --picture photo.jpg --output seen"


def features(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL",
            help="A training's checkpoint.pt, for what its attention sees (Figure 3), or a folder that `mqn export` or "
            "`mqn select` wrote, for its features float and quantized (Figure 5). One checkpoint alone is exported "
            "first, as --set plan.* says.",
        ),
    ],
    out: Output,
    pictures: Annotated[
        list[Path] | None,
        typer.Option("--picture", help="LDR picture; its centre square is shown. May be repeated.", show_default=False),
    ] = None,
    interface: Annotated[
        str | None,
        typer.Option(
            help="Where to look: a name that `mqn describe` lists. Default: the plan's cut (Figure 5), and the "
            "family's own block (Figure 3; of mqn Att. 4).",
            show_default=False,
        ),
    ] = None,
    count: Annotated[int, typer.Option("--channels", min=1, help="How many channels are shown.")] = 3,
    named: Annotated[
        list[int] | None,
        typer.Option("--channel", help="Show this channel, from 0. May be repeated.", show_default=False),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            help="Which channels come first: `different`, float and quantized the most apart, or `active`, the ones "
            "that vary most. Figure 3 always shows active ones."
        ),
    ] = "different",
    data: Data = None,
    settings: PlanSettings = None,
    profile: StoreProfile = "default",
    json: Json = False,
) -> None:
    """Features of trained networks and of exported files: maps, differences, distributions; as PNG, HTML and JSON.

    Without --picture, validation pictures of --data are shown, and without that a scene that mqn draws.
    """
    from mqn.cli.model.features_models import find_quantized, open_models

    # What can be wrong is found out before anything is exported.
    choice = _choice(count, by, named)
    plan = parse_plan(settings) if settings else None
    make_folder(out)
    count_shown = len(pictures) if pictures else _SHOWN_OF_A_DATASET if data else 1
    _require_room(count_shown, len(choice.channels) or choice.count)
    given = open_models(models, plan)
    shown = _pictures(pictures or [], data, given)
    attention = _look_at_attention(given, interface, shown[0], choice)
    quantized = _compare(find_quantized(given, plan, data, out, open_store(profile)), interface, shown, choice)
    numbers = {"attention": attention and attention.figures, "quantized": [view.figures for view in quantized]}
    files = _write(attention, quantized, numbers, out)
    if json:
        output.document({**numbers, "files": files})
        return
    _print(quantized)
    for file in files:
        output.line(str(file))


def _require_room(pictures: int, channels: int) -> None:
    """Refuse what no figure can show: a row a picture and another for each of its channels."""
    most = _MOST_ROWS // pictures - 1
    if most < 1:
        raise UsageError(f"{pictures} pictures are too many for one figure; give at most {_MOST_ROWS // 2}")
    if channels > most:
        raise UsageError(f"{channels} channels a picture are too many for one figure; give at most {most}")


def _choice(count: int, by: str, named: list[int] | None) -> Choice:
    from mqn.errors import nearest
    from mqn.features.channels import ORDERS, Choice

    order = next((one for one in ORDERS if one == by), None)
    if order is None:
        raise UsageError(f"--by {by!r}; {nearest(by, ORDERS)}")
    return Choice(count=count, by=order, channels=tuple(named or ()))


def _pictures(files: Sequence[Path], data: str | None, given: Given) -> list[Shown]:
    from mqn.features.pictures import from_dataset, from_file, procedural

    if files:
        return [from_file(file, given.size) for file in files]
    if data is None:
        return [procedural(given.size, virtual_camera=given.virtual_camera)]
    from mqn.data.location import locate

    return from_dataset(locate(data), given.size, _SHOWN_OF_A_DATASET, virtual_camera=given.virtual_camera)


def _look_at_attention(given: Given, interface: str | None, picture: Shown, choice: Choice) -> AttentionView | None:
    if not given.trained:
        return None
    from mqn.features.attention import look_at_attention

    return look_at_attention(given.trained, interface, picture, choice)


def _compare(
    models: Sequence[ComparedModel], interface: str | None, shown: Sequence[Shown], choice: Choice
) -> list[QuantizedView]:
    from mqn.features.quantized import compare_features

    with output.progress() as bar:
        tracked = bar.track(models, description="features")
        return [compare_features(model, interface, shown, choice) for model in tracked]


def _write(
    attention: AttentionView | None, quantized: Sequence[QuantizedView], numbers: dict[str, Any], out: Path
) -> list[Path]:
    """Everything that is to be seen; gives the files."""
    from mqn.features.page import write_feature_page
    from mqn.features.sheet import write_attention_png, write_quantized_png
    from mqn.parsing import write_json

    files = [out / PAGE]
    write_feature_page(attention, quantized, files[0])
    if attention is not None:
        files.append(out / ATTENTION)
        write_attention_png(attention, files[-1])
    for number, view in enumerate(quantized, start=1):
        files.append(out / (QUANTIZED if len(quantized) == 1 else f"{Path(QUANTIZED).stem}_{number}.png"))
        write_quantized_png(view, files[-1])
    files.append(out / NUMBERS)
    write_json(files[-1], numbers)
    return files


def _print(quantized: Sequence[QuantizedView]) -> None:
    """A line for every exported model: all channels of all pictures."""
    from mqn.features.captions import figure_rows

    if not quantized:
        return
    rows = [dict(figure_rows(view.figures.all)) for view in quantized]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    output.table(
        ["model", "plan", "interface", *columns],
        [
            [view.figures.model, view.figures.plan, view.figures.interface, *(row.get(name, "-") for name in columns)]
            for view, row in zip(quantized, rows, strict=True)
        ],
        title="features of all channels, quantized against float",
    )
