"""ICC profiles made from numbers: of displays by Little CMS, of a printer by hand."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np

from mqn.hdr.primaries import primaries


def display_profile(name: str, gamma: float = 2.2) -> bytes:
    """A display of named primaries and a power law."""
    given = primaries(name)
    points = [number for x, y in (given.red, given.green, given.blue) for number in (x, y, 1.0)]
    return bytes(imagecodecs.cms_profile("rgb", whitepoint=[*given.white, 1.0], primaries=points, gamma=gamma))


def grey_profile(gamma: float) -> bytes:
    """Grey of a power law."""
    return bytes(imagecodecs.cms_profile("gray", whitepoint=[0.3127, 0.3290, 1.0], gamma=gamma))


def cmyk_profile() -> bytes:
    """A printer whose inks make nothing but grey: L* falls from 100 by 25 for each of four full inks."""
    corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], [0, 1], indexing="ij")).reshape(4, -1).sum(0)
    lab = np.stack([np.rint(255 - 255 / 4 * corners), np.full(16, 128), np.full(16, 128)], axis=-1).astype(np.uint8)
    ramp = np.arange(256, dtype=np.uint8).tobytes()
    identity = struct.pack(">9i", *(65536 * int(i % 4 == 0) for i in range(9)))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + ramp * 4 + lab.tobytes() + ramp * 3
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 9) + b"Test inks"[:8] + b"\0" + bytes(78),
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061),
        b"A2B0": lut + bytes(-len(lut) % 4),
    }
    body, table, at = b"", b"", 128 + 4 + 12 * len(tags)
    for signature, data in tags.items():
        table += signature + struct.pack(">2I", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s", at + len(body), b"lcms", 0x02100000, b"prtr", b"CMYK", b"Lab ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def with_numbers(profile: bytes, primaries: int, transfer: int) -> bytes:
    """The same with the tag cicp, colours by the numbers of H.273."""
    (count,) = struct.unpack_from(">I", profile, 128)
    table = b""
    for at in range(132, 132 + 12 * count, 12):
        signature, begin, size = struct.unpack_from(">4s2I", profile, at)
        table += struct.pack(">4s2I", signature, begin + 12, size)
    body = profile[132 + 12 * count :]
    table += struct.pack(">4s2I", b"cicp", len(profile) + 12, 12)
    data = b"cicp" + bytes(4) + bytes((primaries, transfer, 0, 1))
    whole = profile[:128] + struct.pack(">I", count + 1) + table + body + data
    return struct.pack(">I", len(whole)) + whole[4:]
