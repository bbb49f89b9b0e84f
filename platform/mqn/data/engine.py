"""Runs decoding: in this process, or with Ray Data on the processors of this machine or of a cluster.

Tasks get names and write their parts to the staging folder themselves; nothing but names and one-line failures goes
through Ray. Each picture is announced in the staging folder before it is opened: one at which `DEATHS` processes have
died, because its decoder crashed or memory ran out, is named and left alone, by whichever process comes to it next.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from mqn import cluster
from mqn.data.decoding import Decoded, decode, store
from mqn.data.staging import Staging
from mqn.data.storage import Storage, open_storage
from mqn.errors import ClusterError, ConfigError, PictureError, UsageError
from mqn.hdr.scenes import scene
from mqn.parsing import from_mapping, to_plain

FEW = 48
"""Pictures that are decoded before Ray would have started."""

LARGEST_TASK = 16
"""Pictures of a Ray task at most; few enough that progress is seen and no processor ends much later than another."""

SCENE_SIDE = 288
_OBJECT_STORE_BYTES = 256 * 1024 * 1024
DEATHS = 3
"""Processes that may die at a picture; more than 1, because they are killed for other reasons too."""

Done: TypeAlias = Callable[[str], None]
"""Called with the name of every picture that is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
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

    def run(self, jobs: Sequence[Job]) -> Iterator[Job]:
        """Make the part of each picture.

        Yields:
            Jobs that are done.

        Raises:
            OSError: a folder cannot be reached or written.
        """
        staging = Staging(open_storage(self.staging))
        source = None if self.source is None else open_storage(self.source)
        for job in jobs:
            try:
                with staging.attempt(job.key) as deaths:
                    if deaths >= DEATHS:
                        raise PictureError(
                            f"{deaths} processes died at it: its decoder crashes, or it needs more memory"
                        )
                    decoded = self._decode(source, job)
                staging.put(job.key, decoded)
            except PictureError as error:
                staging.leave_out(job.key, str(error))
            yield job

    def _decode(self, source: Storage | None, job: Job) -> Decoded:
        if source is None:
            return store(job.name, scene(SCENE_SIDE, int(job.name.split("-")[0])))
        return decode(source, job.name, job.inputs, side=self.side)


def run(jobs: Sequence[Job], decoder: Decoder, *, workers: int | None, address: str | None, done: Done) -> None:
    """Decode pictures, each into its part.

    Args:
        jobs: what to do.
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
    here = workers == 1 or len(jobs) < FEW or decoder.source is None or _inside_ray()
    if not address and (here or (_processors() == 1 and workers is None)):
        for job in decoder.run(jobs):
            done(job.name)
        return
    for place in (decoder.source, decoder.staging):
        if place and place.startswith("memory://"):
            raise UsageError(f"{place} is in the memory of one process; decode with --workers 1, or use another place")
    owned = not _is_initialized()
    if owned:
        _start(workers, address)
    try:
        with cluster.named_faults():
            _run_on_ray(jobs, decoder, workers, done)
    except ClusterError as error:
        raise ClusterError(f"{error}; run the same command again, what is done is kept") from error
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
        cpus=workers or _processors(),
        object_store_bytes=_OBJECT_STORE_BYTES,
        # Ray's workers would otherwise run at niceness 15, and wait for whatever else the machine does.
        system_config={"worker_niceness": 0},
    )


def _run_on_ray(jobs: Sequence[Job], decoder: Decoder, workers: int | None, done: Done) -> None:
    import ray
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    shares = 8 * (workers or _processors())
    blocks = -(-len(jobs) // max(1, min(LARGEST_TASK, len(jobs) // shares)))
    rows = [{"job": json.dumps(to_plain(job))} for job in jobs]
    results = ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
        _decode_block,
        fn_args=(decoder,),
        batch_size=None,
        compute=ray.data.TaskPoolStrategy(size=workers),
        num_cpus=1,
    )
    for row in results.iter_rows():
        if row["errno"] >= 0:
            # Failures of the stores' own libraries have no number.
            raise OSError(row["errno"], row["failure"]) if row["errno"] else OSError(row["failure"])
        done(json.loads(row["name"]))


def _decode_block(block: dict[str, Any], decoder: Decoder) -> Iterator[dict[str, Any]]:
    """What a Ray worker does."""
    import cv2

    # A worker is one processor's.
    cv2.setNumThreads(1)
    jobs = [from_mapping(Job, json.loads(job), source="job") for job in block["job"]]
    try:
        for job in decoder.run(jobs):
            # Arrow takes no name that is not UTF-8.
            yield {"name": [json.dumps(job.name)], "errno": [-1], "failure": [""]}
    except OSError as error:
        yield {"name": [""], "errno": [error.errno or 0], "failure": [error.strerror or str(error)]}


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _inside_ray() -> bool:
    """Whether this is a Ray worker: it holds processors that tasks of its own would wait for."""
    if not _is_initialized():
        return False
    ray = sys.modules["ray"]
    return bool(ray.get_runtime_context().worker.mode == ray.WORKER_MODE)


def _is_initialized() -> bool:
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())
