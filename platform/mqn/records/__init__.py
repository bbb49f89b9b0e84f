"""The records that the rooms hand to each other: frozen, JSON both ways (`mqn.parsing`), the same words everywhere."""

from mqn.families.contract import Arch
from mqn.records.artifact import Manifest, stage_key
from mqn.records.candidate import NAMED_FILES, Candidate, Codec, Precision, Training
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
from mqn.records.network_cost import NetworkCost
from mqn.records.op_profile import OpProfile, OpTime
from mqn.records.plan import Calibration, Layout, Plan, Scheme
from mqn.records.scores import Interval, Scores
from mqn.records.sensitivity import LayerSensitivity, Sensitivity
from mqn.records.span import Attempt, Span
from mqn.records.suggestion import Prediction, SideTime, SideTimes, SuggestedPlan, Suggestion
from mqn.records.trial import TrialRecord, TrialState, read_trial
from mqn.records.tuning import RewriteTime, RewriteTimes, TriedRewrite, Tuning
