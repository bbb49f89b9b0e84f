"""Code values, metadata bytes and time stamps of decoding."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from mqn.hdr.transfer import pq_decode
from mqn.media.writing.hdr10 import ContentLight, encode_frame, mastering_display, messages, with_messages
from mqn.media.writing.joining import decoding_times
from mqn.media.ycbcr import to_rgb


def test_white_is_the_peak_and_states_its_light() -> None:
    (y, cb, cr), content = encode_frame(np.ones((2, 2, 3), np.float32), 1000.0)
    # PQ of 1000 cd/m2 is 0.7518: 64 + 876 * 0.7518 = 722.6.
    assert (y[0, 0], cb[0, 0], cr[0, 0]) == (723, 512, 512)
    assert content.maximum == pytest.approx(1000, rel=1e-4)
    assert content.average == pytest.approx(1000, rel=1e-4)


def test_colours_come_back_in_bt2020_light() -> None:
    light = np.full((4, 4, 3), (0.5, 0.02, 0.1), np.float32)
    planes, content = encode_frame(light, 1000.0)
    nits = pq_decode(to_rgb(planes, matrix="bt2020", bits=10, full=False, siting="top_left"))
    # BT.2087: R = 0.6274 * 500 + 0.3293 * 20 + 0.0433 * 100, and so on. A 10-bit step of PQ is about 1 %.
    np.testing.assert_allclose(nits[0, 0], [324.6, 54.1, 99.5], rtol=0.03)
    assert content.maximum == pytest.approx(324.6, rel=1e-3)


def test_odd_sides_become_even_by_repeating_and_do_not_count_as_light() -> None:
    light = np.zeros((3, 5, 3), np.float32)
    light[2, 4] = 1
    (y, cb, _), content = encode_frame(light, 100.0)
    assert (y.shape, cb.shape) == ((4, 6), (2, 3))
    assert y[3, 5] == y[2, 4] > y[0, 0]
    assert content.average == pytest.approx(100 / 15, rel=1e-4)


def test_light_above_the_peak_is_clipped() -> None:
    assert encode_frame(np.full((2, 2, 3), 7, np.float32), 400.0)[1].maximum == pytest.approx(400, rel=1e-4)


@pytest.mark.parametrize("peak_nits", [5, 37, 203, 1000, 4000])
def test_white_is_stated_no_brighter_than_the_mastering_display(peak_nits: int) -> None:
    content = encode_frame(np.ones((2, 2, 3), np.float32), float(peak_nits))[1]
    assert struct.unpack(">2H", content.coded()) == (peak_nits, peak_nits)


def test_mastering_display_is_green_blue_red_white_then_luminance() -> None:
    numbers = struct.unpack(">8H2I", mastering_display(1000.0))
    assert numbers == (15000, 30000, 7500, 3000, 32000, 16500, 15635, 16450, 10_000_000, 50)


def test_messages_stand_before_the_first_slice_with_zeros_escaped() -> None:
    parameter, first, second = b"\x40\x01aa", b"\x26\x01bb", b"\x02\x01cc"
    packet = b"\0\0\0\1" + parameter + b"\0\0\1" + first + b"\0\0\1" + second
    added = messages(1000.0, ContentLight(maximum=900.2, average=0.0))
    stored = with_messages(packet, added)
    assert stored == b"\0\0\0\4" + parameter + added + b"\0\0\0\4" + first + b"\0\0\0\4" + second
    # Payload 144 of 4 bytes: 901 = 0x0385 rounded up, and 0; a 3 keeps zeros apart where needed, here nowhere.
    assert added.endswith(bytes([39 << 1, 1, 144, 4, 3, 0x85, 0, 0, 0x80]))
    dark = messages(1000.0, ContentLight(maximum=0.0, average=1.0))
    assert dark.endswith(bytes([144, 4, 0, 0, 3, 0, 1, 0x80]))


def test_decoding_times_rise_and_are_never_late() -> None:
    # Two runs, unevenly spaced: key, then a frame shown before the one decoded before it.
    pts = [0, 40, 10, 20, 100, 140, 110]
    dts = decoding_times(pts)
    assert dts == sorted(set(dts))
    assert all(decoded <= shown for decoded, shown in zip(dts, pts, strict=True))
    assert decoding_times([5]) == [5]
