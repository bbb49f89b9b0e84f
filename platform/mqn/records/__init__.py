"""The records that the rooms hand to each other: frozen, JSON both ways (`mqn.parsing`), the same words everywhere."""

from mqn.records.artifact import Manifest, stage_key
from mqn.records.candidate import (
    NAMED_FILES,
    Arch,
    Attention,
    Candidate,
    Codec,
    Precision,
    Training,
    Upsampling,
)
from mqn.records.comparison import Comparison, Ratio
from mqn.records.device import DeviceInfo, MachineState
from mqn.records.measurement import (
    PRESETS,
    Delegate,
    Delegation,
    Latency,
    Measurement,
    MeasureSettings,
    PartMeasurement,
    Range,
    Verdict,
)
from mqn.records.op_profile import OpProfile, OpTime
from mqn.records.plan import Calibration, Layout, Plan, Scheme
from mqn.records.scores import Interval, Scores
from mqn.records.sensitivity import LayerSensitivity, Sensitivity
from mqn.records.suggestion import Prediction, SuggestedPlan, Suggestion
from mqn.records.trial import TrialRecord, TrialState

__all__ = [
    "NAMED_FILES",
    "PRESETS",
    "Arch",
    "Attention",
    "Calibration",
    "Candidate",
    "Codec",
    "Comparison",
    "Delegate",
    "Delegation",
    "DeviceInfo",
    "Interval",
    "Latency",
    "LayerSensitivity",
    "Layout",
    "MachineState",
    "Manifest",
    "MeasureSettings",
    "Measurement",
    "OpProfile",
    "OpTime",
    "PartMeasurement",
    "Plan",
    "Precision",
    "Prediction",
    "Range",
    "Ratio",
    "Scheme",
    "Scores",
    "Sensitivity",
    "SuggestedPlan",
    "Suggestion",
    "Training",
    "TrialRecord",
    "TrialState",
    "Upsampling",
    "Verdict",
    "stage_key",
]
