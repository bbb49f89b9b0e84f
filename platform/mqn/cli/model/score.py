"""`mqn score`: accuracy of anything that makes HDR pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output as out
from mqn.cli.model.judged_pictures import Inputs, Limit, SplitName, parse_metrics, picture_set, require_known
from mqn.cli.model.score_tables import print_result
from mqn.cli.options import Data, Json
from mqn.errors import DataError, UsageError

if TYPE_CHECKING:
    from mqn.scoring.judging.evaluation import PictureSet
    from mqn.scoring.methods import Method

METHODS = (
    "What to judge, one or more: a folder that `mqn export` or `mqn select` wrote, a checkpoint.pt, a folder of "
    "predictions named as the pictures (linear, 1.0 = the truth's 99.9 % point), `default` (the model in the box), "
    "`do-nothing`, `oracle`, a classical operator (`banterle`, `rempel`, ...), `expandnet:FILE` or `lhdr:FILE`."
)

EXAMPLE = "mqn score bundle do-nothing --against do-nothing --data photos"


def score(
    methods: Annotated[list[str], typer.Argument(metavar="METHOD...", help=METHODS)],
    against: Annotated[str | None, typer.Option(help="Compare every METHOD with this one, picture by picture.")] = None,
    data: Data = None,
    inputs: Inputs = "operators",
    split: SplitName = "val",
    limit: Limit = None,
    metrics: Annotated[str | None, typer.Option(help="Names with commas between. Default: the thorough set.")] = None,
    by: Annotated[str | None, typer.Option(help="The metric that ranks. Default: the first.")] = None,
    size: Annotated[
        int | None,
        typer.Option(
            help="Side of the pictures in pixels. Default: the first model's own, else 256; camera: as stored."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for Parquet, CSV, scores.json and sheet.html.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes. Default: one a processor.", min=1)] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Score what a folder of predictions has.")
    ] = False,
    by_condition: Annotated[
        bool, typer.Option("--by-condition", help="A table for each kind of input; `camera` always has them.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Judge again what was judged before.")] = False,
    json: Json = False,
) -> None:
    """Judge methods on fixed pictures: means with 95 % intervals over sources, ranked; goes on where it was killed."""
    from mqn.metrics.measures import THOROUGH
    from mqn.scoring.methods import parse_method
    from mqn.scoring.result import Request
    from mqn.scoring.session import run
    from mqn.workers import processors

    chosen = parse_metrics(metrics, THOROUGH, first=by)
    require_known(inputs, split)
    if size is not None and inputs == "camera":
        raise UsageError(f"--size {size}: camera pictures are judged at the size they are stored in; leave --size out")
    if size is not None and size < 1:
        raise UsageError(f"--size {size} must be at least 1")
    names = dict.fromkeys([*methods, *([against] if against else [])])
    parsed = tuple(parse_method(name) for name in names)
    with out.progress() as bar:
        tasks: dict[str, int] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = int(bar.add_task(what, total=total))
            bar.update(tasks[what], completed=done, total=total)  # type: ignore[arg-type]

        result = run(
            Request(
                methods=parsed,
                pictures=_pictures(data, inputs, split, limit, size, parsed),
                metrics=chosen,
                workers=workers or processors(),
                against=against,
                output=output,
                allow_missing=allow_missing,
                fresh=fresh,
            ),
            tell,
        )
    if json:
        out.document(result.document())
    else:
        print_result(result, by_condition=by_condition or inputs == "camera")
    for note in result.left_out:
        out.note(f"left out: {note}")
    if result.failures:
        listed = "; ".join(map(str, result.failures[:5])) + ("; ..." if len(result.failures) > 5 else "")
        raise DataError(f"{len(result.failures)} pictures could not be judged: {listed}; the others are kept")


def _pictures(
    data: str | None, inputs: str, split: str, limit: int | None, size: int | None, methods: tuple[Method, ...]
) -> PictureSet:
    from mqn.data.location import locate
    from mqn.scoring.judging.evaluation import SIZE

    own = next((method.input_size for method in methods if method.input_size is not None), SIZE)
    return picture_set(locate(data), inputs, split, limit, size or own)
