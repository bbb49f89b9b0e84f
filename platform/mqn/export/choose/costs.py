"""What operators cost under each scheme: time from multiplications and memory traffic, and bytes of weights.

Rates were fitted to the p50 of 96 plans of one network (CA, width 0.35, 128 x 128; LiteRT 2.3, one thread of an x86-64
core with VNNI), where the estimates put the plans in almost the order that was measured (rank correlation 0.95). They
order plans before anything is measured and are told as shares of the float network's time, never as milliseconds. Other
processors have other rates: there each side is timed under each scheme, and the rates are scaled to what it took.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mqn.export.quantize.rules import assign
from mqn.export.quantize.schemes import WEIGHTED
from mqn.records import Plan, Scheme
from mqn.tflite.flatbuffer import Network

SCHEMES: tuple[Scheme, ...] = ("float32", "static_wi8_ai8", "static_wi4_ai8", "dynamic_wi8_afp32")
"""What suggestions are made of. 16-bit activations run outside every delegate, half floats compute as floats."""

_NS_A_MAC = {"float32": 0.010, "static_wi8_ai8": 0.003, "static_wi4_ai8": 0.021, "dynamic_wi8_afp32": 0.003}
_NS_A_DEPTHWISE_MAC = {**_NS_A_MAC, "dynamic_wi8_afp32": 0.41}
_NS_A_BYTE = 0.06
_ACTIVATION_BYTES = {"float32": 4, "static_wi8_ai8": 1, "static_wi4_ai8": 1, "dynamic_wi8_afp32": 4}
_LEAST_SHARE = 0.05
"""No measured side makes a scheme cheaper than this share of its estimate: what stays in float may be overestimated."""
_WEIGHT_BITS = {"float32": 32, "static_wi8_ai8": 8, "static_wi4_ai8": 4, "dynamic_wi8_afp32": 8}


class OperatorCosts:
    """Costs of one network's operators, ready to be summed for any choice of schemes.

    A choice is an array of N indices into `SCHEMES`, one an operator, as it is asked for; `carried` is what comes of
    it.
    """

    def __init__(self, network: Network) -> None:
        """Look at every operator of a whole float network."""
        count = len(network.operators)
        tensor = network.tensors[network.operators[0].outputs[0]].name
        asked = [Plan(backbone="float32", head="float32", rules=f"*={scheme}") for scheme in SCHEMES]
        schemes = [assign(network, tensor, plan) for plan in asked]
        self._all = np.arange(count)
        self._carried = np.array([[SCHEMES.index(one) for one in row] for row in schemes])
        self._ns = np.array([[_nanoseconds(network, one, scheme) for one in network.operators] for scheme in SCHEMES])
        self._bytes = np.array(
            [[_weight_bytes(network, one, scheme) for one in network.operators] for scheme in SCHEMES]
        )
        self._edges, self._traffic = _edges(network)
        self._integer = np.array([_ACTIVATION_BYTES[scheme] == 1 for scheme in SCHEMES])
        self._float_ns = self._nanoseconds(np.zeros(count, dtype=int))

    def scale(self, side: np.ndarray, scheme: Scheme, over_float: float) -> None:
        """Have a side take so much of its time in float32 under a scheme, as was measured.

        Args:
            side: (N,) bools, which operators are of the side.
            scheme: all of it has.
            over_float: its time over that in float32.
        """
        number = SCHEMES.index(scheme)
        carries = side & (self._carried[number] == number)
        estimated = float(self._ns[number, carries].sum())
        if not estimated:
            return
        others = float(self._ns[0, side & ~carries].sum())
        wanted = over_float * float(self._ns[0, side].sum()) - others
        self._ns[number, carries] *= max(wanted, _LEAST_SHARE * estimated) / estimated

    def carried(self, asked: np.ndarray) -> np.ndarray:
        """What operators get where some schemes are asked for: there is no kernel of every scheme for each."""
        found: np.ndarray = self._carried[asked, self._all]
        return found

    def time(self, asked: np.ndarray) -> float:
        """The estimated time, in shares of the float network's."""
        return self._nanoseconds(self.carried(asked)) / self._float_ns

    def weight_bytes(self, asked: np.ndarray) -> int:
        """Bytes of kernels and biases."""
        return int(self._bytes[self.carried(asked), self._all].sum())

    def _nanoseconds(self, carried: np.ndarray) -> float:
        integer = self._integer[carried]
        # From float to integers and back: one value of each read, the other written.
        converted = self._traffic[integer[self._edges[:, 0]] != integer[self._edges[:, 1]]].sum()
        return float(self._ns[carried, self._all].sum() + _NS_A_BYTE * converted)


def _nanoseconds(network: Network, operator: Any, scheme: str) -> float:
    values = sum(_size(network, index) for index in (*_data(network, operator), *operator.outputs))
    traffic = _NS_A_BYTE * _ACTIVATION_BYTES[scheme] * values
    kernel = _kernel(network, operator)
    if kernel is None:
        return traffic
    depthwise = network.kind(operator) == "DEPTHWISE_CONV_2D"
    macs = _size(network, operator.outputs[0]) * math.prod(kernel.shape[1:3] if depthwise else kernel.shape[1:])
    return traffic + macs * (_NS_A_DEPTHWISE_MAC if depthwise else _NS_A_MAC)[scheme]


def _weight_bytes(network: Network, operator: Any, scheme: str) -> float:
    kernel = _kernel(network, operator)
    # A bias has four bytes under every scheme.
    return 0.0 if kernel is None else kernel.size * _WEIGHT_BITS[scheme] / 8 + 4.0 * kernel.shape[0]


def _edges(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """(E, 2) positions of operators that hand a tensor on, and (E,) the bytes that converting it moves."""
    makers = {index: position for position, operator in enumerate(network.operators) for index in operator.outputs}
    edges = [
        (makers[index], position, 5 * _size(network, index))
        for position, operator in enumerate(network.operators)
        for index in _data(network, operator)
        if index in makers
    ]
    found = np.array(edges, dtype=np.int64).reshape(-1, 3)
    return found[:, :2], found[:, 2]


def _data(network: Network, operator: Any) -> list[int]:
    """What an operator reads that is computed or given, not stored."""
    return [index for index in operator.inputs if index >= 0 and network.constant(index) is None]


def _kernel(network: Network, operator: Any) -> np.ndarray | None:
    return network.constant(operator.inputs[1]) if network.kind(operator) in WEIGHTED else None


def _size(network: Network, index: int) -> int:
    return math.prod(int(side) for side in network.tensors[index].shape)
