"""Containers with statements that no writer of the tests' own makes: boxes put into MP4 files, Matroska by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import av

_PATH = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_ENTRIES = (b"avc1", b"hvc1", b"hev1", b"mp4v", b"jpeg")


def box(name: bytes, body: bytes) -> bytes:
    """A box of an MP4 file."""
    return struct.pack(">I4s", 8 + len(body), name) + body


def clean_aperture(width: int, height: int, right: tuple[int, int] = (0, 1), down: tuple[int, int] = (0, 1)) -> bytes:
    """A `clap` box: size, and the middle's offset as fractions of pixels."""
    return box(b"clap", struct.pack(">4I2i2iI", width, 1, height, 1, *right, *down, 0)[:32])


def colours(primaries: int, transfer: int, matrix: int) -> bytes:
    """A `colr` box of type nclx."""
    return box(b"colr", b"nclx" + struct.pack(">3HB", primaries, transfer, matrix, 0))


def dolby_vision_record(profile: int, compatibility: int) -> bytes:
    """The 24 bytes of a configuration record, level 3, base layer and RPU."""
    bits = (profile << 9) | (3 << 3) | 0b101
    return struct.pack(">2BHB", 1, 0, bits, compatibility << 4) + bytes(19)


def put_boxes(path: Path, *boxes: bytes) -> Path:
    """Put boxes behind the others of the first sample entry; `moov` must lie behind `mdat`."""
    data = bytearray(path.read_bytes())
    added = b"".join(boxes)
    start, end = 0, len(data)
    for wanted in (*_PATH, _ENTRIES):
        names = wanted if isinstance(wanted, tuple) else (wanted,)
        place = start
        while bytes(data[place + 4 : place + 8]) not in names:
            place += struct.unpack_from(">I", data, place)[0]
            assert place < end, wanted
        size = struct.unpack_from(">I", data, place)[0]
        struct.pack_into(">I", data, place, size + len(added))
        start, end = place + 8 + (8 if b"stsd" in names else 0), place + size
    data[end:end] = added
    path.write_bytes(data)
    return path


def set_matrix(path: Path, a: float, b: float, c: float, d: float) -> Path:
    """Set the display matrix of an MP4 file's first track."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 44
    values = [round(value * 65536) for value in (a, b, 0, c, d, 0, 0, 0)]
    struct.pack_into(">9i", data, place, *values, 1 << 30)
    path.write_bytes(data)
    return path


def element(name: str, body: bytes) -> bytes:
    """An element of a Matroska file; its name is the ID in hexadecimal digits."""
    return bytes.fromhex(name) + (0x0100_0000_0000_0000 | len(body)).to_bytes(8, "big") + body


def number(name: str, value: int) -> bytes:
    """An element that holds a number."""
    return element(name, value.to_bytes(4, "big"))


def to_matroska(
    clip: Path, path: Path, *, codec: str, video: Sequence[bytes] = (), track: Sequence[bytes] = ()
) -> Path:
    """Write a clip's pictures into a Matroska file.

    Args:
        clip: an MP4 or MOV file of at most 30 s.
        path: of the new file.
        codec: Matroska's name, "V_MPEG4/ISO/AVC" for example.
        video: elements to put into the track's `Video`.
        track: elements to put into the track.
    """
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        blocks = [
            element(
                "A3", b"\x81" + struct.pack(">hB", round(packet.pts * packet.time_base * 1000), 0x80) + bytes(packet)
            )
            for packet in container.demux(stream)
            if packet.size
        ]
        context = stream.codec_context
        size = number("B0", context.width) + number("BA", context.height)
        private = element("63A2", context.extradata) if context.extradata else b""
    entry = number("D7", 1) + number("73C5", 1) + number("83", 1) + element("86", codec.encode()) + private
    entry += element("E0", size + b"".join(video)) + b"".join(track)
    head = element("1A45DFA3", element("4282", b"matroska") + number("4287", 4) + number("4285", 2))
    body = element("1549A966", number("2AD7B1", 1_000_000)) + element("1654AE6B", element("AE", entry))
    body += element("1F43B675", number("E7", 0) + b"".join(blocks))
    path.write_bytes(head + element("18538067", body))
    return path


def add_descriptor(path: Path, descriptor: bytes) -> Path:
    """Put a descriptor behind the others of a transport stream's first stream, in each of its program maps."""
    data = bytearray(path.read_bytes())
    for place in range(0, len(data), 188):
        packet = data[place : place + 188]
        if packet[1] & 0x5F != 0x50 or packet[2] or packet[5] != 2:  # PID 0x1000, the start of a table 2
            continue
        section = bytearray(packet[5 : 5 + 3 + (int.from_bytes(packet[6:8], "big") & 0xFFF) - 4])
        first = 12 + (int.from_bytes(section[10:12], "big") & 0xFFF)
        length = int.from_bytes(section[first + 3 : first + 5], "big") & 0xFFF
        section[first + 5 + length : first + 5 + length] = descriptor
        section[first + 3 : first + 5] = (0xF000 | length + len(descriptor)).to_bytes(2, "big")
        section[1:3] = (0xB000 | len(section) - 3 + 4).to_bytes(2, "big")
        section += _crc(section).to_bytes(4, "big")
        data[place + 5 : place + 188] = section.ljust(183, b"\xff")
    path.write_bytes(data)
    return path


def _crc(section: bytes) -> int:
    """The check sum of a table of a transport stream."""
    value = 0xFFFFFFFF
    for byte in section:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value
