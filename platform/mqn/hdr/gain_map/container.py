"""Base and gain map to one file, and back: bytes only, no picture is decoded."""

from __future__ import annotations

from typing import NamedTuple

from mqn.hdr.gain_map import index, iso, xmp
from mqn.hdr.gain_map.metadata import GainMapError, GainMapMetadata
from mqn.hdr.kinds.jpeg import (
    APP0,
    APP1,
    APP2,
    MOST_PAYLOAD_BYTES,
    START,
    Segment,
    encode_segment,
    picture_end,
    segments,
)

_EXIF = b"Exif\0\0"
# Each is looked at whole: thousands that are the same bytes would take minutes.
_MOST_PICTURES = 16


class GainMap(NamedTuple):
    """A gain map out of a file.

    Attributes:
        jpeg: the bytes of its picture.
        metadata: what its codes stand for.
    """

    jpeg: bytes
    metadata: GainMapMetadata


def has_gain_map(data: bytes) -> bool:
    """Whether a JPEG file says that it has a gain map, in either form."""
    return any(
        _is(segment, APP2, iso.NAMESPACE) or (_is(segment, APP1, xmp.NAMESPACE) and xmp.has_gain_map(segment.payload))
        for segment in segments(data)
    )


def pictures(data: bytes) -> list[index.Place] | None:
    """Where the pictures of a file lie, counted from the file's begin; None where no usable index says so."""
    for segment in segments(data):
        if _is(segment, APP2, index.SIGNATURE):
            places = index.decode(segment.payload[len(index.SIGNATURE) :])
            mark = segment.begin + len(encode_segment(APP2, index.SIGNATURE))
            return places and [index.Place(begin + mark if begin else 0, size) for begin, size in places]
    return None


def compose(base: bytes, gain_map: bytes, metadata: GainMapMetadata) -> tuple[bytes, int]:
    """Put a base picture and a gain map into one file.

    Segments are inserted behind JFIF and EXIF: XMP, ISO 21496-1, index. A former packet of XMP goes on in ours; former
    segments on a gain map, and a former index, are left out. Every other byte up to the base's end marker stays.

    Args:
        base: a JPEG file.
        gain_map: a JPEG file, as an encoder makes it.
        metadata: of the gain map.

    Returns:
        The file, and how many bytes behind the base's picture are left out (former maps, a phone's trailer).

    Raises:
        GainMapError: the base has no end, or its XMP data are damaged, list further files, or leave no room.
    """
    end = picture_end(base)
    if end is None:
        raise GainMapError("cannot be added: its picture has no end marker, so it is cut short")
    own = _with_metadata(gain_map, metadata)
    former = list(segments(base))
    packets = [segment for segment in former if _is(segment, APP1, xmp.NAMESPACE)]
    packet = xmp.with_directory(packets[0].payload[len(xmp.NAMESPACE) :] if packets else None, len(own))
    if len(xmp.NAMESPACE) + len(packet) > MOST_PAYLOAD_BYTES:
        raise GainMapError("cannot be listed: the picture's XMP data leave no room")
    replaced = [
        segment
        for segment in former
        if _is(segment, APP2, iso.NAMESPACE) or _is(segment, APP2, index.SIGNATURE) or segment in packets[:1]
    ]
    at = _place(former)
    head = _without(base, 0, at, replaced)
    head += encode_segment(APP1, xmp.NAMESPACE + packet) + encode_segment(APP2, iso.NAMESPACE + iso.VERSION)
    tail = _without(base, at, end, replaced)
    mark = len(head) + len(encode_segment(APP2, index.SIGNATURE))
    size = mark + len(index.encode(0, 0, 0)) - len(index.SIGNATURE) + len(tail)
    return head + encode_segment(APP2, index.encode(size, mark, len(own))) + tail + own, len(base) - end


def extract(data: bytes) -> GainMap:
    """Find a file's gain map; every place that the file states is checked against its size.

    Raises:
        GainMapError: there is none, or no index, or it is damaged.
    """
    places = pictures(data)
    if places is None:
        raise GainMapError("is not to be found: the file has no index of its pictures, or a damaged one")
    if len(places) > _MOST_PICTURES:
        raise GainMapError(f"is not looked for among {len(places)} pictures: damaged")
    for begin, size in places:
        jpeg = data[begin : begin + size] if begin else b""
        if begin and (len(jpeg) < size or not jpeg.startswith(START)):
            raise GainMapError("is not where the file's index says: damaged, or cut short")
        metadata = _metadata(jpeg)
        if metadata is not None:
            return GainMap(jpeg, metadata)
    raise GainMapError("is not to be found: none of the file's pictures has the figures of one")


def _metadata(jpeg: bytes) -> GainMapMetadata | None:
    """The figures of a picture, if it is a gain map. ISO 21496-1 goes before XMP: it is exact."""
    packet = None
    for segment in segments(jpeg):
        if _is(segment, APP2, iso.NAMESPACE) and len(segment.payload) > len(iso.NAMESPACE) + len(iso.VERSION):
            return iso.decode(segment.payload[len(iso.NAMESPACE) :])
        if _is(segment, APP1, xmp.NAMESPACE):
            packet = segment.payload[len(xmp.NAMESPACE) :]
    return xmp.decode(packet) if packet is not None and xmp.has_gain_map(packet) else None


def _with_metadata(gain_map: bytes, metadata: GainMapMetadata) -> bytes:
    at = _place(list(segments(gain_map)))
    inserted = encode_segment(APP1, xmp.NAMESPACE + xmp.encode(metadata))
    inserted += encode_segment(APP2, iso.NAMESPACE + iso.encode(metadata))
    return gain_map[:at] + inserted + gain_map[at:]


def _place(former: list[Segment]) -> int:
    """Behind the segments that have to be first: JFIF, and EXIF (Exif 2.32, 4.5.4)."""
    at = len(START)
    for segment in former:
        if segment.marker != APP0 and not _is(segment, APP1, _EXIF):
            break
        at = segment.end
    return at


def _without(data: bytes, begin: int, end: int, removed: list[Segment]) -> bytes:
    kept = b""
    for segment in removed:
        if begin <= segment.begin < end:
            kept += data[begin : segment.begin]
            begin = segment.end
    return kept + data[begin:end]


def _is(segment: Segment, marker: int, begin: bytes) -> bool:
    return segment.marker == marker and segment.payload.startswith(begin)
