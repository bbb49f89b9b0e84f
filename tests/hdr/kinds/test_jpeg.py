"""Segments of JPEG files, and where a picture ends."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.support.jpegs import gradient, jpeg

from mqn.hdr.kinds.jpeg import Frame, encode_segment, first_frame, picture_end, segments


def test_segments_follow_each_other() -> None:
    data = jpeg(gradient()[1], orientation=6, thumbnail=True)
    found = list(segments(data))
    assert [segment.marker for segment in found][:2] == [0xE0, 0xE1]
    assert found[0].begin == 2
    assert all(before.end == after.begin for before, after in itertools.pairwise(found))
    assert all(data[one.begin : one.end] == encode_segment(one.marker, one.payload) for one in found)
    assert first_frame(data) == Frame(0xC0, 8, 40, 24, 3)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_picture_ends_at_its_own_marker(progressive: bool) -> None:
    """Not at its thumbnail's, and not at that of a picture behind it."""
    data = jpeg(gradient(200, 300)[1], thumbnail=True, progressive=progressive)
    assert data.count(b"\xff\xd9") >= 2
    assert picture_end(data + jpeg(np.zeros((8, 8), np.uint8))) == len(data)
    assert picture_end(data[:-2]) is None


def test_fill_bytes_and_damage_are_passed_over() -> None:
    data = jpeg(gradient()[1])
    filled = data[:2] + b"\xff\xff\xff" + data[2:]
    assert [one.payload for one in segments(filled)] == [one.payload for one in segments(data)]
    assert picture_end(filled) == len(filled)
    assert list(segments(b"\xff\xd8" + b"\xff" * 100_000)) == []
    assert picture_end(b"\xff\xd8" + b"\xff" * 100_000 + b"\0") is None
    assert first_frame(b"\xff\xd8\xff\xc0\0\4\x08\1") is None
