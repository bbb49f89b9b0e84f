"""Photographs of real cameras through the model in the box to Ultra HDR, and back by a reader that is not ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from tests.support.jpegs import display_p3, jpeg

from mqn.hdr.decoding.orientation import turn_upright
from mqn.hdr.io.ldr_files import load_ldr
from mqn.hdr.io.ultra_hdr import Base, GainMapOptions, decode_ultra_hdr, read_base, write_ultra_hdr
from mqn.hdr.kinds.jpeg import picture_end, segments
from mqn.hdr.primaries import luminance
from mqn.infer.default import FOLDER
from mqn.infer.exported import open_exported
from mqn.infer.picture import Expander

pytestmark = pytest.mark.integration

PHOTOGRAPHS = 30
GREY = "grey"
KINDS: dict[str, dict[str, Any] | None] = {
    "as the camera wrote it": None,
    "portrait": {"orientation": 6},
    "Display P3": {"profile": display_p3()},
    "progressive": {"progressive": True},
    "with a thumbnail": {"thumbnail": True, "orientation": 8},
    GREY: {},
}
SHRUNK = 2
"""How much smaller pictures are that are not as the camera wrote them: their test takes half the time."""

DARK = 0.01
"""Of white. In what is darker a step of the base's 8 bits is more than what is asked for."""


@pytest.fixture(scope="module")
def photographs(shared: Path) -> list[Path]:
    found = sorted((shared / "hdr" / "pairs").glob("*.jpg"))[:PHOTOGRAPHS]
    if len(found) < PHOTOGRAPHS:
        pytest.skip(f"needs {PHOTOGRAPHS} photographs in ../shared/hdr/pairs, which has {len(found)} here")
    return found


@pytest.fixture(scope="module")
def expander() -> Expander:
    model = open_exported(FOLDER)
    return Expander(model.files, model.codec, white=1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_thirty_photographs_come_back_as_bright_as_they_were_written(
    kind: str, photographs: list[Path], expander: Expander, tmp_path: Path
) -> None:
    for photograph in photographs[list(KINDS).index(kind) :: len(KINDS)]:
        source, made = tmp_path / photograph.name, tmp_path / f"hdr_{photograph.name}"
        source.write_bytes(_as(kind, photograph))
        base = read_base(source)
        light = expander.expand(np.ascontiguousarray(load_ldr(source).image, np.float32))
        write_ultra_hdr(made, base, light, GainMapOptions())
        assert _scans(made.read_bytes()) == _scans(source.read_bytes()), photograph.name
        wanted, found = luminance(light), luminance(_shown(kind, made, base))
        seen = wanted > DARK
        errors = np.abs(found[seen] / wanted[seen] - 1)
        assert np.median(errors) <= 0.01, photograph.name
        assert np.percentile(errors, 99) <= 0.05, photograph.name


def _as(kind: str, photograph: Path) -> bytes:
    changes = KINDS[kind]
    if changes is None:
        return photograph.read_bytes()
    with Image.open(photograph) as image:
        codes = np.asarray(image.convert("L" if kind == GREY else "RGB").reduce(SHRUNK))
    return jpeg(np.ascontiguousarray(codes), **changes)


def _shown(kind: str, made: Path, base: Base) -> np.ndarray:
    """What libultrahdr shows, upright, in BT.709; of grey pictures, which it refuses, our own reader."""
    if kind == GREY:
        return decode_ultra_hdr(made).pixels
    shown = imagecodecs.ultrahdr_decode(made.read_bytes())[..., :3].astype(np.float32) @ base.colours.to_bt709
    return turn_upright(shown, base.decoded.orientation)


def _scans(data: bytes) -> bytes:
    """The picture itself, behind the segments of the first header."""
    *_, last = segments(data)
    return data[last.end : picture_end(data)]
