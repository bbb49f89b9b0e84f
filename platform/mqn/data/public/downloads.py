"""Many downloads side by side, with one progress and their failures collected."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from mqn.data.public.catalogue import RemoteFile
from mqn.errors import FetchError

Progress = Callable[[int, int | None, str], None]
"""Hears bytes done, bytes in all (None where not known), and what is being worked at. Called from several threads."""

_FAILURES = 8


class Meter:
    """Adds up bytes from several threads."""

    def __init__(self, progress: Progress | None, total: int | None) -> None:
        """Begin at 0."""
        self._progress, self._total = progress, total
        self._done = 0
        self._guard = threading.Lock()
        self.label = ""

    def add(self, count: int) -> None:
        """So many bytes more; negative where some are given up."""
        with self._guard:
            self._done += count
            if self._progress is not None:
                self._progress(self._done, self._total, self.label)


def download_all(
    remotes: Sequence[RemoteFile], download: Callable[[RemoteFile], None], *, workers: int, stop: threading.Event
) -> None:
    """Download files side by side, `workers` at a time. One that cannot be had does not keep the others from arriving.

    `stop` is set when all shall end. Raises `FetchError` if some could not be had; after a few the rest is not tried.
    """
    failures: list[FetchError] = []
    queue = iter(remotes)
    with ThreadPoolExecutor(workers) as pool:
        running: set[Future[None]] = set()
        try:
            while len(failures) < _FAILURES:
                for remote in queue:
                    running.add(pool.submit(download, remote))
                    if len(running) >= workers:
                        break
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                failures += _failures(done)
            failures += _failures(wait(running).done)
        except BaseException:
            stop.set()
            raise
    if failures:
        more = f" (and {len(failures) - 1} more that failed)" if len(failures) > 1 else ""
        raise FetchError(f"{failures[0]}{more}")


def _failures(done: set[Future[None]]) -> list[FetchError]:
    failures = []
    for future in done:
        error = future.exception()
        if isinstance(error, FetchError):
            failures.append(error)
        elif error is not None:
            raise error
    return failures
