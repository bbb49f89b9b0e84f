"""LiteRT's C interface (`libLiteRt.so` of the wheel), as far as a profile by operator needs it.

Checked against 2.3. The wheel has no headers; layouts are those of LiteRT's `litert/c/*.h`.
"""

from __future__ import annotations

import ctypes
import time
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mqn.device.passes import printable
from mqn.records import Delegate

CPU = 1
WRITE = 1
# Of litert_profiler_event.h: an operator of the graph; one inside a delegate, of two sorts.
OPERATOR, IN_DELEGATE = 2, (4, 8)
KERNEL_MODES: dict[Delegate, int] = {"xnnpack": 0, "none": 2}
# Of litert_model_types.h: what numpy calls each.
ELEMENT_TYPES = {
    1: "float32", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8",
    10: "float16", 11: "float64", 13: "uint64", 16: "uint32", 17: "uint16",
}  # fmt: skip


class LiteRtError(RuntimeError):
    """A call failed; its message names it and its status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpEvent:
    """One operator of one invocation: its kind, whether a delegate ran it, and its time."""

    kind: str
    delegated: bool
    microseconds: int


class _Memory(ctypes.Structure):
    _fields_ = (("footprint_kb", c_int64), ("allocated_bytes", c_size_t), ("in_use_bytes", c_size_t))


class _Event(ctypes.Structure):
    _fields_ = (
        ("tag", c_char_p),
        ("type", c_int),
        ("start_us", c_uint64),
        ("elapsed_us", c_uint64),
        ("before", _Memory),
        ("after", _Memory),
        ("node", c_int64),
        ("subgraph", c_int64),
        ("source", c_int),
    )


class ProfiledModel:
    """A model that LiteRT's `CompiledModel` runs while it notes every operator."""

    def __init__(self, path: Path, *, threads: int, delegate: Delegate) -> None:
        """Load and compile, with buffers for inputs and outputs.

        Args:
            path: the file.
            threads: of the runtime.
            delegate: `xnnpack` or `none`.

        Raises:
            LiteRtError: the runtime refuses.
            OSError: the runtime has no C library where its wheel for Linux has one.
        """
        import ai_edge_litert

        self._library = ctypes.CDLL(str(Path(ai_edge_litert.__file__).parent / "libLiteRt.so"))
        self._environment, self._model, self._profiler = c_void_p(), c_void_p(), c_void_p()
        self._compiled = c_void_p()
        self._call("LiteRtCreateEnvironment", 0, None, byref(self._environment))
        name = str(path).encode()
        self._call("LiteRtCreateModelFromFile", self._environment, name, byref(self._model))
        options = self._make_options(threads, KERNEL_MODES[delegate])
        self._call("LiteRtCreateCompiledModel", self._environment, self._model, options, byref(self._compiled))
        self._call("LiteRtCompiledModelGetProfiler", self._compiled, byref(self._profiler))
        signature = c_void_p()
        self._call("LiteRtGetModelSignature", self._model, c_size_t(0), byref(signature))
        self.input_types: list[int] = []
        self._inputs = self._make_buffers(signature, "Input", self.input_types)
        self._outputs = self._make_buffers(signature, "Output", [])

    def input_view(self, number: int) -> Any:
        """The bytes of an input as a numpy array, to be written in place; None where numpy has no such kind."""
        import numpy as np

        kind = ELEMENT_TYPES.get(self.input_types[number])
        if kind is None:
            return None
        # An array of pointers gives its elements as plain numbers, which a call would cut to 32 bits.
        buffer, size, address = c_void_p(self._inputs[number]), c_size_t(), c_void_p()
        self._call("LiteRtGetTensorBufferPackedSize", buffer, byref(size))
        self._call("LiteRtLockTensorBuffer", buffer, byref(address), WRITE)
        self._call("LiteRtUnlockTensorBuffer", buffer)
        # The buffer lies in this process's memory and lives as long as this object.
        raw = (ctypes.c_uint8 * size.value).from_address(address.value or 0)
        return np.frombuffer(memoryview(raw).cast("B"), dtype=np.dtype(kind))

    def run(self) -> tuple[int, list[OpEvent]]:
        """Invoke once.

        Returns:
            ns of the invocation, and the operators of the main graph in the order they ran.

        Raises:
            LiteRtError: the runtime failed.
        """
        self._call("LiteRtResetProfiler", self._profiler)
        self._call("LiteRtStartProfiler", self._profiler)
        start = time.perf_counter_ns()
        self._call(
            "LiteRtRunCompiledModel",
            self._compiled,
            c_size_t(0),
            c_size_t(len(self._inputs)),
            self._inputs,
            c_size_t(len(self._outputs)),
            self._outputs,
        )
        passed = time.perf_counter_ns() - start
        self._call("LiteRtStopProfiler", self._profiler)
        return passed, self._read_events()

    def _read_events(self) -> list[OpEvent]:
        count = c_int()
        self._call("LiteRtGetNumProfilerEvents", self._profiler, byref(count))
        if count.value <= 0:
            return []
        events = (_Event * count.value)()
        self._call("LiteRtGetProfilerEvents", self._profiler, count, events)
        return [
            OpEvent(
                kind=printable((event.tag or b"").decode(errors="replace")),
                # A delegate that does not report its operators counts as one operator, by its own name.
                delegated=event.type in IN_DELEGATE or b"Delegate" in (event.tag or b""),
                microseconds=event.elapsed_us,
            )
            for event in events
            # What runs inside a loop's body is part of the loop's own event.
            if event.type in (OPERATOR, *IN_DELEGATE) and event.subgraph == 0
        ]

    def _make_options(self, threads: int, kernel_mode: int) -> c_void_p:
        options = c_void_p()
        self._call("LiteRtCreateOptions", byref(options))
        self._call("LiteRtSetOptionsHardwareAccelerators", options, CPU)
        c_library = ctypes.CDLL(None)
        c_library.strdup.restype, c_library.strdup.argtypes = c_void_p, (c_char_p,)
        for name, text in (
            (b"runtime_options_string", b"enable_profiling = true\n"),
            (b"xnnpack", b"num_threads = %d\nkernel_mode = %d\n" % (threads, kernel_mode)),
        ):
            option, payload = c_void_p(), c_void_p(c_library.strdup(text))
            free = ctypes.cast(c_library.free, c_void_p)
            self._call("LiteRtCreateOpaqueOptions", name, payload, free, byref(option))
            self._call("LiteRtAddOpaqueOptions", options, option)
        return options

    def _make_buffers(self, signature: c_void_p, side: str, types: list[int]) -> Any:
        count = c_size_t()
        self._call(f"LiteRtGetNumSignature{side}s", signature, byref(count))
        buffers = (c_void_p * count.value)()
        for number in range(count.value):
            tensor, needs, index = c_void_p(), c_void_p(), c_size_t(number)
            kind = (c_uint32 * 64)()  # LiteRtRankedTensorType and room to spare: the element type, then the layout
            self._call(f"LiteRtGetSignature{side}TensorByIndex", signature, index, byref(tensor))
            self._call("LiteRtGetRankedTensorType", tensor, kind)
            self._call(
                f"LiteRtGetCompiledModel{side}BufferRequirements", self._compiled, c_size_t(0), index, byref(needs)
            )
            buffer = ctypes.cast(byref(buffers, number * ctypes.sizeof(c_void_p)), POINTER(c_void_p))
            self._call("LiteRtCreateManagedTensorBufferFromRequirements", self._environment, kind, needs, buffer)
            types.append(kind[0])
        return buffers

    def _call(self, name: str, *arguments: Any) -> None:
        function = getattr(self._library, name)
        function.restype = c_int
        status = function(*arguments)
        if status != 0:
            raise LiteRtError(f"{name} failed with status {status}")
