"""A TFLite file as a graph that can be read, changed and written: tensors, operators, the two edges, one signature."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from mqn.errors import ModelFileError
from mqn.tflite.plausibility import require_plausible

SIGNATURE = "serving_default"
DTYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.BOOL: np.bool_,
}
_ALIGNMENT = 16
_KINDS = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}


class _Buffer(schema.BufferT):
    """A buffer that is written as one block, aligned as the schema asks and the Python writer by itself does not."""

    def Pack(self, builder: Any) -> int:  # noqa: N802  (the flatbuffer library's name)
        if self.data is not None:
            builder.Prep(_ALIGNMENT, len(self.data))
        return int(super().Pack(builder))


class Network:
    """One TFLite model with one subgraph. Tensors go by their index, or by their name, which is unique in a float file.

    The quantizer gives some new tensors one name (`ldr_quantized`, once a scale); of these `index` finds the first.

    Attributes:
        model: the whole file as the flatbuffer's object API gives it.
        graph: its subgraph.
    """

    def __init__(self, model: Any, source: str = "the model") -> None:
        """Wrap a parsed model.

        Args:
            model: what the object API gave.
            source: where it comes from, for error messages.

        Raises:
            ModelFileError: the model does not have exactly one subgraph.
        """
        if not model.subgraphs or len(model.subgraphs) != 1:
            raise ModelFileError(f"{source} has {len(model.subgraphs or [])} subgraphs, not one; export it again")
        self.model = model
        self.graph = model.subgraphs[0]
        for tensor in self.graph.tensors:
            tensor.name = _text(tensor.name)
        model.buffers = [_Buffer(data=_bytes(buffer.data)) for buffer in model.buffers]

    @classmethod
    def read(cls, path: Path) -> Network:
        """Read a file. Raises `ModelFileError` if it is missing, or no TFLite file."""
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise ModelFileError(f"cannot read {path}: {error.strerror}") from error
        return cls.from_bytes(content, str(path))

    @classmethod
    def from_bytes(cls, content: bytes, source: str = "the model") -> Network:
        """Parse a file's content. Raises `ModelFileError` if it is no TFLite file."""
        if content[4:8] != b"TFL3":
            raise ModelFileError(f"{source} is no TFLite file ({len(content)} bytes); export it again")
        try:
            require_plausible(content, source)
            model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
            return cls(model, source)
        except ModelFileError:
            raise
        except Exception as error:  # What the reader raises on bytes that somebody made up is not documented.
            raise ModelFileError(f"{source} is damaged ({len(content)} bytes); export it again") from error

    def copy(self) -> Network:
        """Copy the network, so that it can be changed by itself. Stored values, which never change, are shared."""
        shared = {id(buffer): buffer for buffer in self.model.buffers}
        return Network(copy.deepcopy(self.model, shared))

    def to_bytes(self) -> bytes:
        """The file's content."""
        return bytes(flatbuffer_utils.convert_object_to_bytearray(self.model))

    def write(self, path: Path) -> Path:
        """Write the file and return its path."""
        path.write_bytes(self.to_bytes())
        return path

    @property
    def tensors(self) -> list[Any]:
        """All tensors; their indices are what operators and edges refer to."""
        return self.graph.tensors

    @property
    def operators(self) -> list[Any]:
        """All operators in the order they run."""
        return self.graph.operators

    def kind(self, operator: Any) -> str:
        """The operator's name in the TFLite schema, for example `CONV_2D`."""
        code = self.model.operatorCodes[operator.opcodeIndex]
        return _KINDS[max(code.builtinCode, code.deprecatedBuiltinCode)]

    def operator_code(self, kind: str, version: int = 1) -> int:
        """The index of an operator kind in this file's table; it is added where it is new."""
        wanted = getattr(schema.BuiltinOperator, kind)
        for index, code in enumerate(self.model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == wanted:
                code.version = max(code.version, version)
                return index
        added = schema.OperatorCodeT(deprecatedBuiltinCode=min(wanted, 127), builtinCode=wanted, version=version)
        self.model.operatorCodes.append(added)
        return len(self.model.operatorCodes) - 1

    def index(self, name: str) -> int:
        """The index of the tensor of that name. Raises `KeyError` if there is none."""
        for index, tensor in enumerate(self.tensors):
            if tensor.name == name:
                return index
        raise KeyError(name)

    def constant(self, index: int) -> np.ndarray | None:
        """A tensor's stored value, None for one that is computed. 4-bit integers come as int8."""
        tensor = self.tensors[index]
        data = self.model.buffers[tensor.buffer].data
        if data is None:
            return None
        shape = tensor.shape if tensor.shape is not None else ()
        if tensor.type == schema.TensorType.INT4:
            return _unpack(data)[: math.prod(shape)].reshape(shape)
        values: np.ndarray = np.frombuffer(data.tobytes(), dtype=DTYPES[tensor.type])
        return values.reshape(shape)

    def value(self, index: int) -> np.ndarray:
        """The stored value of a tensor that has one; see `constant`."""
        found = self.constant(index)
        assert found is not None
        return found

    def set_constant(self, index: int, value: np.ndarray) -> None:
        """Give a tensor a stored value of its own; other tensors that shared its buffer keep theirs."""
        self.model.buffers.append(_Buffer(data=_bytes(np.ascontiguousarray(value).tobytes())))
        self.tensors[index].buffer = len(self.model.buffers) - 1

    def add_tensor(self, name: str, shape: Iterable[int], like: int) -> int:
        """Add a computed tensor with the type and quantization of another; returns its index."""
        model = self.tensors[like]
        added = schema.TensorT(
            name=name, shape=list(shape), type=model.type, quantization=model.quantization, buffer=0, hasRank=True
        )
        self.tensors.append(added)
        return len(self.tensors) - 1

    def add_constant(self, name: str, value: np.ndarray) -> int:
        """Add a stored int32 tensor, a shape for example; returns its index."""
        added = schema.TensorT(name=name, shape=list(value.shape), type=schema.TensorType.INT32, hasRank=True)
        self.tensors.append(added)
        self.set_constant(len(self.tensors) - 1, value.astype(np.int32))
        return len(self.tensors) - 1

    def set_metadata(self, name: str, content: bytes) -> None:
        """Keep something under a name in the file; what was there under that name is replaced."""
        kept = [item for item in self.model.metadata or [] if _text(item.name) != name]
        self.model.buffers.append(_Buffer(data=_bytes(content)))
        self.model.metadata = [*kept, schema.MetadataT(name=name, buffer=len(self.model.buffers) - 1)]

    def metadata(self, name: str) -> bytes | None:
        """What is kept under a name, None where nothing is."""
        for item in self.model.metadata or []:
            if _text(item.name) == name:
                return bytes(self.model.buffers[item.buffer].data)
        return None

    def producer(self, index: int) -> Any | None:
        """The operator that computes a tensor; None for inputs and constants."""
        return next((operator for operator in self.operators if index in operator.outputs), None)

    def computed(self) -> set[int]:
        """Tensors that operators compute."""
        return {index for operator in self.operators for index in operator.outputs}

    def inputs(self) -> dict[str, int]:
        """The signature's input names (tensor names where the file has no signature) to tensor indices."""
        return self._edge("inputs")

    def outputs(self) -> dict[str, int]:
        """Likewise the outputs."""
        return self._edge("outputs")

    def _edge(self, side: str) -> dict[str, int]:
        if self.model.signatureDefs:
            return {_text(item.name): item.tensorIndex for item in getattr(self.model.signatureDefs[0], side)}
        return {self.tensors[index].name: index for index in getattr(self.graph, side)}

    def set_edges(self, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> None:
        """Say which tensors go in and come out, in order and under which names of the signature."""
        self.graph.inputs, self.graph.outputs = list(inputs.values()), list(outputs.values())
        self.model.signatureDefs = [
            schema.SignatureDefT(
                inputs=[schema.TensorMapT(name=name, tensorIndex=index) for name, index in inputs.items()],
                outputs=[schema.TensorMapT(name=name, tensorIndex=index) for name, index in outputs.items()],
                signatureKey=SIGNATURE,
                subgraphIndex=0,
            )
        ]

    def drop_unused(self) -> None:
        """Remove operators that nothing needs, and tensors and buffers that none of the rest refers to."""
        needed, given = set(self.graph.outputs), set(self.graph.inputs)
        kept = []
        for operator in reversed(self.operators):
            if (needed - given) & set(operator.outputs):
                kept.append(operator)
                needed |= {index for index in operator.inputs if index >= 0}
        self.graph.operators = kept[::-1]
        used = sorted(needed | given | {i for operator in kept for i in operator.outputs})
        new = {old: position for position, old in enumerate(used)}
        inputs, outputs = self.inputs(), self.outputs()
        for operator in self.operators:
            operator.inputs = [new[index] if index >= 0 else -1 for index in operator.inputs]
            operator.outputs = [new[index] for index in operator.outputs]
        self.graph.tensors = [self.tensors[index] for index in used]
        self.set_edges({n: new[i] for n, i in inputs.items()}, {n: new[i] for n, i in outputs.items()})
        self._drop_unused_buffers()

    def _drop_unused_buffers(self) -> None:
        metadata = self.model.metadata or []
        used = sorted({0} | {tensor.buffer for tensor in self.tensors} | {item.buffer for item in metadata})
        new = {old: position for position, old in enumerate(used)}
        self.model.buffers = [self.model.buffers[index] for index in used]
        for item in (*self.tensors, *metadata):
            item.buffer = new[item.buffer]


def _bytes(data: Any) -> np.ndarray | None:
    return None if data is None or len(data) == 0 else np.frombuffer(bytes(data), dtype=np.uint8)


def _unpack(data: np.ndarray) -> np.ndarray:
    """Two 4-bit integers a byte, the lower bits first, as int8."""
    pairs = data.view(np.int8)
    return np.stack([(pairs << 4) >> 4, pairs >> 4], axis=-1).reshape(-1)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
