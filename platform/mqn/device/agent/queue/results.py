"""The result of a job as its status, also of a job that the agent gave up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mqn.device.agent.queue.disk import check_room, room_needed
from mqn.device.agent.queue.job import DeviceJob
from mqn.device.agent.queue.refusals import FullDiskError
from mqn.device.merging import begin, report_comparison, report_measurement, report_profile
from mqn.device.passes import Failure, PassResult
from mqn.device.wire import JobRequest, JobStatus
from mqn.errors import DeviceAwayError, DeviceError, DeviceRefusedError, ProcessLostError
from mqn.faults import fault_of
from mqn.records import Comparison, DeviceInfo, Measurement, OpProfile, Verdict

Result = Measurement | Comparison | OpProfile
# Carries a job out. Another thread may pull its switch meanwhile: then the result means nothing.
Bench = Callable[[DeviceJob], Result]

FIGURES: tuple[Verdict, ...] = ("ok", "contended", "unsteady", "throttled")


def carry_out(job: DeviceJob, bench: Bench, folder: Path) -> JobStatus:
    """Carry a job out. A failure that is not the model's fault ends the job without a measurement."""
    try:
        with room_needed("a measurement"):
            check_room(folder, "a measurement")
            result = bench(job)
            if result.verdict not in FIGURES:
                # A pass that could not write its answer is not the model's fault.
                check_room(folder, "a measurement")
        return wrap(job.id, result)
    except (FullDiskError, DeviceAwayError) as error:
        return JobStatus(id=job.id, state="cancelled", error=str(error))
    except DeviceRefusedError as error:
        return JobStatus(id=job.id, state="cancelled", error=str(error), refused=True)
    except OSError as error:
        # The machine is short of processes, memory or open files: neither the model nor this program is to blame.
        fault = fault_of(error)
        if not isinstance(fault, ProcessLostError):
            raise
        return JobStatus(id=job.id, state="cancelled", error=f"the agent's machine can take no more: {fault}")


def give_up(job: DeviceJob, describe: Callable[[], DeviceInfo]) -> JobStatus:
    """The status of a job during which the agent died several times."""
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
    """The result of a job that failed: the verdict on its model, with the reason in one line."""
    failure, origin = Failure(verdict=verdict, reason=reason), begin(device, request.settings)
    if request.kind == "compare":
        return report_comparison(origin, failure=failure)
    if request.kind == "profile":
        return report_profile(origin, PassResult(failure=failure))
    return report_measurement(origin, failure=failure)
