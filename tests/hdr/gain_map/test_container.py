"""Files of two pictures: what is inserted, what stays, and hostile places."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, MpoImagePlugin
from tests.support.jpegs import display_p3, gradient, jpeg

from mqn.hdr.gain_map import iso, xmp
from mqn.hdr.gain_map.container import compose, extract, has_gain_map, pictures
from mqn.hdr.gain_map.index import SIGNATURE
from mqn.hdr.gain_map.metadata import GainMapError, GainMapMetadata
from mqn.hdr.kinds.jpeg import APP1, APP2, encode_segment, picture_end, segments

MAP = jpeg(np.full((8, 8), 99, np.uint8))
BASE = jpeg(gradient()[1], orientation=6, thumbnail=True, profile=display_p3())


def payloads(data: bytes, marker: int, begin: bytes) -> list[bytes]:
    return [found.payload for found in segments(data) if found.marker == marker and found.payload.startswith(begin)]


def without_ours(data: bytes) -> bytes:
    """A file's first picture without the three segments."""
    kept, at = b"", 0
    for found in segments(data):
        ours = (APP1, xmp.NAMESPACE), (APP2, iso.NAMESPACE), (APP2, SIGNATURE)
        if any(found.marker == marker and found.payload.startswith(begin) for marker, begin in ours):
            kept, at = kept + data[at : found.begin], found.end
    return kept + data[at : picture_end(data)]


@pytest.mark.parametrize("progressive", [False, True])
def test_only_three_segments_are_added_to_the_base(grey: GainMapMetadata, progressive: bool) -> None:
    base = jpeg(gradient()[1], orientation=6, thumbnail=True, profile=display_p3(), progressive=progressive)
    written, behind = compose(base, MAP, grey)
    assert behind == 0
    assert without_ours(written) == base
    markers = [found.marker for found in segments(written)]
    # JFIF, EXIF, ours, and the base's own.
    assert markers[:5] == [0xE0, APP1, APP1, APP2, APP2]
    assert payloads(written, APP2, iso.NAMESPACE) == [iso.NAMESPACE + bytes(4)]


def test_every_reader_finds_the_map(grey: GainMapMetadata) -> None:
    written, _ = compose(BASE, MAP, grey)
    assert has_gain_map(written)
    assert not has_gain_map(BASE)
    [first, second] = pictures(written) or []
    assert first == (0, picture_end(written))
    assert second.begin + second.size == len(written)
    assert f'Item:Length="{second.size}"'.encode() in payloads(written, APP1, xmp.NAMESPACE)[0]
    found = extract(written)
    assert (found.jpeg, found.metadata) == (written[second.begin :], grey)
    # Pillow's own reading of the index.
    image = MpoImagePlugin.MpoImageFile(io.BytesIO(written))
    image.seek(1)
    assert np.asarray(image).tolist() == np.asarray(Image.open(io.BytesIO(MAP))).tolist()


def test_either_form_of_the_metadata_is_enough(coloured: GainMapMetadata) -> None:
    written, _ = compose(BASE, MAP, coloured)
    for spoiled in (iso.NAMESPACE, b"http://ns.adobe.com/hdr-gain-map/1.0/"):
        end = picture_end(written) or 0
        assert extract(written[:end] + written[end:].replace(spoiled, b"x" * len(spoiled))).metadata == coloured


def test_a_former_packet_goes_on_and_former_maps_are_left_out(grey: GainMapMetadata, coloured: GainMapMetadata) -> None:
    packet = (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description note="mine"/></rdf:RDF>'
    )
    base = jpeg(gradient()[1], xmp=packet)
    once, _ = compose(base, MAP, grey)
    twice, behind = compose(once, MAP, coloured)
    assert behind == len(once) - (picture_end(once) or 0)
    assert without_ours(twice) == without_ours(base)
    [joined] = payloads(twice, APP1, xmp.NAMESPACE)
    assert b'note="mine"' in joined
    assert extract(twice).metadata == coloured
    assert len(payloads(twice, APP2, SIGNATURE)) == len(payloads(twice, APP2, iso.NAMESPACE)) == 1


def test_a_trailer_is_counted(grey: GainMapMetadata) -> None:
    written, behind = compose(BASE + b"SEFT", MAP, grey)
    assert (written, behind) == (compose(BASE, MAP, grey)[0], 4)


def test_what_cannot_be_listed_is_refused(grey: GainMapMetadata) -> None:
    with pytest.raises(GainMapError, match="no end marker"):
        compose(BASE[:-2], MAP, grey)
    packet = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><a b="%s"/></rdf:RDF>' % (b"x" * 65200)
    with pytest.raises(GainMapError, match="leave no room"):
        compose(jpeg(gradient()[1], xmp=packet), MAP, grey)


@pytest.mark.parametrize(("begin", "size"), [(2**32 - 1, 8), (10, 2**32 - 1), (10, 20)])
def test_places_outside_the_file_or_of_no_picture_are_refused(begin: int, size: int, grey: GainMapMetadata) -> None:
    written, _ = compose(BASE, MAP, grey)
    at = written.index(SIGNATURE) + 86 - 16
    hostile = written[: at + 4] + struct.pack(">2I", size, begin) + written[at + 12 :]
    with pytest.raises(GainMapError, match="is not where the file's index says"):
        extract(hostile)


def test_an_index_of_many_pictures_is_not_followed(grey: GainMapMetadata) -> None:
    written, _ = compose(BASE, MAP, grey)
    entries = struct.pack(">3I2H", 0, len(BASE), 0, 0, 0) * 17
    tags = struct.pack(">3H2I", 1, 0xB002, 7, len(entries), 26)
    hostile = encode_segment(APP2, SIGNATURE + b"MM\0*" + struct.pack(">I", 8) + tags + bytes(4) + entries)
    with pytest.raises(GainMapError, match="among 17 pictures"):
        extract(written[:2] + hostile + written[2:])


def test_a_file_without_index_or_map_is_told(grey: GainMapMetadata) -> None:
    written, _ = compose(BASE, MAP, grey)
    with pytest.raises(GainMapError, match="no index"):
        extract(written.replace(SIGNATURE + b"MM", SIGNATURE + b"XX"))
    end = picture_end(written) or 0
    with pytest.raises(GainMapError, match="is not where"):
        extract(written[:-1])
    plain = encode_segment(APP1, bytes(len(written) - end - len(MAP) - 4))
    with pytest.raises(GainMapError, match="none of the file's pictures"):
        extract(written[:end] + MAP[:2] + plain + MAP[2:])
