"""The table `[gate]`: what may be hard, and what is refused when the space is read."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.search_fakes import grid_definition

from mqn.errors import ConfigError
from mqn.search.space.gate import Gate
from mqn.search.space.space import Space
from mqn.search.space.space_file import parse_space

LATENCY, SIZE = {"metric": "latency_ms", "max": 33.0}, {"metric": "size_bytes", "max": 2e6}


def read(gate: dict[str, Any] | None, *constraints: dict[str, Any], **changes: Any) -> Space:
    table = grid_definition(constraints=list(constraints), **changes)
    return parse_space(table if gate is None else {**table, "gate": gate}, source="tiny.toml")


def test_a_space_without_the_table_has_no_gate():
    assert read(None, LATENCY).gate is None


def test_the_sampler_frontier_has_a_gate_that_only_measures():
    assert read(None, LATENCY, sampler="frontier", points=[]).gate == Gate()
    assert read({"hard": ["latency_ms"]}, LATENCY, sampler="frontier", points=[]).gate == Gate(hard=("latency_ms",))
    assert read(None, LATENCY, sampler="tpe", points=[]).gate is None


def test_named_constraints_are_hard_and_the_others_stay_soft():
    gate = read({"hard": ["latency_ms.p50"], "give_up": 5}, LATENCY, SIZE).gate
    assert gate is not None
    assert [gate.covers(metric) for metric in ("latency_ms", "latency_ms/board", "size_bytes")] == [True, True, False]
    assert gate.give_up == 5


def test_a_target_may_be_named():
    gate = Gate(hard=("latency_ms/board",))
    assert gate.covers("latency_ms/board")
    assert not gate.covers("latency_ms/phone")


def test_a_study_keeps_its_gate():
    space = read({"hard": ["latency_ms"], "give_up": 5}, LATENCY).with_targets(["board", "phone"])
    again = parse_space(space.definition, source="kept")
    assert again.gate == Gate(hard=("latency_ms",), give_up=5)
    assert again.hash == space.hash != read({}, LATENCY).with_targets(["board", "phone"]).hash


def test_tuning_is_a_word_of_the_space_and_older_spaces_stay_what_they_are():
    plain = read({"hard": ["latency_ms"]}, LATENCY)
    assert plain.gate is not None
    assert plain.gate.tune == "no"
    assert plain.definition["gate"] == {"hard": ["latency_ms"], "give_up": 30}
    assert read({"hard": ["latency_ms"], "tune": "no"}, LATENCY).hash == plain.hash
    tuned = read({"hard": ["latency_ms"], "tune": "each"}, LATENCY)
    assert tuned.hash != plain.hash
    assert parse_space(tuned.definition, source="kept").gate == Gate(hard=("latency_ms",), tune="each")


def test_a_trained_network_is_not_tuned_by_a_gate():
    plans = {"checkpoint": "/some/checkpoint.pt", "checkpoint_sha256": "0" * 64, "dimensions": {}}
    with pytest.raises(
        ConfigError, match=r"gate.tune = 'all' tunes before a training, .* mqn export CHECKPOINT --tune"
    ):
        read({"tune": "all"}, LATENCY, **plans)


def test_nothing_is_gated_where_nothing_is_trained():
    plans = {"checkpoint": "/some/checkpoint.pt", "checkpoint_sha256": "0" * 64, "dimensions": {}}
    assert read({"hard": ["latency_ms"]}, LATENCY, **plans).gate is None


@pytest.mark.parametrize(
    ("gate", "line"),
    [
        ({"tune": "every"}, r"gate.tune = 'every'|each"),
        ({"hard": ["psnr_tm"]}, r"gate.hard\[0\]: psnr_tm is known only after training.*the gate knows size_bytes"),
        ({"hard": ["psnr_tm_drop"]}, "psnr_tm_drop is known only after training"),
        ({"hard": ["latency_ms", "macs"]}, r"gate.hard\[1\]: no constraint is on macs; add \[\[constraints\]\]"),
        ({"hard": ["latency"]}, r"gate.hard\[0\]: .*latency_ms"),
        ({"give_up": 0}, "gate.give_up 0 must be at least 1"),
        ({"hardly": []}, "unknown key 'gate.hardly'"),
    ],
)
def test_what_the_gate_cannot_do_is_refused(gate, line):
    with pytest.raises(ConfigError, match=f"tiny.toml: .*{line}"):
        read(gate, LATENCY, {"metric": "psnr_tm", "min": 20.0})
