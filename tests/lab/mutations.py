"""Small models, damaged in ways that a search, a bad disk or an enemy might damage them. Seeded."""

from __future__ import annotations

import random
from collections.abc import Callable

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

Mutation = Callable[[bytes, random.Random], bytes]


def flip_bytes(model: bytes, chance: random.Random) -> bytes:
    """Some bytes are others."""
    damaged = bytearray(model)
    for _ in range(chance.choice((1, 1, 3, 10, 50))):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


def flip_bits(model: bytes, chance: random.Random) -> bytes:
    """A single bit is the other."""
    damaged = bytearray(model)
    damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def truncate(model: bytes, chance: random.Random) -> bytes:
    """The end is missing."""
    return model[: chance.randrange(1, len(model))]


def swap_chunks(model: bytes, chance: random.Random) -> bytes:
    """Two pieces have changed places."""
    size = chance.choice((4, 16, 64, 256))
    first, second = sorted(chance.sample(range(0, max(2 * size, len(model) - size), size), 2))
    one, two = model[first : first + size], model[second : second + size]
    return model[:first] + two + model[first + size : second] + one + model[second + size :]


def zero_chunk(model: bytes, chance: random.Random) -> bytes:
    """A piece is empty, as after a power cut."""
    size = chance.choice((16, 64, 512))
    begin = chance.randrange(len(model))
    return model[:begin] + bytes(min(size, len(model) - begin)) + model[begin + size :]


def insert_chunk(model: bytes, chance: random.Random) -> bytes:
    """Something is there that does not belong there."""
    begin = chance.randrange(len(model))
    return model[:begin] + chance.randbytes(chance.choice((1, 4, 64))) + model[begin:]


def huge_shape(model: bytes, chance: random.Random) -> bytes:
    """A tensor is larger than any memory, or has no sense at all."""

    def change(graph: schema.SubGraphT) -> None:
        tensor = chance.choice(graph.tensors)
        side = chance.choice((0, -1, 20_000, 70_000, 2**31 - 1))
        tensor.shape = [1, side, side, chance.choice((1, 3, 2**20))]

    return _rewrite(model, change)


def custom_operator(model: bytes, chance: random.Random) -> bytes:
    """An operator is one that nobody has heard of."""

    def change(graph: schema.SubGraphT, whole: schema.ModelT) -> None:
        code = chance.choice(whole.operatorCodes)
        code.builtinCode = schema.BuiltinOperator.CUSTOM
        code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = chance.choice((b"FlexConv2D", b"exec", b"", b"../../x"))

    return _rewrite_whole(model, change)


def other_operator(model: bytes, chance: random.Random) -> bytes:
    """An operator is another, with the inputs and options of the first."""

    def change(graph: schema.SubGraphT, whole: schema.ModelT) -> None:
        code = chance.choice(whole.operatorCodes)
        code.builtinCode = chance.randrange(0, 210)
        code.deprecatedBuiltinCode = min(127, code.builtinCode)

    return _rewrite_whole(model, change)


def other_wiring(model: bytes, chance: random.Random) -> bytes:
    """Operators read and write other tensors: in circles, out of range."""

    def change(graph: schema.SubGraphT) -> None:
        operator = chance.choice(graph.operators)
        wires = chance.choice((list(operator.inputs), list(operator.outputs)))
        wires[chance.randrange(len(wires))] = chance.choice((-1, 0, len(graph.tensors) - 1, len(graph.tensors), 2**30))
        if len(wires) == len(operator.inputs):
            operator.inputs = wires
        else:
            operator.outputs = wires

    return _rewrite(model, change)


def other_type(model: bytes, chance: random.Random) -> bytes:
    """A tensor's numbers are of another kind."""

    def change(graph: schema.SubGraphT) -> None:
        chance.choice(graph.tensors).type = chance.randrange(0, 20)

    return _rewrite(model, change)


MUTATIONS: tuple[Mutation, ...] = (
    flip_bytes,
    flip_bits,
    truncate,
    swap_chunks,
    zero_chunk,
    insert_chunk,
    huge_shape,
    custom_operator,
    other_operator,
    other_wiring,
    other_type,
)


def _rewrite(model: bytes, change: Callable[[schema.SubGraphT], None]) -> bytes:
    return _rewrite_whole(model, lambda graph, _: change(graph))


def _rewrite_whole(model: bytes, change: Callable[[schema.SubGraphT, schema.ModelT], None]) -> bytes:
    whole = schema.ModelT.InitFromPackedBuf(model, 0)
    change(whole.subgraphs[0], whole)
    builder = flatbuffers.Builder(len(model))
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())
