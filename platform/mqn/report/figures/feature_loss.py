"""What the feature reconstruction loss changes in pictures: two trials that differ in nothing else (Figure 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mqn.data.pairs.evaluation import EvaluationPicture
from mqn.errors import NothingSatisfiesError, StudyError, UnknownNameError, UsageError
from mqn.hdr.tonemap import reinhard
from mqn.infer.exported import Exported, open_exported
from mqn.infer.picture import Expander
from mqn.look.blocks import Section, Text
from mqn.look.page import render, write_page
from mqn.metrics.measures import PEAK_NITS, PIXELS_PER_DEGREE
from mqn.metrics.protocol import judge
from mqn.records import TrialRecord
from mqn.report.figures.crops import Crop, most_different
from mqn.report.figures.strip import Strip, strip_sections, write_strips
from mqn.report.front.selection import refuse_simulated
from mqn.search.artifacts import ArtifactStore
from mqn.search.pipeline import QUANTIZE

WEIGHT = "training.lambda_features"
"""The one field in which the two trials differ: 0, or above."""

TITLE = "With and without the feature reconstruction loss (the paper's Figure 4)"
MOST = 24
"""Pictures of one figure, which would become too large to open."""

_DIGITS = 9  # More are no number of pictures, and int() refuses thousands of them.
_LAMBDAS = "training.lambda_"
_QUALITY = "hdrvdp_q"
_COLUMNS = ("input", "without the loss", "with the loss", "truth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two complete trials that differ in nothing but whether the loss is used."""

    without: TrialRecord
    including: TrialRecord

    @property
    def text(self) -> str:
        """Which trials, and what their trainings share."""
        flat = self.including.candidate.flat()
        others = [
            f"{key.removeprefix(_LAMBDAS)} {value:g}"
            for key, value in flat.items()
            if key.startswith(_LAMBDAS) and value and key != WEIGHT
        ]
        one, other = self.without, self.including
        return (
            f"Trials {one.number} (without) and {other.number} (with weight {flat[WEIGHT]:g}) of study {one.study!r}: "
            f"the same seed {flat['training.seed']}, losses {', '.join(others)}, and all else"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One picture by both networks.

    Attributes:
        name: the picture's.
        quality_without: HDR-VDP-2.2's Q of the whole picture, without the loss.
        quality_with: the same with it.
        strip: as it is drawn.
    """

    name: str
    quality_without: float
    quality_with: float
    strip: Strip


def find_pair(records: Sequence[TrialRecord]) -> Pair:
    """Find the two trials: of several pairs the one with the most other losses, as the paper has it; then the first.

    Raises:
        NothingSatisfiesError: there is no such pair; says what is missing.
        StudyError: the study is simulated.
    """
    refuse_simulated(records)
    pairs: dict[str, dict[bool, TrialRecord]] = {}
    for record in records:
        if record.state == "complete":
            pairs.setdefault(_rest(record), {}).setdefault(_uses(record), record)
    found = [Pair(without=pair[False], including=pair[True]) for pair in pairs.values() if len(pair) == 2]
    if not found:
        raise NothingSatisfiesError(_missing(records))
    return max(found, key=lambda pair: _count_losses(pair.without))


def choose_pictures(
    pictures: Sequence[EvaluationPicture], wanted: str, crops: Mapping[str, Crop]
) -> list[EvaluationPicture]:
    """Choose what is shown, and check that each crop lies inside its picture.

    Args:
        pictures: all that a study is judged on.
        wanted: how many, spread evenly over them, or names with commas between.
        crops: by name.

    Raises:
        UnknownNameError: there is no such picture, or a crop's is not shown; names the nearest.
        UsageError: too few or too many pictures, or a crop that leaves its picture.
    """
    named = {picture.name: picture for picture in pictures}
    if wanted.isdecimal() and len(wanted) < _DIGITS and wanted not in named:
        count = min(int(wanted), len(pictures))
        shown = [pictures[int(place)] for place in np.linspace(0, len(pictures) - 1, count).round()]
    else:
        names = [wanted] if wanted in named else list(dict.fromkeys(name.strip() for name in wanted.split(",")))
        shown = [_known(name, named, "picture to judge by") for name in names]
    if not 1 <= len(shown) <= MOST:
        raise UsageError(
            f"--pictures {wanted!r}: {len(shown)} pictures; give 1 to {MOST}, or names with commas between"
        )
    for name, crop in crops.items():
        height, width = _known(name, {picture.name: picture for picture in shown}, "shown picture").ldr.shape[:2]
        if not crop.inside(height, width):
            raise UsageError(
                f"--crop {name}:{crop.x},{crop.y},{crop.size} leaves the picture, which has {width} x {height} pixels; "
                "x + size and y + size must be at most that"
            )
    return shown


def look(
    pair: Pair,
    store: ArtifactStore,
    pictures: Sequence[EvaluationPicture],
    crops: Mapping[str, Crop],
    progress: Callable[[int, int], None],
) -> list[Seen]:
    """Run the exported files of both trials on pictures, and judge them.

    Args:
        pair: the trials.
        store: holds their files.
        pictures: to be shown.
        crops: by picture; of others the square in which the two networks, tone-mapped, differ most.
        progress: told after each picture how many are done, and how many there are.

    Raises:
        StudyError: exported files are not in the store any more; says of which trial, and what to do.
        ModelFileError: a file is damaged, or gives values that are not finite.
    """
    models = [_open(record, store) for record in (pair.without, pair.including)]
    networks = [Expander(model.files, model.codec) for model in models]
    seen = []
    for picture in pictures:
        predicted = [network.expand(picture.ldr) for network in networks]
        qualities = [judge(light, picture, (_QUALITY,))[_QUALITY] for light in predicted]
        shown = [reinhard(np.maximum(light, 0), picture.truth) for light in predicted]
        strip = Strip(
            name=picture.name,
            images=(picture.ldr, *shown, reinhard(picture.truth)),
            captions=("", *(f"Q {value:.2f}" for value in qualities), ""),
            crop=crops.get(picture.name) or most_different(*shown),
        )
        seen.append(Seen(name=picture.name, quality_without=qualities[0], quality_with=qualities[1], strip=strip))
        progress(len(seen), len(pictures))
    return seen


def write_figure(
    png: Path, html: Path, pair: Pair, seen: Sequence[Seen], crops: Mapping[str, Crop], table: Section
) -> None:
    """Write the picture, and the page with the table below it. Raises `UsageError` if a file cannot be written."""
    chosen = "where the two networks differ most" if any(one.name not in crops for one in seen) else ""
    squares = " or ".join(filter(None, ("as given" if crops else "", chosen)))
    note = (
        f"{pair.text}. The exported files' results and the truth, both through Reinhard's operator at the truth's "
        f"exposure. Q: HDR-VDP-2.2 of the whole picture at {PIXELS_PER_DEGREE:g} pixels per degree, 1.0 = "
        f"{PEAK_NITS:g} cd/m2; at most 100. Crops: {squares}."
    )
    strips = [one.strip for one in seen]
    write_strips(png, TITLE, note, _COLUMNS, strips)
    write_page(html, render(TITLE, [Text(note)], [*strip_sections(_COLUMNS, strips), table]))


def _uses(record: TrialRecord) -> bool:
    return bool(record.candidate.flat()[WEIGHT] > 0)


def _rest(record: TrialRecord) -> str:
    """All that two trials of a pair share."""
    return str(sorted((key, str(value)) for key, value in record.candidate.flat().items() if key != WEIGHT))


def _count_losses(record: TrialRecord) -> int:
    return sum(value > 0 for key, value in record.candidate.flat().items() if key.startswith(_LAMBDAS))


def _missing(records: Sequence[TrialRecord]) -> str:
    complete = [record for record in records if record.state == "complete"]
    start = f"no two of {len(complete)} complete trials differ in nothing but whether {WEIGHT} is above 0"
    if not complete:
        return start
    lone = max(complete, key=_count_losses)
    lacks = f"missing is one like trial {lone.number} of study {lone.study!r} with {'0' if _uses(lone) else 'a weight'}"
    partners = [one for one in records if _rest(one) == _rest(lone) and _uses(one) != _uses(lone)]
    return f"{start}; {lacks}" + (f": trial {partners[0].number} is {partners[0].state}" if partners else "")


def _known(name: str, pictures: Mapping[str, EvaluationPicture], kind: str) -> EvaluationPicture:
    if name not in pictures:
        raise UnknownNameError(kind, name, pictures)
    return pictures[name]


def _open(record: TrialRecord, store: ArtifactStore) -> Exported:
    key = (QUANTIZE, record.artifacts.get(QUANTIZE, ""))
    artifact = store.find_whole([key]).get(key)
    if artifact is None:
        raise StudyError(
            f"the exported files of trial {record.number} of study {record.study!r} are not in {store.shown} any more; "
            "the same command without --as-is makes them again"
        )
    return open_exported(artifact.whole())
