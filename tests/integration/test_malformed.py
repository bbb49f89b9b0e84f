"""More than 200 malformed pictures through preparing, converting and scoring: no crash, no hang, each one reported.

Each runs in a process of its own, so that a crash of a library in C is seen as what it is.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tests.support.malformed import HEIGHT, WIDTH, Case, scene, write_corpus
from tests.support.records import write_manifest

from mqn.hdr.io import files
from mqn.hdr.io.files import HDR_SUFFIXES, LDR_SUFFIXES

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

# Far beyond what any takes: a hang is what is looked for.
LIMIT_SECONDS = 300

GOOD = 6
NO_SCENES = ("black", "flat", "pixel", "row", "column")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Case]]:
    """The malformed pictures, and a few good ones of each kind among them."""
    folder = tmp_path_factory.mktemp("corpus") / "photos"
    folder.mkdir()
    cases = write_corpus(folder)
    for seed in range(GOOD):
        picture = scene() * np.float32(1 + seed)
        files.write(folder / f"good-{seed}.exr", picture)
        files.write_png(folder / f"good-{seed}-ldr.png", picture)
    return folder, cases


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def prepared(corpus: tuple[Path, list[Case]], home: Path) -> tuple[Path, dict[str, Any]]:
    folder, _ = corpus
    target = home / "dataset"
    done = _mqn(home, "data", "prepare", str(folder), "--output", str(target), "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    return target, json.loads(done.stdout)


def test_preparation_takes_or_names_every_file(
    corpus: tuple[Path, list[Case]], prepared: tuple[Path, dict[str, Any]]
) -> None:
    folder, cases = corpus
    target, _ = prepared
    catalogue = json.loads((target / "dataset.json").read_text())
    taken, skipped = {picture["name"] for picture in catalogue["pictures"]}, catalogue["skipped"]
    assert {f"good-{seed}.exr" for seed in range(GOOD)} <= taken
    wrong = {
        case.name: "taken" if case.name in taken else skipped.get(case.name, "not mentioned")
        for case in _expected(folder, cases, HDR_SUFFIXES, "hdr")
        if (case.outcome == "refused" and case.name not in skipped)
        or (case.outcome == "either" and case.name not in taken | set(skipped))
        # What is read may yet be no scene: of one colour, or too small to cut a training crop from.
        or (case.outcome == "read" and case.name not in taken and not any(w in case.name for w in NO_SCENES))
    }
    assert not wrong
    assert all("\n" not in reason for reason in skipped.values())


def test_conversion_converts_or_names_every_file(corpus: tuple[Path, list[Case]], home: Path) -> None:
    folder, cases = corpus
    model, target = _exported(home / "model"), home / "converted"
    done = _mqn(home, "convert", str(folder), "--model", str(model), "--output", str(target), "--json", codes=(0, 1))
    document = json.loads(done.stdout)
    failures = {Path(name).name: reason for name, reason in document["failures"].items()}
    written = {Path(name).name for name in document["written"]}
    for seed in range(GOOD):
        assert files.read(target / f"good-{seed}-ldr.exr").shape == (HEIGHT, WIDTH, 3)
    wrong = []
    for case in _expected(folder, cases, LDR_SUFFIXES, "ldr"):
        converted = any(name.startswith(Path(case.name).stem) for name in written)
        named = case.name in failures
        if {"refused": converted or not named, "read": not converted, "either": not (converted or named)}[case.outcome]:
            wrong.append((case.name, failures.get(case.name, "converted" if converted else "not mentioned")))
    assert not wrong
    assert all("\n" not in reason for reason in failures.values())


def test_scoring_judges_or_names_every_prediction(corpus: tuple[Path, list[Case]], home: Path, tmp_path: Path) -> None:
    folder, cases = corpus
    expected = _expected(folder, cases, HDR_SUFFIXES, "hdr")
    truths, predictions = tmp_path / "truths", tmp_path / "predictions"
    truths.mkdir()
    predictions.mkdir()
    lines = ["file,source,split"]
    # A picture for each malformed prediction, of its size; and two to train on, which a dataset must have.
    for number, case in enumerate([None, None, *expected]):
        name = f"{'train' if case is None else 'val'}-{number:03d}"
        files.write(truths / f"{name}.exr", np.roll(scene(), number, axis=1))
        lines.append(f"{name}.exr,{name},{'train' if case is None else 'val'}")
        if case is not None:
            (predictions / f"{name}{Path(case.name).suffix}").symlink_to(folder / case.name)
    (truths / "manifest.csv").write_text("\n".join(lines) + "\n")
    done = _mqn(home, "data", "prepare", str(truths), "--output", str(home / "truths"), "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    command = ["score", str(predictions), "--data", str(home / "truths"), "--metrics", "psnr_tm", "--json"]
    done = _mqn(home, *command, "--size", str(HEIGHT), "--workers", "1", "--allow-missing")
    left_out = {case.name: f"val-{number:03d}" in done.stderr for number, case in enumerate(expected, start=2)}
    # Long and small pictures are read, and then left out for not being of their truth's size.
    unlike = ("pixel", "row", "column")
    wrong = {
        case.name: "left out" if left_out[case.name] else "judged"
        for case in expected
        if (case.outcome == "refused" and not left_out[case.name])
        or (case.outcome == "read" and left_out[case.name] != any(word in case.name for word in unlike))
    }
    assert not wrong
    document = json.loads(done.stdout)
    assert document["pictures"] == len(expected) - sum(left_out.values())


def _expected(folder: Path, cases: list[Case], suffixes: tuple[str, ...], reader: str) -> list[Case]:
    """What one reader must make of the corpus: the other one's cases too where the suffix is one of its own."""
    return [
        case if case.reader == reader else Case(name=case.name, reader=case.reader, outcome="refused")
        for case in cases
        # Folders and pipes are no files: who looks for pictures passes them over.
        if Path(case.name).suffix in suffixes and not case.name.startswith(("folder", "pipe"))
    ]


def _exported(folder: Path) -> Path:
    """A model of one operator: hdr = logistic(ldr)."""
    from mqn.tflite.flatbuffer import Network

    graph = schema.SubGraphT(tensors=[], inputs=[], outputs=[], operators=[])
    network = Network(schema.ModelT(version=3, operatorCodes=[], buffers=[schema.BufferT()], subgraphs=[graph]))
    for name in ("ldr", "hdr"):
        kind = schema.TensorType.FLOAT32
        network.tensors.append(schema.TensorT(name=name, shape=[1, 32, 32, 3], type=kind, buffer=0, hasRank=True))
    logistic = network.operator_code("LOGISTIC")
    network.operators.append(schema.OperatorT(opcodeIndex=logistic, inputs=[0], outputs=[1]))
    network.set_edges({"ldr": 0}, {"hdr": 1})
    folder.mkdir()
    model = network.copy().write(folder / "model.tflite")
    return write_manifest(model, codec="mulaw", input_size=32)


def _mqn(home: Path, *words: str, codes: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MQN_HOME": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "mqn", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=LIMIT_SECONDS,
    )
    crash = signal.Signals(-done.returncode).name if done.returncode < 0 else ""
    assert not crash, done.stderr[-2000:]
    assert done.returncode in codes, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    return done
