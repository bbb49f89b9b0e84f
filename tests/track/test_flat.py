"""A trial as flat names: what its run in MLflow holds."""

from __future__ import annotations

from tests.support.records import make_trial

from mqn.track.entries import STATUS
from mqn.track.flat import flat_metrics, flat_tags


def test_a_gated_trial_has_its_figures_once_and_says_what_it_breaks():
    gate = {"size_bytes": 5.0, "latency_ms/board": 40.0, "latency_ms/phone": 9.0}
    record = make_trial(state="gated", gate=gate, violations={"latency_ms <= 33": 7.0}, seconds={"gate/convert": 2.0})
    assert flat_metrics(record) == {
        "gate/size_bytes": 5.0,
        "gate/latency_ms.p50/board": 40.0,
        "gate/latency_ms.p50/phone": 9.0,
        "seconds/gate/convert": 2.0,
        "violation/latency_ms __ 33": 7.0,
    }
    tags = flat_tags(record)
    assert (tags["state"], tags["feasible"], STATUS[record.state]) == ("gated", False, "KILLED")


def test_a_complete_trial_keeps_what_the_gate_measured_beside_its_own():
    found = flat_metrics(make_trial(figures={"latency_ms": 4.0}, gate={"latency_ms/board": 4.1}))
    assert (found["latency_ms.p50/board"], found["gate/latency_ms.p50/board"]) == (4.0, 4.1)


def test_the_rewrites_of_each_device_s_file_are_tags():
    tags = flat_tags(make_trial(lowering={"board": "phases,norms", "kind:pixel8": "none"}))
    assert {name: value for name, value in tags.items() if name.startswith("lowering")} == {
        "lowering.board": "phases,norms",
        "lowering.kind:pixel8": "none",
    }
