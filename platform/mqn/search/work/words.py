"""What a job does, and why one that waits has not begun, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mqn.search.artifacts import ArtifactStore
from mqn.search.work.contracts import Places
from mqn.search.work.engine import Capacity
from mqn.search.work.jobs import Job, Work
from mqn.search.work.load import Load
from mqn.search.work.retries import Retries, device_of

_GIB = 2.0**30


def describe(work: Work, store: ArtifactStore) -> str:
    """What a job is at: in its own words, and how far it is where it tells."""
    if work.placed is not None:
        return f"{work.job.stage} on {work.placed.arguments['device']}"
    far = ""
    if work.job.watch is not None:
        folder = store.partial(*work.job.id)
        # Of a store behind a URL, the folder is on the machine that the job runs on.
        far = work.job.watch(folder) if folder.is_dir() or not store.remote else ""
    return f"{work.job.words}{far}"


def why(work: Work, now: float, retries: Retries, load: Load, capacity: Capacity, places: Places | None) -> str:
    """What a job is waiting for.

    Args:
        work: the job.
        now: monotonic seconds.
        retries: know which devices are left alone.
        load: what runs.
        capacity: what there is.
        places: the devices; None: no job needs one.
    """
    device, job = device_of(work), work.job
    if now < work.not_before:
        error = work.setback.error if work.setback is not None else None
        after = f", after: {error[1]}" if error is not None else ""
        return f"a pause of {_ceil(work.not_before - now)} s more{after}"
    if retries.rests(device):
        seconds, verdict = retries.rest_of(device)
        return f"{device}, which was {verdict or 'disturbed'}: it is left alone for {_ceil(seconds)} s more"
    if not retries.may_try(device, load.on(device)):
        return f"the one measurement that tries whether {device} is steady again"
    if job.target is not None and places is not None:
        placed = places.place(job)
        if placed is None:
            return places.absent(job) or f"a device of {job.target!r}: each is at work"
        job = placed
    if load.fits(work, job, capacity):
        return "its turn"
    return _no_room(job, load.taken(capacity), capacity)


def _no_room(job: Job, taken: Mapping[str, float], capacity: Capacity) -> str:
    there = {name: capacity.amounts.get(name, 0.0) for name in job.resources.amounts}
    lacks = [
        f"{_amount(name, wanted)} {name}, of which {_amount(name, max(there[name] - taken.get(name, 0.0), 0.0))} of "
        f"{_amount(name, there[name])} are free"
        for name, wanted in job.resources.amounts.items()
        if taken.get(name, 0.0) + wanted > there[name]
    ]
    return "; ".join(lacks) if lacks else "the end of what runs: it, or another, has to be alone"


def _amount(name: str, value: float) -> str:
    return f"{value / _GIB:.3g} GiB" if name == "memory" else f"{value:g}"


def _ceil(seconds: float) -> int:
    return max(math.ceil(seconds), 0)
