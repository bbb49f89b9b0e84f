"""What a codec costs before anything is trained: the truth, forced into the range that each pixel can reach."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from mqn.hdr.codec import decode, encode, in_scale, picture_scale
from mqn.hdr.gains import GAIN_STOPS
from mqn.hdr.io.files import read
from mqn.hdr.reach import TANH_LIMIT
from mqn.hdr.transfer import srgb_encode
from mqn.metrics.protocol import do_nothing
from mqn.metrics.tonemapped import psnr

PICTURES = 6


@pytest.fixture(scope="module")
def photographs(shared: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs (ldr, truth) of a few validation photographs, one a source, exposed at their 95 % point."""
    with (shared / "hdr" / "manifest.csv").open() as stream:
        by_source = {row["source"]: row["file"] for row in csv.DictReader(stream) if row["split"] == "val"}
    pairs = []
    for file in sorted(by_source.values())[:PICTURES]:
        image = read(shared / "hdr" / file)[::4, ::4]
        truth = image / np.float32(picture_scale(image))
        exposed = srgb_encode(np.clip(truth / np.percentile(truth, 95), 0, 1))
        pairs.append((np.rint(255 * exposed) / 255, truth))
    return pairs


def _ceiling(ldr: np.ndarray, truth: np.ndarray, codec: str) -> float:
    lowest, highest = (1 / (1 + np.exp(-(ldr + sign * TANH_LIMIT))) for sign in (-1, 1))
    light = decode(np.clip(encode(truth, codec, ldr), lowest, highest), codec, ldr)
    return psnr(in_scale(light, codec), truth)


@pytest.mark.parametrize("codec", ["mulaw", "log", "pq"])
def test_a_curved_codec_leaves_room_above_any_network(
    photographs: list[tuple[np.ndarray, np.ndarray]], codec: str
) -> None:
    assert min(_ceiling(ldr, truth, codec) for ldr, truth in photographs) > 50


def test_a_gain_has_room_where_the_truth_is_not_beyond_it(photographs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    within = [pair for pair in photographs if 1 / np.percentile(pair[1], 95) < 2**GAIN_STOPS]
    assert len(within) >= PICTURES - 2
    # Colours that are clipped in all channels do not come back.
    assert min(_ceiling(ldr, truth, "gain") for ldr, truth in within) > 25


def test_the_linear_codec_cannot_even_do_nothing(photographs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    nothing = np.mean([psnr(do_nothing(ldr), truth) for ldr, truth in photographs])
    assert np.mean([_ceiling(ldr, truth, "linear") for ldr, truth in photographs]) < nothing
