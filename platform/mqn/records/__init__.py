"""The records that the rooms hand to each other: frozen, JSON both ways (`mqn.parsing`), the same words everywhere."""

from mqn.records.artifact import Manifest, stage_key
from mqn.records.candidate import (
    NAMED_FILES,
    Arch,
    Attention,
    Candidate,
    Codec,
    Layout,
    Plan,
    Precision,
    Scheme,
    Training,
    Upsampling,
)
from mqn.records.measurement import (
    DeviceInfo,
    Latency,
    MachineState,
    Measurement,
    MeasureSettings,
    PartMeasurement,
    Verdict,
)
from mqn.records.scores import Interval, Scores
from mqn.records.trial import TrialRecord, TrialState

__all__ = [
    "NAMED_FILES",
    "Arch",
    "Attention",
    "Candidate",
    "Codec",
    "DeviceInfo",
    "Interval",
    "Latency",
    "Layout",
    "MachineState",
    "Manifest",
    "MeasureSettings",
    "Measurement",
    "PartMeasurement",
    "Plan",
    "Precision",
    "Scheme",
    "Scores",
    "Training",
    "TrialRecord",
    "TrialState",
    "Upsampling",
    "Verdict",
    "stage_key",
]
