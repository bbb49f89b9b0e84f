"""Batches of training pairs, made ahead in threads while the network works on the one before."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np

Batch = tuple[np.ndarray, np.ndarray]

_MOST_THREADS = 4


class Pairs(Protocol):
    """What training wants of `mqn.data.pairs.training.TrainingPairs`."""

    def order(self, epoch: int) -> np.ndarray:
        """The pictures' indices, in this epoch's order."""

    def batch(self, epoch: int, indices: Sequence[int]) -> Batch:
        """LDR (B, 3, S, S) in [0, 1] and linear truth (B, 3, S, S) in [0, 1], float32. Called from several threads."""


def split(order: Sequence[int], batch_size: int) -> list[list[int]]:
    """Cut an epoch's order into batches; the last may be smaller.

    A single picture at the end joins the batch before it: batch norm cannot learn from one picture whose features have
    shrunk to one pixel, and learns little elsewhere.
    """
    indices = [int(index) for index in order]
    batches = [indices[start : start + batch_size] for start in range(0, len(indices), batch_size)]
    if len(batches) > 1 and len(batches[-1]) == 1 < batch_size:
        last = batches.pop()
        batches[-1] += last
    return batches


def make_batches(pairs: Pairs, epoch: int, batch_size: int) -> Iterator[Batch]:
    """Yield an epoch's batches of LDR and truth, in order. The first epoch is 0."""
    threads = min(_MOST_THREADS, max(1, (os.cpu_count() or 1) // 2))
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pairs")
    waiting: deque[Future[Batch]] = deque()
    try:
        for indices in split(pairs.order(epoch).tolist(), batch_size):
            waiting.append(pool.submit(pairs.batch, epoch, indices))
            if len(waiting) > threads + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class Awaited:
    """Hands batches on, and adds up the `seconds` that the training waited for them."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self.seconds = 0.0
        self._batches = batches

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        started = time.perf_counter()
        try:
            return next(self._batches)
        finally:
            self.seconds += time.perf_counter() - started
