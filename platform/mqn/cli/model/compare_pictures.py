"""`mqn compare --pictures`: the paper's Figure 6, as PNG and as a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mqn.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from mqn.records import NetworkCost
    from mqn.scoring.judging.evaluation import PictureSet
    from mqn.search.comparison.contenders import Contender, Exporting

PNG, PAGE = "pictures.png", "pictures.html"
MOST_PICTURES = 24
"""Of one figure, which would become too large to open."""

_TITLE = "Input, networks and truth side by side"


def choose_pictures(pictures: PictureSet, words: str) -> list[int]:
    """The indices of the pictures to show: a number of them spread evenly, or some by their names.

    A name may be a path in the dataset, or the file's name without suffix where no other picture has it.

    Raises:
        UsageError: a number out of its range.
        UnknownNameError: a name that is not in the set; names the nearest.
        EmptyDatasetError: the set is empty.
    """
    names = [listed.name for listed in pictures.listing()]
    wanted = [word.strip() for word in words.split(",")]
    if wanted[0].lstrip("-").isdecimal() and len(wanted) == 1:
        if not 1 <= int(wanted[0]) <= MOST_PICTURES:
            raise UsageError(f"--pictures {wanted[0]}: a figure shows 1 to {MOST_PICTURES} pictures")
        count = min(int(wanted[0]), len(names))
        return [round(place * (len(names) - 1) / max(1, count - 1)) for place in range(count)]
    chosen = list(dict.fromkeys(_index(name, names) for name in wanted))
    if len(chosen) > MOST_PICTURES:
        raise UsageError(f"--pictures: {len(chosen)} are too many for one figure; give at most {MOST_PICTURES}")
    return chosen


def _index(wanted: str, names: Sequence[str]) -> int:
    places = [place for place, name in enumerate(names) if wanted == name] or [
        place for place, name in enumerate(names) if wanted == Path(name).stem
    ]
    if len(places) == 1:
        return places[0]
    raise UnknownNameError("picture", wanted, names, "of those that --inputs, --split and --limit leave")


def left_out(rows: Sequence[NetworkCost]) -> list[str]:
    """A line for each network that is not drawn: its name, and why."""
    from mqn.report.tables.table3 import NOT_TRAINED

    absent = [row for row in rows if not row.trained]
    return [f"{row.name}: {row.why if row.size_bytes is None else NOT_TRAINED}" for row in absent]


def draw_pictures(
    contenders: Sequence[Contender],
    exporting: Exporting,
    pictures: PictureSet,
    shown: Sequence[int],
    folder: Path,
    progress: Callable[[str, int, int], None],
) -> None:
    """Draw what the exported files of trained networks make of some pictures.

    Raises:
        PictureError: a picture is too small for HDR-VDP.
        ModelFileError: a model is damaged, or predicts what is no picture.
        UsageError: a file cannot be written.
    """
    from mqn.scoring.gallery.page import write_gallery_page
    from mqn.scoring.gallery.sheet import write_gallery_png
    from mqn.scoring.gallery.views import look
    from mqn.scoring.wording import short_names
    from mqn.search.comparison.scoring import method_of

    short = short_names(contender.name for contender in contenders)
    methods = {short[contender.name]: method_of(exporting.export(contender)) for contender in contenders}
    views = look(pictures, shown, methods, lambda done, total: progress("pictures", done, total))
    write_gallery_png(views, folder / PNG, _TITLE)
    write_gallery_page(views, folder / PAGE, _TITLE)
