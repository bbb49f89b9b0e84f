"""XMP packets of Ultra HDR files: Adobe's gain-map figures, and Google's directory of the file in the base's packet."""

from __future__ import annotations

import re
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from mqn.hdr.gain_map.metadata import GainMapError, GainMapMetadata, Triple, triple

NAMESPACE = b"http://ns.adobe.com/xap/1.0/\0"
"""How the APP1 segment begins."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"
_CONTAINER = "http://ns.google.com/photos/1.0/container/"
_ITEM = "http://ns.google.com/photos/1.0/container/item/"

# Stands for the begin of a character's number while a packet is parsed: line breaks in attributes would become spaces.
_REFERENCE = "\ue000#"
_DEEPEST = 100

_PACKET = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">%s</rdf:RDF></x:xmpmeta>'


def encode(metadata: GainMapMetadata) -> bytes:
    """Write the map's own packet (Adobe, Gain Map Specification 1.0)."""
    fields = {
        "GainMapMin": metadata.minimum,
        "GainMapMax": metadata.maximum,
        "Gamma": metadata.gamma,
        "OffsetSDR": metadata.base_offset,
        "OffsetHDR": metadata.alternate_offset,
    }
    words = {"Version": "1.0", "BaseRenditionIsHDR": "False"}
    words |= {"HDRCapacityMin": f"{metadata.base_headroom:.6f}", "HDRCapacityMax": f"{metadata.alternate_headroom:.6f}"}
    lists = ""
    for name, values in fields.items():
        if metadata.is_grey:
            words[name] = f"{values[0]:.10f}"
        else:
            items = "".join(f"<rdf:li>{value:.10f}</rdf:li>" for value in values)
            lists += f"<hdrgm:{name}><rdf:Seq>{items}</rdf:Seq></hdrgm:{name}>"
    attributes = "".join(f' hdrgm:{name}="{value}"' for name, value in words.items())
    described = f'<rdf:Description rdf:about="" xmlns:hdrgm="{_HDRGM}"{attributes}>{lists}</rdf:Description>'
    return (_PACKET % described).encode()


def decode(packet: bytes) -> GainMapMetadata | None:
    """Read the figures of a map's packet; None where it has none.

    Raises:
        GainMapError: the packet is damaged, figures are missing or out of range, or the base is the HDR picture.
    """
    for described in _parsed(packet).getElementsByTagNameNS(_RDF, "Description"):
        values = {name: _values(described, name) for name in _FIELDS}
        if not values["Version"]:
            continue
        if values["BaseRenditionIsHDR"] and values["BaseRenditionIsHDR"][0].lower() == "true":
            raise GainMapError("makes SDR of an HDR base, which is not supported")
        return GainMapMetadata(
            minimum=_triple(values, "GainMapMin", "0"),
            maximum=_triple(values, "GainMapMax"),
            gamma=_triple(values, "Gamma", "1"),
            base_offset=_triple(values, "OffsetSDR", "0.015625"),
            alternate_offset=_triple(values, "OffsetHDR", "0.015625"),
            base_headroom=_triple(values, "HDRCapacityMin", "0")[0],
            alternate_headroom=_triple(values, "HDRCapacityMax")[0],
        )
    return None


def has_gain_map(packet: bytes) -> bool:
    """Whether a packet, the base's or the map's, speaks of a gain map."""
    return _HDRGM.encode() in packet


def with_directory(packet: bytes | None, map_bytes: int) -> bytes:
    """Write the base's packet: what stood there, and where the gain map is (Android, Ultra HDR Image Format 1.1).

    Readers take the first packet only, so that a second one would be lost. A former directory of base and gain map,
    and Adobe's figures, are replaced.

    Args:
        packet: the base's own, or None.
        map_bytes: size of the gain map's JPEG.

    Raises:
        GainMapError: the packet is damaged, or lists further files.
    """
    items = (
        '<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li>'
        '<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg" '
        f'Item:Length="{map_bytes}"/></rdf:li>'
    )
    described = (
        f'<rdf:Description rdf:about="" xmlns:Container="{_CONTAINER}" xmlns:Item="{_ITEM}" xmlns:hdrgm="{_HDRGM}" '
        f'hdrgm:Version="1.0"><Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory></rdf:Description>'
    )
    if packet is None:
        return (_PACKET % described).encode()
    document = _parsed(packet)
    roots = document.getElementsByTagNameNS(_RDF, "RDF")
    if not roots:
        raise GainMapError("cannot be listed: the picture's XMP data are damaged")
    _remove_directory(document)
    added = minidom.parseString(_PACKET % described)  # noqa: S318 - of our own words
    node = added.getElementsByTagNameNS(_RDF, "Description")[0]
    # The packet may have another prefix for RDF.
    node.setAttribute("xmlns:rdf", _RDF)
    # The name that a packet gives its picture, if it does, stands in each of its descriptions.
    former = roots[0].getElementsByTagNameNS(_RDF, "Description")
    node.setAttribute("rdf:about", former[0].getAttributeNS(_RDF, "about") if former else "")
    roots[0].appendChild(document.importNode(node, deep=True))
    return "".join(child.toxml() for child in document.childNodes).replace(_REFERENCE, "&#").encode()


_FIELDS = (
    "Version", "BaseRenditionIsHDR", "GainMapMin", "GainMapMax", "Gamma", "OffsetSDR", "OffsetHDR", "HDRCapacityMin",
    "HDRCapacityMax",
)  # fmt: skip


def _parsed(packet: bytes) -> minidom.Document:
    try:
        text = packet.strip(b"\0").decode().replace("&#", _REFERENCE)
        # Entities could make gigabytes of a packet, and XMP has none (XMP Specification, part 1, 7.1).
        if re.search(r"<!(DOCTYPE|ENTITY)", text):
            raise GainMapError("has XMP data that define entities, which is not supported")
        document = minidom.parseString(text)  # noqa: S318 - at most 64 KB, without entities
    except (ExpatError, UnicodeDecodeError) as error:
        raise GainMapError("has XMP data that are damaged, or so has its picture") from error
    # What follows is recursive.
    nodes: list[minidom.Node] = [document]
    for _ in range(_DEEPEST):
        nodes = [child for node in nodes for child in node.childNodes]
    if nodes:
        raise GainMapError("has XMP data that are nested too deeply: damaged")
    return document


def _remove_directory(document: minidom.Document) -> None:
    for directory in document.getElementsByTagNameNS(_CONTAINER, "Directory"):
        items = directory.getElementsByTagNameNS(_CONTAINER, "Item")
        if any(item.getAttributeNS(_ITEM, "Semantic") not in ("Primary", "GainMap") for item in items):
            raise GainMapError("cannot be listed: the picture's XMP data list further files (a motion photo's video)")
    for described in document.getElementsByTagNameNS(_RDF, "Description"):
        for key in list(described.attributes.keysNS()):
            if key[0] == _HDRGM:
                described.removeAttributeNS(*key)
        for child in [node for node in described.childNodes if node.namespaceURI == _HDRGM or _is_directory(node)]:
            described.removeChild(child)


def _is_directory(node: minidom.Node) -> bool:
    return (node.namespaceURI, node.localName) == (_CONTAINER, "Directory")


def _values(described: minidom.Element, name: str) -> list[str]:
    """A property's value or values, as an attribute or as an element."""
    if described.hasAttributeNS(_HDRGM, name):
        return [described.getAttributeNS(_HDRGM, name)]
    for element in described.getElementsByTagNameNS(_HDRGM, name):
        items = element.getElementsByTagNameNS(_RDF, "li") or [element]
        return ["".join(node.data for node in item.childNodes if node.nodeType == node.TEXT_NODE) for item in items]
    return []


def _triple(values: dict[str, list[str]], name: str, otherwise: str | None = None) -> Triple:
    given = values[name] or ([] if otherwise is None else [otherwise])
    if len(given) not in (1, 3):
        raise GainMapError(f"has {len(given)} figures of {name} where one or three belong: damaged")
    try:
        return triple([float(value) for value in given])
    except ValueError as error:
        raise GainMapError(f"has a {name} that is no number: damaged") from error
