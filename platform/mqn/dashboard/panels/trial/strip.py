"""The pictures that scoring kept of a trial: which there are, and one scene of them by the columns of its strip.

Scoring keeps one picture of what it judged (`mqn.scoring.strip`): a row a scene, and in it the input, the prediction
and the truth. The float network's and the exported file's show the same scenes, so that they can be laid over each
other.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mqn.records import TrialRecord
from mqn.scoring.strip import shown_rows
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.stages.score import SCORES, SHOWN, STRIP

INPUT, FLOAT, EXPORTED, TRUTH = "LDR input", "float network", "exported file", "truth"
_STEPS = {"score/float": FLOAT, "score": EXPORTED}
_COLUMNS = 3
_MU_LAW = "linear pictures through the mu-law (5000), which lifts shadows: they are brighter than the LDR picture"
"""How strips were made before their manifests said it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strips:
    """The strips of a trial.

    Attributes:
        files: whose prediction a strip shows, `FLOAT` or `EXPORTED`, to its PNG.
        side: pixels of a side of every picture; None: they have sizes of their own, so that strips stay whole.
        names: of the scenes, from top to bottom; empty where that is not known.
        shown: how linear light is shown, in words.
        missing: what there is no strip of, and why, a line each.
    """

    files: Mapping[str, Path]
    side: int | None = None
    names: tuple[str, ...] = ()
    shown: str = ""
    missing: tuple[str, ...] = ()


def find_strips(record: TrialRecord, store: ArtifactStore) -> Strips:
    """Look up what scoring kept of a trial's pictures.

    Raises:
        FaultError: the store fails meanwhile.
    """
    keys = {step: record.artifacts[step] for step in _STEPS if step in record.artifacts}
    found = {step: artifact for step, artifact in store.find_steps(keys).items() if STRIP in artifact.manifest.files}
    missing = [
        f"No pictures of the {whose}: "
        + ("they are not in the store any more." if step in keys else "it was not scored in this trial.")
        for step, whose in _STEPS.items()
        if step not in found
    ]
    first = next(iter(found.values()), None)
    return Strips(
        files={_STEPS[step]: artifact.path(STRIP) for step, artifact in found.items()},
        side=None if first is None else _side(first),
        names=() if first is None else _names(first),
        shown="" if first is None else first.manifest.details.get(SHOWN, _MU_LAW),
        missing=tuple(missing),
    )


def cut(strip: np.ndarray, side: int | None) -> list[list[np.ndarray]] | None:
    """The pictures of a strip, row by row.

    Args:
        strip: (rows x side, 3 x side, ...).
        side: pixels of a picture's side.

    Returns:
        (side, side, ...) each; None where the strip is not made of such pictures.
    """
    height, width = strip.shape[:2]
    if not side or width != _COLUMNS * side or height % side or not height:
        return None
    rows = (strip[top : top + side] for top in range(0, height, side))
    return [[row[:, left : left + side] for left in range(0, width, side)] for row in rows]


def scenes(strips: Strips) -> list[dict[str, np.ndarray]]:
    """The scenes of a trial's strips: what is seen, by whose it is, (H, W, 3) bytes, BGR.

    Where pictures have sizes of their own, the whole strips are one scene.
    """
    read = {whose: _read(path) for whose, path in strips.files.items()}
    parted = {whose: cut(strip, strips.side) for whose, strip in read.items()}
    whole = [rows for rows in parted.values() if rows is not None]
    if len(whole) < len(read) or len({len(rows) for rows in whole}) != 1:
        return [read] if read else []
    found = []
    for place, (shown, _, truth) in enumerate(whole[0]):
        predicted = {whose: rows[place][1] for whose, rows in parted.items() if rows is not None}
        found.append({INPUT: shown, **predicted, TRUTH: truth})
    return found


def address_of(picture: np.ndarray) -> str:
    """A picture, (H, W, 3) bytes, BGR, as an address that holds it: PNG, so that no pixel changes."""
    import cv2

    done, content = cv2.imencode(".png", picture)
    assert done, "PNG takes every array of bytes"
    return f"data:image/png;base64,{base64.b64encode(bytes(content)).decode()}"


def _read(path: Path) -> np.ndarray:
    import cv2

    return np.asarray(cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR))


def _side(artifact: Artifact) -> int | None:
    """Pixels of a side; the camera's own pictures keep their sizes."""
    inputs = artifact.manifest.inputs
    size, scoring = inputs.get("size"), inputs.get("scoring", {})
    return size if isinstance(size, int) and scoring.get("inputs") != "camera" else None


def _names(artifact: Artifact) -> tuple[str, ...]:
    """The scenes that a strip shows, as `mqn.scoring.strip` chooses them."""
    if SCORES not in artifact.manifest.files:
        return ()
    names = json.loads(artifact.path(SCORES).read_text(encoding="utf-8")).get("names", [])
    return tuple(str(names[index]) for index in shown_rows(len(names)))
