"""XMP packets: figures as attributes and lists, and the directory beside what stood there."""

from __future__ import annotations

from xml.dom import minidom

import pytest

from mqn.hdr.gain_map import xmp
from mqn.hdr.gain_map.metadata import GainMapError, GainMapMetadata

NAMES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" '
    'xmlns:Container="http://ns.google.com/photos/1.0/container/" '
    'xmlns:Item="http://ns.google.com/photos/1.0/container/item/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


def packet(inside: str, attributes: str = "") -> bytes:
    described = f'<rdf:Description rdf:about="me" {attributes}>{inside}</rdf:Description>'
    return f'<?xpacket begin=""?><rdf:RDF {NAMES}>{described}</rdf:RDF><?xpacket end="w"?>'.encode()


def test_what_is_written_is_read(grey: GainMapMetadata, coloured: GainMapMetadata) -> None:
    assert [xmp.decode(xmp.encode(metadata)) for metadata in (grey, coloured)] == [grey, coloured]


def test_attributes_and_elements_are_read_and_the_rest_has_its_defaults() -> None:
    inside = (
        "<hdrgm:GainMapMax><rdf:Seq><rdf:li>1</rdf:li><rdf:li>2</rdf:li><rdf:li>3</rdf:li></rdf:Seq></hdrgm:GainMapMax>"
    )
    inside += "<hdrgm:Gamma>2</hdrgm:Gamma>"
    read = xmp.decode(packet(inside, 'hdrgm:Version="1.0" hdrgm:HDRCapacityMax="1.5"'))
    assert read == GainMapMetadata(
        minimum=(0.0,) * 3, maximum=(1.0, 2.0, 3.0), gamma=(2.0,) * 3, base_offset=(1 / 64,) * 3,
        alternate_offset=(1 / 64,) * 3, alternate_headroom=1.5,
    )  # fmt: skip
    assert xmp.decode(packet("<dc:title>none</dc:title>")) is None


def test_the_directory_joins_what_stood_there() -> None:
    written = xmp.with_directory(packet("<dc:title>Lake</dc:title>", 'dc:rights="two&#xA;lines &amp; more"'), 1234)
    assert xmp.has_gain_map(written)
    assert b"<dc:title>Lake</dc:title>" in written
    assert b'dc:rights="two&#xA;lines &amp; more"' in written
    document = minidom.parseString(written)
    described = document.getElementsByTagName("rdf:Description")
    assert [node.getAttribute("rdf:about") for node in described] == ["me", "me"]
    lengths = [node.getAttribute("Item:Length") for node in document.getElementsByTagName("Container:Item")]
    assert lengths == ["", "1234"]


def test_a_former_directory_is_replaced() -> None:
    once = xmp.with_directory(packet("", 'hdrgm:Version="1.0" dc:format="image/jpeg"'), 5)
    twice = xmp.with_directory(once, 6)
    assert twice.count(b"hdrgm:Version") == twice.count(b"Container:Directory>") // 2 == 1
    assert b'Item:Length="6"' in twice
    assert b'Item:Length="5"' not in twice
    assert b'dc:format="image/jpeg"' in twice


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<rdf", "damaged"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "define entities"),
        (packet("", 'hdrgm:Version="1.0" hdrgm:HDRCapacityMax="1"'), "0 figures of GainMapMax"),
        (packet("", 'hdrgm:Version="1.0" hdrgm:HDRCapacityMax="1" hdrgm:GainMapMax="much"'), "is no number"),
        (packet("", 'hdrgm:Version="1.0" hdrgm:HDRCapacityMax="nan" hdrgm:GainMapMax="1"'), "beyond 24 stops"),
        (packet("", 'hdrgm:Version="1.0" hdrgm:BaseRenditionIsHDR="True"'), "SDR of an HDR base"),
        (b"<x>\xff</x>", "damaged"),
        (b"<x>" * 5000 + b"</x>" * 5000, "nested too deeply"),
    ],
)
def test_damage_is_named(data: bytes, words: str) -> None:
    with pytest.raises(GainMapError, match=words):
        xmp.decode(data)


def test_further_files_are_never_lost() -> None:
    video = '<Container:Directory><Container:Item Item:Semantic="MotionPhoto"/></Container:Directory>'
    with pytest.raises(GainMapError, match="a motion photo's video"):
        xmp.with_directory(packet(video), 1)
    with pytest.raises(GainMapError, match="XMP data are damaged"):
        xmp.with_directory(b"<x/>", 1)
