from __future__ import annotations

import json
import math

from optuna.trial import TrialState, create_trial

from mqn.records import Candidate, TrialRecord
from mqn.search.trials.knowledge import (
    Knowledge,
    curve_attribute,
    float_attribute,
    gate_attribute,
    read_knowledge,
    record_attributes,
)


def test_what_is_written_is_read_back_from_json() -> None:
    written = {
        **gate_attribute({"latency_ms/board": 12.5, "macs": 3_000_000}),
        **curve_attribute([10.0, 11.0]),
        **float_attribute({"psnr_tm": 20.0, "psnr_tm_float": 21.0, "psnr_tm_drop": 1.0}),
    }
    trial = create_trial(state=TrialState.RUNNING, system_attrs=json.loads(json.dumps(written)))

    known = read_knowledge(trial)

    assert known.gate == {"latency_ms/board": 12.5, "macs": 3_000_000}
    assert known.curve == (10.0, 11.0)
    assert known.float_accuracy == {"psnr_tm": 21.0}
    assert read_knowledge(create_trial(state=TrialState.RUNNING)) == Knowledge()


def test_what_is_no_number_is_left_out() -> None:
    assert curve_attribute([9.0, math.nan, 10.0]) == {"mqn:curve": [9.0]}
    assert gate_attribute({"latency_ms": math.inf, "macs": 5}) == {"mqn:gate": {"macs": 5.0}}


def test_a_record_tells_the_float_accuracy_and_the_seconds_of_its_own_training() -> None:
    own = TrialRecord(
        study="s",
        number=0,
        state="complete",
        candidate=Candidate(),
        figures={"psnr_tm": 20.0, "psnr_tm_float": 21.0},
        seconds={"train": 7.5},
    )
    shared = TrialRecord(study="s", number=1, state="complete", candidate=Candidate(), seconds={"train": 0.0})

    assert record_attributes(own) == {"mqn:float": {"psnr_tm": 21.0}, "mqn:seconds": 7.5}
    assert record_attributes(shared) == {}
