"""A fixed piece of work: how fast is this machine just now?

A pass that is slow from its first to its last invocation (a hypervisor's share, a neighbour on the other hyper-thread)
is steady and fully on its processor; only something that always takes the same effort tells that it was slow.
"""

from __future__ import annotations

import hashlib
import time

REPEATS = 12
HASHED = bytes(512 * 1024)
COPIED = bytearray(2 * 1024 * 1024)


def time_yardstick(repeats: int = REPEATS) -> list[int]:
    """Hash a buffer and copy another, several times.

    Returns:
        ns of each.
    """
    target = bytearray(len(COPIED))
    samples = []
    for _ in range(repeats):
        start = time.perf_counter_ns()
        hashlib.sha256(HASHED).digest()
        target[:] = COPIED
        samples.append(time.perf_counter_ns() - start)
    return samples
