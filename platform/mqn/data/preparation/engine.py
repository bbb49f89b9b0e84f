"""Runs decoding: in this process, or with Ray on the processors of this machine or of a cluster.

Tasks get names and write their parts to the staging folder themselves; nothing but names and one-line failures goes
through Ray. Each picture is announced in the staging folder before it is opened: one at which `DEATHS` processes have
died, because its decoder crashed or memory ran out, is named and left alone, by whichever process comes to it next.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from mqn import cluster
from mqn.data.preparation.decoding import Decoded, decode, store
from mqn.data.preparation.parts import Staging
from mqn.data.storage.folders import Storage, open_storage
from mqn.errors import ClusterError, ConfigError, PictureError, UsageError
from mqn.hdr.scenes import scene
from mqn.workers import processors

FEW = 48
"""Pictures that are decoded before Ray would have started."""

LARGEST_TASK = 4
"""Pictures of a Ray task at most; few enough that progress is seen and no processor ends much later than another."""

SCENE_SIDE = 288
_OBJECT_STORE_BYTES = 256 * 1024 * 1024
TRIES = 3
"""Of all that is left, where Ray itself dies."""

_TICK_SECONDS = 0.5

DEATHS = 3
"""Processes that may die at a picture; more than 1, because they are killed for other reasons too."""

Done: TypeAlias = Callable[[str], None]
"""Called with the name of every picture that is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecoded:
    """A picture to decode: its name, those of its camera inputs, and the key of its part."""

    name: str
    inputs: tuple[str, ...]
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """Makes parts; what it needs to know to do so anywhere.

    Attributes:
        source: the folder of the pictures, as `open_storage` takes it; None: procedural scenes, named by their seeds.
        staging: the folder of parts, likewise.
        side: pixels that the shorter side is brought down to.
    """

    source: str | None
    staging: str
    side: int

    def run(self, tasks: Sequence[Undecoded]) -> Iterator[Undecoded]:
        """Make the parts and yield what is done; raises `OSError` if a folder cannot be reached or written."""
        staging = Staging(open_storage(self.staging))
        source = None if self.source is None else open_storage(self.source)
        for task in tasks:
            try:
                with staging.attempt(task.key) as deaths:
                    if deaths >= DEATHS:
                        raise PictureError(
                            f"{deaths} processes died at it: its decoder crashes, or it needs more memory"
                        )
                    decoded = self._decode(source, task)
                staging.put(task.key, decoded)
            except PictureError as error:
                staging.leave_out(task.key, str(error))
            yield task

    def _decode(self, source: Storage | None, task: Undecoded) -> Decoded:
        if source is None:
            return store(task.name, scene(SCENE_SIDE, int(task.name.split("-")[0])))
        return decode(source, task.name, task.inputs, side=self.side)


def run(tasks: Sequence[Undecoded], decoder: Decoder, *, workers: int | None, address: str | None, done: Done) -> None:
    """Decode pictures, each into its part.

    Args:
        tasks: what to do.
        decoder: how.
        workers: processes; None: as many as there are processors. 1, or few pictures: in this process, as scenes are.
        address: of a running Ray cluster (`auto`, `host:port`), whose machines must reach both folders; None: this
            machine.
        done: told of every picture that is done, in the order in which they are.

    Raises:
        OSError: a folder cannot be reached or written; parts that are there stay.
        ClusterError: Ray does not start, or failed.
        UsageError: Ray cannot be joined, or a folder is one that only this process sees.
    """
    here = workers == 1 or len(tasks) < FEW or decoder.source is None or _inside_ray()
    if not address and (here or (processors() == 1 and workers is None)):
        for task in decoder.run(tasks):
            done(task.name)
        return
    for place in (decoder.source, decoder.staging):
        if place and place.startswith("memory://"):
            raise UsageError(f"{place} is in the memory of one process; decode with --workers 1, or use another place")
    _on_ray(tasks, decoder, workers, address, done)


def _on_ray(tasks: Sequence[Undecoded], decoder: Decoder, workers: int | None, address: str | None, done: Done) -> None:
    """With a Ray that is here already, or is started or joined for this; what is left goes on with a new one."""
    owned = not _is_initialized()
    left = {task.name: task for task in tasks}

    def finish(name: str) -> None:
        if left.pop(name, None) is not None:
            done(name)

    if owned:
        _start(workers, address)
    try:
        for attempt in range(TRIES):
            try:
                with cluster.named_faults():
                    _run_on_ray(list(left.values()), decoder, workers, finish)
            except ClusterError as error:
                if not owned or attempt == TRIES - 1:
                    raise ClusterError(f"{error}; run the same command again, what is done is kept") from error
                cluster.leave()
                _start(workers, address)
            else:
                break
    finally:
        if owned:
            cluster.leave()


def _start(workers: int | None, address: str | None) -> None:
    if address:
        try:
            cluster.join(address)
        except ConfigError as error:
            raise UsageError(f"{error}; check --address") from error
        return
    cluster.start(
        cpus=workers or processors(),
        object_store_bytes=_OBJECT_STORE_BYTES,
        # Ray's workers would otherwise run at niceness 15, and wait for whatever else the machine does.
        system_config={"worker_niceness": 0},
    )


def _run_on_ray(tasks: Sequence[Undecoded], decoder: Decoder, workers: int | None, done: Done) -> None:
    """Hand pictures to Ray, a few a task; those of a worker that was lost are handed out again, one by one."""
    import ray

    together = workers or 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
    size = max(1, min(LARGEST_TASK, len(tasks) // (8 * together)))
    waiting = deque(tasks[start : start + size] for start in range(0, len(tasks), size))
    decode_block = ray.remote(_decode_block).options(num_cpus=1, max_retries=0)
    running: dict[Any, Sequence[Undecoded]] = {}
    lost: Counter[str] = Counter()
    while waiting or running:
        while waiting and len(running) < together:
            block = waiting.popleft()
            running[decode_block.remote(block, decoder)] = block
        ended, _ = ray.wait(list(running), timeout=_TICK_SECONDS)
        if name := cluster.ended():
            raise ClusterError(f"Ray's process {name} ended on this machine")
        for handle in ended:
            block = running.pop(handle)
            try:
                names, number, failure = ray.get(handle)
            except ray.exceptions.RayTaskError as error:
                raise error.as_instanceof_cause() from None
            except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError):
                lost[block[0].name] += 1
                if lost[block[0].name] > 2 * DEATHS:
                    raise ClusterError(f"worker processes were lost {2 * DEATHS} times over {block[0].name}") from None
                waiting.extendleft([task] for task in reversed(block))
                continue
            for name in names:
                done(name)
            if failure:
                # Failures of the stores' own libraries have no number.
                raise OSError(number, failure) if number else OSError(failure)


def _decode_block(tasks: Sequence[Undecoded], decoder: Decoder) -> tuple[list[str], int, str]:
    """What a Ray worker does: the names of pictures that are done, and what a folder refused, by number and words."""
    import cv2

    # A worker is one processor's.
    cv2.setNumThreads(1)
    names: list[str] = []
    try:
        names.extend(task.name for task in decoder.run(tasks))
    except OSError as error:
        return names, error.errno or 0, error.strerror or str(error) or type(error).__name__
    return names, 0, ""


def _inside_ray() -> bool:
    """Whether this is a Ray worker: it holds processors that tasks of its own would wait for."""
    if not _is_initialized():
        return False
    ray = sys.modules["ray"]
    return bool(ray.get_runtime_context().worker.mode == ray.WORKER_MODE)


def _is_initialized() -> bool:
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())
