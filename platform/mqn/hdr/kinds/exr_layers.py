"""Chooses the main picture of an OpenEXR file from its layers, parts and views."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mqn.hdr.decoding.notes import plain

# Renderers' and compositors' words for the whole picture, among layers of light, matter and distance.
_WHOLE = {"beauty", "combined", "composite"}
_COLOURS = {"rgba", "rgb", "main", "c", "color", "colour", "image", "final", "master"}
_VIEWS = {"left", "right"}

_CHANNELS = {
    "R": "R", "RED": "R", "G": "G", "GREEN": "G", "B": "B", "BLUE": "B", "A": "A", "ALPHA": "A",
    "Y": "Y", "RY": "RY", "BY": "BY",
}  # fmt: skip
_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A picture in an OpenEXR file.

    Attributes:
        part: which part of the file it lies in, from 0.
        name: of its layer, or of its part; empty for the plain R, G and B of a file of one part.
        prefix: of its channels' names, with the point.
        channels: "R", "G", "B" or "Y", "RY", "BY", and perhaps "A", to their names in the file.
    """

    part: int
    name: str
    prefix: str
    channels: Mapping[str, str]

    @property
    def has_chroma(self) -> bool:
        """Whether it holds luminance and chroma instead of R, G and B."""
        return not {"R", "G", "B"} <= self.channels.keys()


def find_layers(parts: Sequence[tuple[str, Sequence[str]]]) -> list[Layer]:
    """List every picture that has colours: first the one to take, then the others in the order of the file."""
    layers = [layer for number, part in enumerate(parts) for layer in _layers_of(number, *part, several=len(parts) > 1)]
    return sorted(layers, key=lambda layer: (_rank(layer), bool(layer.prefix)))


def note_of_choice(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Note which layer was taken; nothing, if there was no choice and the picture has no name."""
    labels = [plain(layer.name) or "R, G, B" for layer in layers]
    if len(layers) == 1:
        return (f"its layer {labels[0]} was taken",) if layers[0].name else ()
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return (f"its layer {labels[0]} was taken, of {'; '.join(labels[:_NAMED])}{more}",)


def _layers_of(number: int, part: str, names: Sequence[str], *, several: bool) -> list[Layer]:
    grouped: dict[str, dict[str, str]] = {}
    for name in names:
        prefix, _, last = name.rpartition(".")
        channel = _CHANNELS.get(last.upper())
        if channel:
            grouped.setdefault(f"{prefix}." if prefix else "", {}).setdefault(channel, name)
    return [
        Layer(part=number, name=prefix.rstrip(".") or (part if several else ""), prefix=prefix, channels=channels)
        for prefix, channels in grouped.items()
        if {"R", "G", "B"} <= channels.keys() or {"Y", "RY", "BY"} <= channels.keys()
    ]


def _rank(layer: Layer) -> int:
    words = [word for word in re.split(r"[^a-z0-9]+", layer.name.lower()) if word and word not in _VIEWS]
    if not words:
        return 0
    if words[-1] in _WHOLE:
        return 1
    if all(word in _COLOURS for word in words):
        return 2
    if words[-1] in ("rgba", "rgb"):
        return 3
    return 5 if layer.prefix else 4
