"""What came of a job, as its status; and what an agent says of a job that it had to give up."""

from __future__ import annotations

import errno
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from mqn.device.agent.disk import check_room, room_needed
from mqn.device.agent.job import Job
from mqn.device.agent.refusals import FullDiskError
from mqn.device.merging import report_comparison, report_measurement, report_profile
from mqn.device.passes import Failure, PassResult
from mqn.device.wire import JobRequest, JobStatus
from mqn.errors import DeviceAwayError, DeviceError, DeviceRefusedError
from mqn.records import Comparison, DeviceInfo, Measurement, OpProfile, Verdict

Result = Measurement | Comparison | OpProfile
# Carries a job out; another thread may pull its switch meanwhile, and then the result means nothing.
Bench = Callable[[Job], Result]

# What a machine short of processes, memory or open files says: its own doing, not the model's and no mistake of ours.
_SHORT = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)

FIGURES: tuple[Verdict, ...] = ("ok", "contended", "unsteady", "throttled")


def carry_out(job: Job, bench: Bench, folder: Path) -> JobStatus:
    """Carry a job out; whatever is not the model's doing ends it without a measurement.

    Args:
        job: what to do.
        bench: does it.
        folder: on the agent's disk, which must have room.
    """
    try:
        with room_needed("a measurement"):
            check_room(folder, "a measurement")
            result = bench(job)
            if result.verdict not in FIGURES:
                # A pass that could not write its answer is not the model's doing.
                check_room(folder, "a measurement")
        return wrap(job.id, result)
    except (FullDiskError, DeviceAwayError) as error:
        return JobStatus(id=job.id, state="cancelled", error=str(error))
    except DeviceRefusedError as error:
        return JobStatus(id=job.id, state="cancelled", error=str(error), refused=True)
    except OSError as error:
        if error.errno not in _SHORT:
            raise
        return JobStatus(id=job.id, state="cancelled", error=f"the agent's machine can take no more: {error.strerror}")


def give_up(job: Job, describe: Callable[[], DeviceInfo]) -> JobStatus:
    """What is said of a job that took the agent with it time and again.

    Args:
        job: that did.
        describe: says who the device is.
    """
    reason = f"the agent died {job.attempts} times while this job ran"
    try:
        return wrap(job.id, failed(job.request, "crashed", reason, describe()))
    except DeviceError as error:
        return JobStatus(id=job.id, state="cancelled", error=f"{reason}; and now: {error}")


def wrap(job_id: str, result: Result) -> JobStatus:
    """The status of a job that is done."""
    if isinstance(result, Measurement):
        return JobStatus(id=job_id, state="done", measurement=result)
    if isinstance(result, Comparison):
        return JobStatus(id=job_id, state="done", comparison=result)
    return JobStatus(id=job_id, state="done", profile=result)


def failed(request: JobRequest, verdict: Verdict, reason: str, device: DeviceInfo) -> Result:
    """What a job yields that came to nothing.

    Args:
        request: the job.
        verdict: on its model.
        reason: in one line.
        device: that was to measure.
    """
    failure = Failure(verdict=verdict, reason=reason)
    now, settings = datetime.now(UTC).isoformat(timespec="milliseconds"), request.settings
    if request.kind == "compare":
        return report_comparison(
            models=(), settings=settings, device=device, started_at=now, timing=None, failure=failure
        )
    if request.kind == "profile":
        return report_profile(
            files=(), settings=settings, device=device, started_at=now, result=PassResult(failure=failure)
        )
    return report_measurement(
        files=(),
        settings=settings,
        device=device,
        started_at=now,
        timing=None,
        memory=None,
        undelegated=None,
        failure=failure,
    )
