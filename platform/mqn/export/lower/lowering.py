"""Write operators so that XNNPACK takes them: the same numbers, fewer hand-overs between the delegate and the runtime.

Every rewrite stands in a file of its own, which says what it does and why. They rest on three facts about XNNPACK: what
it does not take splits the graph; it copies by calls, each for as many bytes as lie together, so that long rows cost a
fraction of what single pixels cost; and it computes whole blocks of channels, full or not.

What each one brings, as the time of a fused int8+dynamic file (CA, 256 x 256, one thread of an x86-64 processor with
AVX-512 VNNI) over its time without that one: phases 0.96, doubling 0.96, pairs 0.98, norms 0.80, order 0.99 to 1; all
together 0.70. With AMX, and with AVX2 alone, they bring less; where there is AMX, `tiles` brings most. See
`export/README.md`; `tests/benchmarks/bench_fused.py` compares.

Not done, because it was measured to bring nothing there: several neighbours in one step of the head's first
convolution (fuller blocks, twice the multiplications: 1.23 ms for 0.82); the head's element-wise operators in strips
that stay in the cache; transposed convolutions for doubling or phases (1.08 ms for 0.36); an instance norm's scale in
the kernel of the next convolution, which is computed then (batch matmul: 0.57 ms for 0.24 and a product of 0.14); the
decoder's conv2 in pairs, with fewer copies and more multiplications.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from mqn.export.lower.doubling import lower_nearest
from mqn.export.lower.joined_pixels import convolve_pairs
from mqn.export.lower.norms import lengthen_norms
from mqn.export.lower.phases import convolve_in_phases
from mqn.export.lower.tiles import fill_tiles
from mqn.records.plan import DEFAULT_LOWERINGS
from mqn.tflite.flatbuffer import Network


def lower(network: Network, rewrites: Collection[str] = DEFAULT_LOWERINGS) -> None:
    """Write a network as the delegate runs it fastest, with the same numbers.

    Args:
        network: changed in place; float or quantized: integers stay what they are, floats up to the order of sums.
        rewrites: names of those that are made, `Plan.rewrites`.
    """
    for name, rewrite in REWRITES.items():
        if name in rewrites:
            rewrite(network)
    network.drop_unused()  # The quantizer leaves the weights that it replaced.


def quantize_first(network: Network) -> int:
    """Quantize the picture, wherever it is needed, at once: while it is in the caches. Returns how many moved."""
    first = [
        operator
        for operator in network.operators
        if network.kind(operator) == "QUANTIZE" and set(operator.inputs) <= set(network.graph.inputs)
    ]
    later = [operator for operator in network.operators if not any(operator is one for one in first)]
    moved = sum(operator is not place for operator, place in zip(first, network.operators, strict=False))
    network.graph.operators = [*first, *later]
    return moved


REWRITES: dict[str, Callable[[Network], int]] = {
    "phases": convolve_in_phases,
    "doubling": lower_nearest,
    "pairs": convolve_pairs,
    "tiles": fill_tiles,
    "norms": lengthen_norms,
    "order": quantize_first,
}
"""Rewrites by name, in the order that they are made: phases look for the resizes that doubling replaces. Each finds
nothing more in what it made."""
