"""What a TFLite file tells other people's tools: LiteRT's metadata, a flatbuffer of its own inside the file.

Android Studio shows it, and LiteRT's support libraries prepare pictures by it. The library that wrote it,
tflite-support, has no wheel for Python 3.11 and is no longer kept, so the few tables that we need are written here,
field by field as `metadata_schema.fbs` (1.0.0, identifier M001) numbers them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
from flatbuffers import encode, number_types, packer
from flatbuffers.table import Table

from mqn.errors import ModelFileError
from mqn.tflite.flatbuffer import Network

NAME = "TFLITE_METADATA"
_IDENTIFIER, _PARSER = b"M001", "1.0.0"
_FEATURE, _IMAGE = 1, 2  # ContentProperties
_RGB = 1  # ColorSpaceType
_NORMALIZATION = 1  # ProcessUnitOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorText:
    """What is told of an input or an output.

    Attributes:
        name: as in the signature.
        description: what its values are.
        picture: whether it is an RGB picture.
        mean: what is taken from a value before it is divided by `std`: of an input, a value of 0 to 255.
        std: see `mean`.
        low: its least value.
        high: its greatest.
    """

    name: str
    description: str
    picture: bool = False
    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelText:
    """What is told of a model: its name, what it does, who made it, what may be done with it, and its tensors."""

    name: str
    description: str
    version: str
    author: str
    licence: str
    inputs: tuple[TensorText, ...]
    outputs: tuple[TensorText, ...]


def write_text(network: Network, text: ModelText) -> None:
    """Tell it in a network's file, in place; the tensors are in the order of the graph's."""
    network.set_metadata(NAME, encode_text(text))


def read_text(network: Network) -> ModelText | None:
    """What a network's file tells; None where it tells nothing.

    Raises:
        ModelFileError: it is damaged.
    """
    content = network.metadata(NAME)
    if content is None:
        return None
    try:
        return _decode(content)
    except Exception as error:  # What the reader raises on bytes that somebody made up is not documented.
        raise ModelFileError(f"the file's {NAME} ({len(content)} bytes) is damaged; select the model again") from error


def encode_text(text: ModelText) -> bytes:
    """The flatbuffer; the same text gives the same bytes."""
    builder = flatbuffers.Builder(1024)
    tensors = [
        _vector(builder, [_tensor(builder, one) for one in side]) for side in (text.inputs, text.outputs)
    ]  # fmt: skip
    name = builder.CreateString(text.name)
    graph = _table(builder, 7, {0: name, 2: tensors[0], 3: tensors[1]})
    fields = {
        0: name,
        1: builder.CreateString(text.description),
        2: builder.CreateString(text.version),
        3: _vector(builder, [graph]),
        4: builder.CreateString(text.author),
        5: builder.CreateString(text.licence),
        7: builder.CreateString(_PARSER),
    }
    builder.Finish(_table(builder, 8, fields), _IDENTIFIER)
    return bytes(builder.Output())


def _tensor(builder: Any, text: TensorText) -> int:
    fields = {0: builder.CreateString(text.name), 1: builder.CreateString(text.description)}
    properties = _table(builder, 2, {}, {0: _RGB}) if text.picture else _table(builder, 0, {})
    fields[3] = _table(builder, 3, {1: properties}, {0: _IMAGE if text.picture else _FEATURE})
    if text.mean is not None and text.std is not None:
        options = _table(builder, 2, {0: _floats(builder, text.mean), 1: _floats(builder, text.std)})
        unit = _table(builder, 2, {1: options}, {0: _NORMALIZATION})
        fields[4] = _vector(builder, [unit])
    if text.low is not None and text.high is not None:
        fields[5] = _table(builder, 2, {0: _floats(builder, text.high), 1: _floats(builder, text.low)})
    return _table(builder, 7, fields)


def _table(builder: Any, slots: int, offsets: dict[int, int], bytes_: dict[int, int] | None = None) -> int:
    builder.StartObject(slots)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    for slot, value in (bytes_ or {}).items():
        builder.PrependUint8Slot(slot, value, 0)
    return int(builder.EndObject())


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: Any, value: float) -> int:
    builder.StartVector(4, 1, 4)
    builder.PrependFloat32(value)
    return int(builder.EndVector())


class _Reader:
    """A table of a flatbuffer, read slot by slot."""

    def __init__(self, content: bytes, at: int) -> None:
        self._table = Table(content, at)

    def text(self, slot: int) -> str:
        place = self._place(slot)
        return "" if place is None else str(self._table.String(place).decode())

    def child(self, slot: int) -> _Reader | None:
        place = self._place(slot)
        return None if place is None else _Reader(self._table.Bytes, self._table.Indirect(place))

    def children(self, slot: int) -> Iterator[_Reader]:
        if (offset := self._table.Offset(4 + 2 * slot)) == 0:
            return
        first = self._table.Vector(offset)
        for index in range(self._table.VectorLen(offset)):
            yield _Reader(self._table.Bytes, self._table.Indirect(first + 4 * index))

    def number(self, slot: int) -> float | None:
        """The first of a vector of floats."""
        if (offset := self._table.Offset(4 + 2 * slot)) == 0:
            return None
        return float(self._table.Get(number_types.Float32Flags, self._table.Vector(offset)))

    def byte(self, slot: int) -> int:
        place = self._place(slot)
        return 0 if place is None else int(self._table.Get(number_types.Uint8Flags, place))

    def _place(self, slot: int) -> int | None:
        offset = self._table.Offset(4 + 2 * slot)
        return None if offset == 0 else int(offset + self._table.Pos)


def _decode(content: bytes) -> ModelText:
    if content[4:8] != _IDENTIFIER:
        raise ValueError("another identifier")
    root = _Reader(content, encode.Get(packer.uoffset, content, 0))
    graph = next(root.children(3))
    return ModelText(
        name=root.text(0),
        description=root.text(1),
        version=root.text(2),
        author=root.text(4),
        licence=root.text(5),
        inputs=tuple(_read_tensor(one) for one in graph.children(2)),
        outputs=tuple(_read_tensor(one) for one in graph.children(3)),
    )


def _read_tensor(tensor: _Reader) -> TensorText:
    unit, content, stats = next(tensor.children(4), None), tensor.child(3), tensor.child(5)
    options = unit.child(1) if unit is not None and unit.byte(0) == _NORMALIZATION else None
    return TensorText(
        name=tensor.text(0),
        description=tensor.text(1),
        picture=content is not None and content.byte(0) == _IMAGE,
        mean=options.number(0) if options else None,
        std=options.number(1) if options else None,
        low=stats.number(1) if stats else None,
        high=stats.number(0) if stats else None,
    )
