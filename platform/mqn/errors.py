"""Every failure by name.

Four kinds stay apart: the candidate cannot be had (recorded with its trial), the device is away (retried), the
machinery below a study failed (retried, never the candidate's fault), and the program is wrong (a plain Python
exception, which crashes loudly). What a user can do something about is an `MqnError`:

    MqnError                     exit code 1
    ├── UsageError               exit code 2: what was asked for cannot be understood
    │   ├── ConfigError          a TOML file: names the file, the key path, the nearest valid key
    │   └── UnknownNameError     a study, metric, device, weight set or layer that does not exist
    ├── NothingSatisfiesError    exit code 3: understood and run, but nothing meets the request
    ├── DataError                pictures and datasets
    │   ├── PictureError         one file: unreadable, empty, not finite, of the wrong kind
    │   ├── VideoError           one video: no picture in it, HDR already, cut short, cannot be written
    │   ├── EmptyDatasetError    no picture is left to work with
    │   ├── LocalNameError       a name from outside that cannot be a local file's, or a path that leaves its folder
    │   └── FetchError           a public dataset that cannot be had: site, connection, checksum, archive, disk
    ├── WeightsError             pretrained weights: missing, wrong hash, wrong shape
    ├── CandidateError           a candidate that cannot be built, trained, cut or quantized as asked
    │   ├── PlanError            the quantization plan
    │   ├── TrainingError        training came to nothing (not finite, ...)
    │   └── ExportError          conversion failed, or its result is not the same network
    ├── ModelFileError           a TFLite file that is truncated or not what its manifest says
    ├── DeviceError              measuring
    │   ├── DeviceAwayError      cannot be reached, or too busy for now: worth another try
    │   │   └── DeviceRestingError   reached, but too warm or low on battery: worth another try later
    │   ├── DeviceRefusedError   reached, and says no: token, size, hash, settings
    │   └── MeasurementError     measured, but the verdict is not one that the profile accepts
    │       └── UnsteadyError    the machine was disturbed, and no model is to blame: worth another try later
    ├── FaultError               machinery failed: the same work may succeed later, and no candidate is to blame
    │   ├── ProcessLostError     a worker or export process, its memory or its machine was lost
    │   │   ├── ProcessCrashedError  it crashed by itself; if it always does on the same input, the input is to blame
    │   │   └── NodeLostError    its machine left the cluster
    │   │       └── NotBegunError    it may have been on its way to a machine that left
    │   ├── DiskError            the disk is full, read-only, or cannot lock files
    │   ├── DatabaseAwayError    the study's database does not answer
    │   ├── NetworkError         a server on the network broke off, or does not answer
    │   └── ClusterError         Ray cannot be started, joined or reached
    ├── StudyError               the study's records
    │   ├── SpaceChangedError    the space is not the one that the study was created with
    │   └── StudyBusyError       another driver runs the study
    ├── TrackingError            the tracking server cannot be used
    └── MissingLibraryError      an optional library is missing or broken
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from mqn.text.redaction import shortened

_SHOWN = 100


class MqnError(Exception):
    """A failure that a user can act upon. Its message is one line: what was given, what is allowed, what to do."""

    exit_code = 1


class UsageError(MqnError):
    """What was asked for cannot be understood."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file is wrong at a named place."""


class UnknownNameError(UsageError):
    """A name that nothing goes by."""

    def __init__(self, kind: str, name: str, known: Iterable[str], advice: str = "") -> None:
        """Compose the line from what was given and what exists.

        Args:
            kind: what the name should have named, for example "study".
            name: the name as given.
            known: every name that would have done.
            advice: what to do next, a short sentence.
        """
        meant = nearest(name, known)
        end = f"{' ' if meant.endswith('?') else '; '}{advice}" if advice else ""
        super().__init__(f"no {kind} {shortened(name, _SHOWN)!r}; {meant}{end}")


class NothingSatisfiesError(MqnError):
    """Nothing meets the request."""

    exit_code = 3


class DataError(MqnError):
    """Pictures and datasets."""


class PictureError(DataError):
    """One picture file cannot be used."""


class VideoError(DataError):
    """One video cannot be used or written."""


class EmptyDatasetError(DataError):
    """No picture is left to work with."""


class LocalNameError(DataError):
    """A name from outside that cannot be a local file's, or a path that leaves its folder."""


class FetchError(DataError):
    """A public dataset cannot be had."""


class WeightsError(MqnError):
    """Pretrained weights are missing or not what they should be."""


class CandidateError(MqnError):
    """A candidate that cannot be evaluated as asked."""


class PlanError(CandidateError):
    """A quantization plan that cannot be carried out."""


class TrainingError(CandidateError):
    """A training that came to nothing."""


class ExportError(CandidateError):
    """An export that failed, or whose result is not the same network."""


class ModelFileError(MqnError):
    """A TFLite file that is damaged or not what its manifest says."""


class DeviceError(MqnError):
    """Measuring on a device failed."""


class DeviceAwayError(DeviceError):
    """The device cannot be reached, or is too busy: worth another try."""


class DeviceRestingError(DeviceAwayError):
    """The device was reached, and is too warm or too low on battery to be measured now."""


class DeviceRefusedError(DeviceError):
    """The device was reached and refuses."""


class MeasurementError(DeviceError):
    """A measurement was made, and its verdict is not acceptable.

    Attributes:
        measurement: what was measured all the same, a `Measurement` or `Comparison` of `mqn.records`; None: nothing.
        kept: what a trial keeps of it: plain values by name.
    """

    measurement: Any = None
    kept: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, line: str, measurement: Any = None) -> None:
        """Compose the error from its line and what was measured."""
        super().__init__(line)
        self.measurement = measurement


class UnsteadyError(MeasurementError):
    """The machine was disturbed while it measured (`contended`, `unsteady`, `throttled`): no model is to blame."""


class FaultError(MqnError):
    """Machinery below a study failed: worth another try, and no candidate is to blame."""


class ProcessLostError(FaultError):
    """A worker or export process, its memory or its machine was lost."""


class ProcessCrashedError(ProcessLostError):
    """A process crashed by itself. Where the same input always does that, the input is to blame."""


class NodeLostError(ProcessLostError):
    """The machine that a worker process ran on left the cluster: the work had no part in it."""


class NotBegunError(NodeLostError):
    """Work that had not begun may have been on its way to a machine that left the cluster: it is sent again."""


class DiskError(FaultError):
    """The disk is full, read-only, or cannot lock files."""


class DatabaseAwayError(FaultError):
    """The study's database does not answer."""


class NetworkError(FaultError):
    """A server on the network broke off, is overloaded, or does not answer."""


class ClusterError(FaultError):
    """Ray cannot be started, joined or reached."""


class StudyError(MqnError):
    """The records of a study."""


class SpaceChangedError(StudyError):
    """The space is not the one that the study was created with."""


class StudyBusyError(StudyError):
    """Another driver runs this study."""


class TrackingError(MqnError):
    """The tracking server cannot be used."""


class MissingLibraryError(MqnError):
    """An optional library is asked for, and is missing or broken."""


def to_plain(error: MqnError) -> tuple[str, str]:
    """An error's name and line, for another process: exceptions with arguments of their own do not survive pickling."""
    return type(error).__name__, str(error)


def from_plain(plain: tuple[str, str]) -> MqnError:
    """The error of a name and line, to be raised again on this side."""
    name, line = plain
    kind = globals().get(name)
    if not (isinstance(kind, type) and issubclass(kind, MqnError)):
        return MqnError(f"{name}: {line}")  # Of another version.
    error = kind.__new__(kind)  # Some put their line together from other arguments.
    Exception.__init__(error, line)
    return error


_LISTED, _NEAR = 20, 3
"""Names that an error lists at most, and names that it takes out of a longer list."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name is meant, if one is near, and list them all if they are few.

    Args:
        name: the name as given.
        known: the valid names.

    Returns:
        A phrase to put behind an error's first half.
    """
    names = sorted(known)
    if not names:
        return "there is none yet"
    few = len(names) <= _LISTED
    close = difflib.get_close_matches(name, names, n=1 if few else _NEAR, cutoff=0.5)
    meant = f"did you mean {' or '.join(map(repr, close))}?" if close else ""
    if not few:
        return meant or f"none of the {len(names)} that there are is spelled like it"
    return f"{meant} allowed: {', '.join(names)}".lstrip()
