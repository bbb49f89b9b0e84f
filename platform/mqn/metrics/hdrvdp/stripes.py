"""Pictures a few rows at a time, for arithmetic that looks at each pixel by itself."""

from __future__ import annotations

from collections.abc import Iterator

# Such an array stays in the processor's cache, and torch starts no threads for it: on a busy machine they wait for one
# another far longer than the arithmetic takes.
_VALUES = 32767


def stripes(rows: int, values: int) -> Iterator[slice]:
    """Cut rows into slices that are quick to compute on, from first to last, at least a row each."""
    step = max(1, _VALUES // values)
    for begin in range(0, rows, step):
        yield slice(begin, min(begin + step, rows))
