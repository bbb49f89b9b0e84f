"""HDR10: light to PQ code values, and the static metadata (SMPTE ST 2086, CTA-861.3) as HEVC messages and MP4 boxes."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mqn.hdr.primaries import change_primaries, primaries
from mqn.hdr.transfer import pq_encode
from mqn.media.ycbcr import from_rgb

BITS = 10
LEAST_NITS = 0.005
"""Black of the mastering display that is stated."""

_MASTERING_DISPLAY, _CONTENT_LIGHT = 137, 144  # ITU-T H.265, annex D: payload types
_PREFIX_SEI = 39
_FIRST_SLICE_TYPES = range(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentLight:
    """Light of a frame, or of a whole video, cd/m2 (CTA-861.3): of each pixel its largest channel counts.

    Attributes:
        maximum: MaxCLL.
        average: MaxFALL, the brightest frame's mean.
    """

    maximum: float
    average: float

    def joined(self, other: ContentLight) -> ContentLight:
        """That of both together."""
        return ContentLight(maximum=max(self.maximum, other.maximum), average=max(self.average, other.average))

    def coded(self) -> bytes:
        """Two whole numbers of 16 bits, rounded up."""
        return struct.pack(">2H", *(min(65535, math.ceil(value)) for value in (self.maximum, self.average)))


def encode_frame(light: np.ndarray, peak_nits: float) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ContentLight]:
    """Encode a picture as HDR10 samples: BT.2020 primaries, PQ, non-constant luminance, limited range, 4:2:0.

    `light` is (H, W, 3) float32, linear BT.709. 1.0 is `peak_nits` in cd/m2, and what is above is clipped. A picture
    with an odd side gets its last row or column twice, because neither 4:2:0 nor HEVC's cropping window has odd sizes.

    Returns:
        Y', Cb, Cr as `ycbcr.from_rgb` has them, and the frame's light.
    """
    height, width, _ = light.shape
    nits = np.clip(light, 0, 1) * np.float32(peak_nits)
    if height % 2 or width % 2:
        nits = np.pad(nits, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    # Rounding may lift white above the peak, and MaxCLL above what the mastering display is said to show.
    wide = np.minimum(change_primaries(nits, "bt709", "bt2020"), np.float32(peak_nits))
    largest = wide[:height, :width].max(axis=2)
    found = ContentLight(maximum=float(largest.max()), average=float(largest.mean(dtype=np.float64)))
    return from_rgb(pq_encode(wide), matrix="bt2020", bits=BITS), found


def mastering_display(peak_nits: float) -> bytes:
    """The mastering display's colour volume, as message and box hold it alike, in 24 bytes.

    Its primaries are BT.709's: reconstructions never leave them, and a screen that knows so need not make room for
    BT.2020, in which they are written. Green, blue, red, white in 0.00002; most and least luminance in 0.0001 cd/m2.
    """
    given = primaries("bt709")
    points = [round(value * 50000) for point in (given.green, given.blue, given.red, given.white) for value in point]
    return struct.pack(">8H2I", *points, round(peak_nits * 10000), round(LEAST_NITS * 10000))


def messages(peak_nits: float, content: ContentLight) -> bytes:
    """Both messages, each a NAL unit behind its length in 4 bytes, as MP4 and Matroska store them."""
    return _message(_MASTERING_DISPLAY, mastering_display(peak_nits)) + _message(_CONTENT_LIGHT, content.coded())


def with_messages(packet: bytes, added: bytes) -> bytes:
    """An access unit from the encoder, annex B of H.265, as MP4 stores it, with messages before its first slice."""
    parts = []
    for unit in _units(packet):
        if added and (unit[0] >> 1) & 0x3F in _FIRST_SLICE_TYPES:
            parts.append(added)
            added = b""
        parts.append(struct.pack(">I", len(unit)) + unit)
    return b"".join(parts)


def boxes(peak_nits: float, content: ContentLight) -> bytes:
    """The same as boxes of an MP4 file's sample entry: `mdcv` and `clli` (ISO/IEC 14496-12, 12.1.5 ff.)."""
    return b"".join(
        struct.pack(">I4s", 8 + len(body), name) + body
        for name, body in ((b"mdcv", mastering_display(peak_nits)), (b"clli", content.coded()))
    )


def insert_boxes(file: bytes, added: bytes) -> bytes:
    """Put boxes behind the others of an MP4 file's only HEVC sample entry; its `moov` lies behind its `mdat`."""
    data = bytearray(file)
    start, end = 0, len(data)
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1"):
        start, end = next((start, end) for found, start, end in _boxes(data, start, end) if found == name)
        struct.pack_into(">I", data, start - 8, end - start + 8 + len(added))
        # A sample description begins with version, flags and a count.
        start += 8 if name == b"stsd" else 0
    data[end:end] = added
    return bytes(data)


def _boxes(data: bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while start < end:
        size, name = struct.unpack_from(">I4s", data, start)
        yield name, start + 8, start + size
        start += size


def _units(packet: bytes) -> Iterator[bytes]:
    begin = packet.find(b"\0\0\1")
    while begin >= 0:
        following = packet.find(b"\0\0\1", begin + 3)
        yield packet[begin + 3 : following if following >= 0 else len(packet)].rstrip(b"\0")
        begin = following


def _message(kind: int, payload: bytes) -> bytes:
    body = bytes([kind, len(payload)]) + payload + b"\x80"
    unit = bytes([_PREFIX_SEI << 1, 1]) + _escaped(body)
    return struct.pack(">I", len(unit)) + unit


def _escaped(body: bytes) -> bytes:
    """Emulation prevention (H.265, 7.4.2): two zeros never stand before 0, 1, 2 or 3."""
    escaped = bytearray()
    for byte in body:
        if byte <= 3 and escaped[-2:] == b"\0\0":
            escaped.append(3)
        escaped.append(byte)
    return bytes(escaped)
