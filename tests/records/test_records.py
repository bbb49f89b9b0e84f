from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mqn.errors import ConfigError
from mqn.parsing import from_mapping, to_plain
from mqn.records import Attempt, Candidate, Plan, Span, TrialRecord, read_trial, stage_key


def test_defaults_are_the_papers() -> None:
    flat = Candidate().flat()
    assert [flat[f"training.lambda_{loss}"] for loss in ("l1", "l2", "cosine", "features")] == [1.0, 1.0, 0.1, 0.05]
    assert (flat["training.learning_rate"], flat["training.decay"], flat["training.decay_epochs"]) == (5e-5, 0.99, 4)
    assert (flat["arch.width"], flat["arch.head_channels"], flat["training.batch_size"]) == (0.35, 12, 4)
    assert (flat["plan.backbone"], flat["plan.head"]) == ("static_wi8_ai8", "dynamic_wi8_afp32")


def test_with_values_changes_only_what_is_named() -> None:
    changed = Candidate().with_values({"arch.attention": "sa", "training.feature_pools": [1, 2]})
    assert changed.arch.attention == "sa"
    assert changed.training.feature_pools == (1, 2)
    assert changed.plan == Candidate().plan


def test_another_family_starts_from_its_own_defaults() -> None:
    """Both have a field `width`."""
    narrow = Candidate().with_values({"arch.width": 0.5, "arch.input_size": 128})
    changed = narrow.with_values({"arch.family": "hdrcnn"})
    assert (changed.flat()["arch.width"], changed.arch.input_size) == (1.0, 128)
    assert narrow.with_values({"arch.family": "hdrcnn", "arch.width": 0.5}).flat()["arch.width"] == 0.5


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("arch.atention", "ca", "did you mean 'attention'"),
        ("arch.attention", "cb", "allowed: ca, csa, none, sa"),
        ("arch.input_size", 100, "multiple of 32"),
        ("arch.width", 0.0, r"width 0\.0 must be in \(0, 2\]"),
        ("arch.head_channels", 5, "must be even"),
        ("training.epochs", 0, "epochs"),
        ("training.lambda_l1", -1.0, "must not be negative"),
        ("training.feature_pools", [4], "some of 1, 2, 3"),
        ("training.decay", 1.5, r"decay 1\.5"),
        ("training.clipped_weight", 0.5, r"clipped_weight 0\.5 must be 1 .* to 1000"),
        ("training.clipped_weight", 1001.0, r"clipped_weight 1001\.0 must be 1 .* to 1000"),
        ("arch.output_channels", 2, "allowed: 1, 3"),
        ("arch.output_channels", 1, r"output_channels 1 is for training.codec 'gain', not 'log'; give that codec, or"),
        ("plan.head", "int3", "did you mean|allowed"),
        ("plan.calibration_pictures", 0, "at least 1"),
    ],
)
def test_impossible_values_are_refused_by_name(key: str, value: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Candidate().with_values({key: value})


def test_one_gain_for_all_channels_goes_with_the_codec_that_has_gains() -> None:
    made = Candidate().with_values({"arch.output_channels": 1, "training.codec": "gain"})
    assert made.family.codecs_of(made.arch) == ("gain",)
    assert made.family.codecs_of(Candidate().arch) == made.family.codecs
    with pytest.raises(ConfigError, match=r"is for training.codec 'gain', not 'pq'"):
        made.with_values({"training.codec": "pq"})


@pytest.mark.parametrize(
    ("key", "values", "shown"),
    [
        ("arch.decoder_width", (0.5, 1.0), "ca w0.35 decoder_width=0.5 int8+dynamic"),
        ("arch.attention", ("none", "ca"), "none w0.35 int8+dynamic"),
        ("arch.encoder_weights", ("/far/away/own.npz", "imagenet"), "ca w0.35 encoder_weights=own.npz int8+dynamic"),
        ("training.lambda_l2", (0.0, 1.0), "ca w0.35 lambda_l2=0 int8+dynamic"),
        ("training.feature_pools", ([1, 2], [1, 2, 3]), "ca w0.35 feature_pools=1+2 int8+dynamic"),
        ("training.seed", (7, 8), "ca w0.35 seed=7 int8+dynamic"),
        ("plan.head", ("float32", "dynamic_wi8_afp32"), "ca w0.35 int8+float32"),
        ("plan.calibration", ("mse", "minmax"), "ca w0.35 int8+dynamic mse"),
        ("plan.cut", ("decoder.conv2", "interface"), "ca w0.35 int8+dynamic@decoder.conv2"),
    ],
)
def test_a_label_tells_apart_what_a_study_varies(key: str, values: tuple[Any, ...], shown: str) -> None:
    labels = [Candidate().with_values({key: value}).label_with([key]) for value in values]
    assert labels[0] == shown
    assert len(set(labels)) == len(values)


def test_a_record_goes_by_its_own_label_or_its_candidates() -> None:
    record = TrialRecord(study="s", number=0, state="held", candidate=Candidate())
    assert record.label == "ca w0.35 int8+dynamic"
    named = replace(record, label="ca w0.35 epochs=3 int8+dynamic")
    assert from_mapping(TrialRecord, to_plain(named), source="test").label == named.label


def test_labels_are_what_a_person_reads() -> None:
    assert Candidate().label == "ca w0.35 int8+dynamic"
    assert Plan(layout="pair", backbone="float32", head="float32").label == "pair:float32+float32"


def test_trial_record_survives_json() -> None:
    record = TrialRecord(
        study="s", number=3, state="complete", candidate=Candidate(), figures={"psnr_tm": 20.5}, verdicts={"d": "ok"}
    )
    assert from_mapping(TrialRecord, to_plain(record), source="x") == record


def test_feasible_means_no_constraint_is_above_zero() -> None:
    record = TrialRecord(study="s", number=0, state="complete", candidate=Candidate(), violations={"latency_ms": 0.0})
    assert record.feasible
    broken = TrialRecord(study="s", number=0, state="complete", candidate=Candidate(), violations={"latency_ms": 0.1})
    assert not broken.feasible


def test_stage_key_depends_on_stage_and_inputs() -> None:
    keys = {stage_key("train", {"a": 1}), stage_key("train", {"a": 2}), stage_key("convert", {"a": 1})}
    assert len(keys) == 3
    assert stage_key("train", {"a": 1, "b": 2}) == stage_key("train", {"b": 2, "a": 1})


def test_a_record_of_an_older_study_keeps_each_device_figure_once() -> None:
    """It had those of the first device among the others, those of several by name too, and each file's size."""
    board, phone = {"latency_ms": 4.0, "size_bytes": 9.0}, {"latency_ms": 2.0, "size_bytes": 9.0}
    old = {
        **to_plain(TrialRecord(study="s", number=0, state="complete", candidate=Candidate())),
        "figures": {"psnr_tm": 20.0, **board, "latency_ms/board": 4.0, "latency_ms/phone": 2.0},
        "device_figures": {"board": board, "phone": phone},
    }
    record = read_trial(old, source="study 's'")
    assert record.figures == {"psnr_tm": 20.0, "size_bytes": 9.0}
    assert record.device_figures == {"board": {"latency_ms": 4.0}, "phone": {"latency_ms": 2.0}}
    assert (record.figure("latency_ms"), record.figure("latency_ms.p50/phone")) == (4.0, 2.0)
    assert record.figure("latency_ms", "phone") == 2.0
    assert record.figure("latency_ms/tablet") is None
    assert read_trial(to_plain(record), source="study 's'") == record


def test_spans_and_attempts_survive_json() -> None:
    span = Span(begin=10.5, end=12.0, host="lab1", node="ab12", process=7, device="board", submitted=10.0)
    attempt = Attempt(step="train", error=("ProcessLostError", "killed"), span=Span(begin=1.0, end=2.0))
    record = TrialRecord(
        study="s",
        number=0,
        state="complete",
        candidate=Candidate(),
        spans={"measure/board": span},
        attempts=(attempt,),
    )
    assert read_trial(json.loads(json.dumps(to_plain(record))), source="study 's'") == record


def test_a_record_of_an_older_study_has_no_spans() -> None:
    plain = to_plain(TrialRecord(study="s", number=0, state="complete", candidate=Candidate()))
    record = read_trial({key: plain[key] for key in plain if key not in ("spans", "attempts")}, source="study 's'")
    assert (record.spans, record.attempts) == ({}, ())


def test_a_clock_that_was_set_back_makes_no_time_negative() -> None:
    assert (Span(begin=5.0, end=3.0).seconds, Span(begin=5.0, end=7.5).seconds) == (0.0, 2.5)


def test_a_span_with_an_unknown_key_is_refused_by_name() -> None:
    plain = to_plain(TrialRecord(study="s", number=0, state="complete", candidate=Candidate()))
    plain["spans"] = {"train": {"begin": 1.0, "end": 2.0, "hosts": "lab1"}}
    with pytest.raises(ConfigError, match=r"study 's': unknown key 'spans.train.hosts'; did you mean 'host'"):
        read_trial(plain, source="study 's'")
