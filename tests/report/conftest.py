"""Trials made by hand: latency rises with width, accuracy with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils
from tests.support.records import make_measurement, make_scores, make_trial

from mqn.parsing import write_json
from mqn.records import (
    Candidate,
    Latency,
    Range,
    TrialRecord,
)
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.goals import Objective

SCORES = make_scores()
MEASUREMENT = make_measurement(
    parts=(),
    latency_ms=Latency(
        n=50, min=6.5, p50=7.0, p90=7.5, p99=8.0, mean=7.1, std=0.2, p50_range=Range(low=6.9, high=7.15)
    ),
)


@pytest.fixture
def trial() -> Callable[..., TrialRecord]:
    def make(number: int, psnr: float, latency: float, values: dict | None = None, **changes: Any) -> TrialRecord:
        usual = {"psnr_tm": psnr, "latency_ms": latency, "latency_ms.p90": latency + 1, "peak_memory_mb": 10.0}
        given = {
            "figures": usual,
            "candidate": Candidate().with_values(values or {}),
            "verdicts": {"board": "ok"},
            "violations": {"latency_ms <= 21": latency - 21},
        }
        return make_trial(number, **{**given, **changes})

    return make


@pytest.fixture
def objectives() -> tuple[Objective, Objective]:
    return (Objective(metric="psnr_tm"), Objective(metric="latency_ms"))


@pytest.fixture
def stored(tmp_path: Path, trial: Callable[..., TrialRecord]) -> Callable[..., tuple[TrialRecord, ArtifactStore]]:
    """A trial whose artifacts lie in a store: one-operator models, scores, a measurement."""

    def make(layout: str = "fused", codec: str = "mulaw") -> tuple[TrialRecord, ArtifactStore]:
        store = ArtifactStore(tmp_path / "artifacts")

        def publish(step: str, details: dict, write: Callable[[Path], None]) -> None:
            stage = step.partition("/")[0]
            with store.open(stage, f"key-{stage}") as slot:
                write(slot.folder)
                slot.publish(inputs={}, versions={"mqn": "0.1.0"}, seconds=1.0, details=details)

        def write_model(folder: Path) -> None:
            if layout == "fused":
                write_sigmoid(folder / "model.tflite", "ldr", "hdr", 32)
            else:
                write_sigmoid(folder / "backbone.tflite", "ldr", "interface", 32)
                write_sigmoid(folder / "head.tflite", "interface", "hdr", 32)

        publish("quantize", {"codec": codec, "input_size": 32}, write_model)
        publish("score", {}, lambda folder: write_json(folder / "scores.json", SCORES))
        publish("measure/board", {}, lambda folder: write_json(folder / "measurement.json", MEASUREMENT))
        steps = {step: f"key-{step.partition('/')[0]}" for step in ("quantize", "score", "measure/board")}
        steps |= {"train": "gone", "score/float": "gone"}  # Nothing that a bundle needs.
        values = {"arch.input_size": 32, "training.codec": codec, "plan.layout": layout}
        return trial(3, 25.0, 7.0, values, artifacts=steps), store

    return make


def write_sigmoid(path: Path, source: str, target: str, size: int, inner: str = "") -> Path:
    """Write a model of one operator, target = sigmoid(source), both (1, size, size, 3) float32.

    With `inner`, the name of a tensor between, of two: target = sigmoid(sigmoid(source)).
    """
    names = [source, *filter(None, [inner]), target]
    tensors = [
        schema.TensorT(name=name, shape=[1, size, size, 3], type=schema.TensorType.FLOAT32, buffer=0, hasRank=True)
        for name in names
    ]
    kind = schema.BuiltinOperator.LOGISTIC
    last = len(names) - 1
    operators = [schema.OperatorT(opcodeIndex=0, inputs=[at], outputs=[at + 1]) for at in range(last)]
    graph = schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[last], operators=operators)
    signature = schema.SignatureDefT(
        inputs=[schema.TensorMapT(name=source, tensorIndex=0)],
        outputs=[schema.TensorMapT(name=target, tensorIndex=last)],
        signatureKey="serving_default",
        subgraphIndex=0,
    )
    model = schema.ModelT(
        version=3,
        operatorCodes=[schema.OperatorCodeT(deprecatedBuiltinCode=kind, builtinCode=kind, version=1)],
        subgraphs=[graph],
        buffers=[schema.BufferT()],
        signatureDefs=[signature],
    )
    path.write_bytes(bytes(flatbuffer_utils.convert_object_to_bytearray(model)))
    return path
