"""Measures a chosen model again on its devices, as its study does, before a bundle of it is written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

from mqn.errors import DeviceAwayError, DeviceError, MeasurementError, ModelFileError, StudyError
from mqn.profile import Profile
from mqn.records import TrialRecord, Verdict
from mqn.report.timing.again import Again, judge_again
from mqn.report.timing.repeatability import known_repeatability
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.artifacts.arguments import resolve
from mqn.search.pipeline import MEASURE, REFERENCE
from mqn.search.stages.choose.device_files import QUANTIZE, file_step
from mqn.search.stages.measure import REFERENCE_STAGE, STAGE, measure_job
from mqn.search.study.measuring_conditions import check_runtime, runtime_of
from mqn.search.study.study import Study
from mqn.search.work.devices import Devices

WITHOUT = "leave the measurement out with --no-measure"


class Remeasurement:
    """The devices of a study, which measure its files again."""

    def __init__(self, study: Study, profile: Profile, store: ArtifactStore, devices: Devices) -> None:
        """Use `reach`."""
        self._profile, self._store, self._devices = profile, store, devices
        accept = tuple(dict.fromkeys((*profile.measure.accept, *cast(tuple[Verdict, ...], study.accepted))))
        self._settings = replace(profile.measure, accept=accept)

    def measure(
        self,
        record: TrialRecord,
        target: str,
        files: Sequence[Path] = (),
        on_wait: Callable[[int], None] | None = None,
    ) -> Again:
        """Measure the file of a trial that runs on a target.

        Args:
            record: the trial; it was measured there.
            target: one of those that were reached.
            files: the files to measure, in the order they run; empty: those of the study's artifact.
            on_wait: told how many hold the device before.

        Returns:
            Both measurements, compared.

        Raises:
            DeviceAwayError: the device is away or rests.
            MeasurementError: no measurement counts.
            StudyError: another device has the name now, or an artifact that is needed is gone.
        """
        with _advised([target]):
            return self._measure(record, target, files, on_wait)

    def _measure(
        self, record: TrialRecord, target: str, files: Sequence[Path], on_wait: Callable[[int], None] | None
    ) -> Again:
        keys = record.artifacts
        known = self._artifact(STAGE, record, f"{MEASURE}{target}").manifest.details
        model = self._artifact(QUANTIZE, record, file_step(target, keys))
        paired = f"{REFERENCE}{target}"
        reference = self._artifact(REFERENCE_STAGE, record, paired) if paired in keys else None
        identity = self._devices.identity(target)
        if identity not in (None, known["device_id"]):
            raise StudyError(
                f"study {record.study!r} was measured on a device {target!r} with the id {known['device_id']}, and the "
                f"profile's has {identity}: their figures cannot be compared; give the study's --profile, or {WITHOUT}"
            )
        settings, holder = self._settings, self._devices.holder
        job = measure_job(model, target, identity, settings, holder=holder, max_age_hours=1.0, reference=reference)
        placed = self._devices.place(job)
        if placed is None:
            raise DeviceAwayError(self._devices.absent(job))
        arguments = resolve(placed.arguments, self._store)
        if files:
            arguments["files"] = list(files)
        with tempfile.TemporaryDirectory(prefix="mqn-select-") as folder:
            told = placed.function(Path(folder), **arguments, on_wait=on_wait)
        found = known_repeatability(told["device_id"])
        return judge_again(
            target=target,
            device=(told["device"], told["device_id"], told["model"]),
            recorded=(record.verdicts.get(target) or known["verdict"], record.device_figures[target]),
            again=(told["verdict"], told["figures"]),
            spread=None if found is None else found.spread,
        )

    def _artifact(self, stage: str, record: TrialRecord, step: str) -> Artifact:
        try:
            return self._store.get(stage, record.artifacts[step])
        except (KeyError, StudyError) as error:
            raise StudyError(
                f"trial {record.number} of study {record.study!r} has no {step} any more, and cannot be measured as it "
                f"was; resume the study to make it again, or {WITHOUT}"
            ) from error


@contextmanager
def reach(study: Study, profile: Profile, store: ArtifactStore, targets: Sequence[str]) -> Iterator[Remeasurement]:
    """Reach the devices of some targets, as the study does.

    Args:
        study: whose trial is measured again.
        profile: names the devices, and says how is measured.
        store: the study's artifacts.
        targets: of the study; each must be there.

    Raises:
        DeviceAwayError: a device is away or rests.
        DeviceRefusedError: one refuses.
        StudyError: the profile measures on other processors, threads or delegates than the study.
        UnknownNameError: the profile has no such device.
    """
    check_runtime(study, runtime_of(profile))
    with ExitStack() as stack:
        with _advised(targets):
            devices = stack.enter_context(Devices(profile, targets, study.name))
        yield Remeasurement(study, profile, store, devices)


def same_file(record: TrialRecord, target: str, device: str | None) -> bool:
    """Whether a target runs the file that a bundle for a device holds; None: the study's first."""
    steps = record.artifacts
    return file_step(target, steps) == (QUANTIZE if device is None else file_step(device, steps))


def other_files(record: TrialRecord, devices: Sequence[str]) -> list[str]:
    """Lines on the devices that run another file than the first of them, which a bundle does not hold."""
    return [
        f"{other} runs a file of its own (rewrites {record.lowering.get(other, 'unknown')}): "
        f"mqn select {record.study} --device {other}"
        for other in devices[1:]
        if not same_file(record, other, devices[0])
    ]


def refuse_difference(record: TrialRecord, found: Again) -> None:
    """Raise a `ModelFileError` with both figures where a latency does not repeat."""
    if found.outcome == "differs":
        raise ModelFileError(
            f"the latency of trial {record.number} on {found.target!r} does not repeat: {found.text}; {found.reason}; "
            "nothing was written. Look at the device with `mqn devices check`, or run the study anew"
        )


@contextmanager
def _advised(targets: Sequence[str]) -> Iterator[None]:
    """Name the device in its failures, and what can be done without it."""
    try:
        yield
    except DeviceError as error:
        named = any(target in str(error) for target in targets)
        line = str(error) if named else f"device {' or '.join(map(repr, targets))}: {error}"
        line = f"{line}; nothing was written; try again later, or {WITHOUT}"
        if isinstance(error, MeasurementError):
            raise type(error)(line, error.measurement) from error
        raise type(error)(line) from error
