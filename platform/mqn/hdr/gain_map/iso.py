"""Gain-map metadata as ISO 21496-1 writes them, and libultrahdr and Skia read them: fractions, big-endian."""

from __future__ import annotations

import struct

from mqn.hdr.gain_map.metadata import GainMapError, GainMapMetadata, triple

NAMESPACE = b"urn:iso:std:iso:ts:21496:-1\0"
"""How the APP2 segment begins, in the base and in the map."""

VERSION = bytes(4)
"""Least version that a reader must know, and version of the writer. Of the base, the segment says no more."""

_MULTICHANNEL, _BASE_COLOURS, _COMMON_DENOMINATOR = 0x80, 0x40, 0x08
# 20 bits behind the point: gains to a millionth of a stop, up to 2048.
_DENOMINATOR = 1 << 20
# Per channel: minimum, maximum, gamma, base offset, alternate offset. Only gamma has no sign.
_SIGNED = (True, True, False, True, True)


def encode(metadata: GainMapMetadata) -> bytes:
    """Write metadata: 61 bytes for one channel, 141 for three."""
    flags = _BASE_COLOURS if metadata.in_base_colours else 0
    channels = 1 if metadata.is_grey else 3
    if channels == 3:
        flags |= _MULTICHANNEL
    fields = (
        metadata.minimum, metadata.maximum, metadata.gamma, metadata.base_offset, metadata.alternate_offset,
    )  # fmt: skip
    values = [metadata.base_headroom, metadata.alternate_headroom]
    values += [field[channel] for channel in range(channels) for field in fields]
    fractions = b"".join(struct.pack(">iI", round(value * _DENOMINATOR), _DENOMINATOR) for value in values)
    return VERSION + bytes([flags]) + fractions


def decode(data: bytes) -> GainMapMetadata:
    """Read metadata, without the segment's namespace.

    Raises:
        GainMapError: cut short, of a later version, a division by 0, or out of range.
    """
    if len(data) < 5:
        raise GainMapError("has ISO 21496-1 metadata that are cut short: damaged")
    if int.from_bytes(data[:2], "big") > 0:
        raise GainMapError("has metadata of a later version of ISO 21496-1, which is not supported")
    flags = data[4]
    channels = 3 if flags & _MULTICHANNEL else 1
    signs = (False, False, *_SIGNED * channels)
    try:
        if flags & _COMMON_DENOMINATOR:
            (common,) = struct.unpack_from(">I", data, 5)
            numbers = struct.unpack_from(">" + "".join("i" if sign else "I" for sign in signs), data, 9)
            values = [number / common for number in numbers]
        else:
            pairs = struct.unpack_from(">" + "".join("iI" if sign else "II" for sign in signs), data, 5)
            values = [above / below for above, below in zip(pairs[::2], pairs[1::2], strict=True)]
    except struct.error as error:
        raise GainMapError("has ISO 21496-1 metadata that are cut short: damaged") from error
    except ZeroDivisionError as error:
        raise GainMapError("has ISO 21496-1 metadata that divide by 0: damaged") from error
    base_headroom, alternate_headroom, *rest = values
    fields = [triple(rest[field::5]) for field in range(5)]
    return GainMapMetadata(
        minimum=fields[0],
        maximum=fields[1],
        gamma=fields[2],
        base_offset=fields[3],
        alternate_offset=fields[4],
        base_headroom=base_headroom,
        alternate_headroom=alternate_headroom,
        in_base_colours=bool(flags & _BASE_COLOURS),
    )
