from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.report.conftest import MEASUREMENT, write_sigmoid
from tests.support.readme_code import check_outside, run_readme

from mqn.data.licence import Origin
from mqn.errors import ModelFileError, StudyError, UsageError
from mqn.hdr.codec import CODECS, decode, output_range
from mqn.parsing import file_hash, write_json
from mqn.report.bundle import filling
from mqn.report.bundle.bundle import load_bundle, write_bundle
from mqn.report.bundle.readme import example
from mqn.report.bundle.samples.reference import output_of
from mqn.tflite.flatbuffer import Network
from mqn.tflite.metadata import read_text


def test_a_bundle_holds_model_manifest_figures_and_texts(stored, tmp_path):
    record, store = stored()
    output = write_bundle(record, store, tmp_path / "bundle")
    names = {path.name for path in output.iterdir()}
    assert names == {
        "model.tflite", "manifest.json", "trial.json", "scores.json", "measurement.json", "MODEL_CARD.md", "README.md",
        "sbom.json", "samples",
    }  # fmt: skip
    bundle = load_bundle(output)
    assert [file.name for file in bundle.files] == ["model.tflite"]
    assert (bundle.codec, bundle.input_size) == ("mulaw", 32)
    assert bundle.manifest.files["model.tflite"] == file_hash(output / "model.tflite")
    assert bundle.manifest.inputs["trial"] == 3
    assert set(bundle.manifest.files) == {
        path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()
    } - {"manifest.json"}
    card = (output / "MODEL_CARD.md").read_text()
    assert "| PSNR-TM (dB) | 25.00 | 24.00 to 26.00 |" in card
    assert "{" not in card
    assert "| board: Board 1, SoC 2 | 7.00 (6.90 to 7.15) / 7.50 | 10.0 | 1 | ok |" in card


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "applied"), [("fused", 1), ("pair", 2)])
def test_the_readmes_code_runs_outside_the_project(stored, tmp_path, layout, applied):
    record, store = stored(layout)
    output = write_bundle(record, store, tmp_path / "bundle")
    ldr = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    check_outside(output)
    found = run_readme((output / "README.md").read_text(), output, ldr)
    expected = ldr / np.float32(255)
    for _ in range(applied):
        expected = 1 / (1 + np.exp(-expected))
    np.testing.assert_allclose(found, decode(expected, "mulaw", ldr / 255), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("codec", CODECS)
def test_the_readmes_decoding_is_the_codecs(codec):
    lines = example(["backbone.tflite", "head.tflite"], codec, 32).splitlines()
    assert len(lines) <= (17 if codec == "gain" else 10)
    assert max(map(len, lines)) <= 120
    start = next(i for i, line in enumerate(lines) if line.startswith("code = "))
    end = next(i for i, line in enumerate(lines) if line.startswith("open("))
    output = np.linspace(output_range(codec)[0] - 0.01, output_range(codec)[1] + 0.01, 48).reshape(1, 4, 4, 3)
    ldr = np.linspace(0, 1, 48).reshape(1, 4, 4, 3)
    names = {"np": np, "values": {"hdr": output, "ldr": ldr}}
    exec("\n".join(lines[start:end]), names)
    np.testing.assert_allclose(names["linear"], decode(output[0], codec, ldr[0]), rtol=1e-9, atol=1e-12)


def test_damage_is_found(stored, tmp_path):
    record, store = stored()
    output = write_bundle(record, store, tmp_path / "bundle")
    scores = (output / "scores.json").read_text()
    (output / "scores.json").write_text(scores.replace("25.0", "35.0"))
    with pytest.raises(ModelFileError, match=r"scores\.json is changed"):
        load_bundle(output)
    (output / "scores.json").unlink()
    with pytest.raises(ModelFileError, match=r"scores\.json is missing"):
        load_bundle(output)
    model = output / "model.tflite"
    model.write_bytes(model.read_bytes()[:-10])
    with pytest.raises(ModelFileError, match=r"model\.tflite"):
        load_bundle(output)


def test_a_bundle_replaces_a_bundle_and_nothing_else(stored, tmp_path):
    record, store = stored()
    output = tmp_path / "bundle"
    output.mkdir()
    write_bundle(record, store, output)
    write_bundle(record, store, output)
    assert load_bundle(output).input_size == 32
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty and not a whole bundle"):
        write_bundle(record, store, other)
    assert (other / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("thesis.txt", "mine", r"holds 'thesis\.txt', which no bundle has"),
        ("MODEL_CARD.md", "my own words", r"MODEL_CARD\.md is changed"),
        (".hidden", "mine", r"holds '\.hidden'"),
    ],
)
def test_what_a_user_put_into_a_bundle_is_not_replaced(stored, tmp_path, name, content, words):
    record, store = stored()
    output = write_bundle(record, store, tmp_path / "bundle")
    (output / name).write_text(content)
    with pytest.raises(UsageError, match=words):
        write_bundle(record, store, output)
    assert (output / name).read_text() == content
    assert [path.name for path in tmp_path.iterdir() if path.name != "artifacts"] == ["bundle"]


def test_a_file_or_a_link_named_as_output_loses_nothing(stored, tmp_path):
    record, store = stored()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        write_bundle(record, store, tmp_path / "file")
    write_bundle(record, store, tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    write_bundle(record, store, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert load_bundle(tmp_path / "real").input_size == 32


def test_the_folder_that_one_stands_in_is_not_replaced(stored, tmp_path, monkeypatch):
    record, store = stored()
    output = write_bundle(record, store, tmp_path / "bundle")
    monkeypatch.chdir(output)
    for given in (Path(), output, tmp_path):
        with pytest.raises(UsageError, match="where this command runs"):
            write_bundle(record, store, given)
    assert load_bundle(output).input_size == 32


def test_a_bundle_that_is_refused_leaves_the_older_one_as_it_was(stored, tmp_path):
    record, store = stored()
    output = write_bundle(record, store, tmp_path / "bundle")
    before = {path.name: path.stat().st_mtime_ns for path in output.iterdir()}

    def refuse(bundle):
        assert bundle.folder != output  # It is checked beside, not in its place.
        raise ModelFileError("scores otherwise")

    with pytest.raises(ModelFileError, match="scores otherwise"):
        write_bundle(record, store, output, check=refuse)
    assert {path.name: path.stat().st_mtime_ns for path in output.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["artifacts", "bundle"]


def test_a_kill_leaves_the_older_bundle_and_the_next_run_tidies_up(stored, tmp_path):
    record, store = stored()
    output = write_bundle(record, store, tmp_path / "bundle")
    (tmp_path / ".bundle.select-mine").mkdir()
    (tmp_path / ".bundle.select-mine" / "thesis.txt").write_text("mine")
    child = os.fork()
    if child == 0:
        write_bundle(record, store, output, check=lambda _: os.kill(os.getpid(), signal.SIGKILL))
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert load_bundle(output).input_size == 32
    assert len(list(tmp_path.glob(".bundle.select-*"))) == 2
    write_bundle(record, store, output)
    assert load_bundle(output).input_size == 32
    assert [path.name for path in tmp_path.glob(".bundle.select-*")] == [".bundle.select-mine"]


def test_a_damaged_artifact_or_none_makes_no_bundle(stored, trial, tmp_path):
    record, store = stored()
    with pytest.raises(StudyError, match="has no exported model"):
        write_bundle(trial(0, 1, 1), store, tmp_path / "bundle")
    model = store.path("quantize", "key-quantize") / "model.tflite"
    model.write_bytes(model.read_bytes()[:100])
    with pytest.raises(StudyError, match="missing or damaged"):
        write_bundle(record, store, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_bundle_of_a_tuned_trial_holds_the_file_of_the_device_that_is_asked_for(stored, tmp_path):
    record, store = stored()
    with store.open("quantize", "key-phone") as slot:
        write_sigmoid(slot.folder / "model.tflite", "ldr", "hdr", 32, inner="of-the-phone")
        slot.publish(inputs={}, versions={}, seconds=1.0, details={"codec": "mulaw", "input_size": 32})
    with store.open("measure", "key-measure-phone") as slot:
        write_json(slot.folder / "measurement.json", MEASUREMENT)
        slot.publish(inputs={}, versions={}, seconds=1.0, details={})
    own = {"quantize/phone": "key-phone", "measure/phone": "key-measure-phone"}
    lowering = {"board": "norms", "phone": "phases,norms"}
    record = replace(record, artifacts={**record.artifacts, **own}, lowering=lowering)
    first = load_bundle(write_bundle(record, store, tmp_path / "first"))
    phone = load_bundle(write_bundle(record, store, tmp_path / "phone", device="phone"))
    bundles = {"board": first, "phone": phone}
    for name, bundle in bundles.items():
        details = bundle.manifest.details
        own = lowering[name].split(",")
        assert (details["tuned_for"], details["lowering"], details["lowering_by_device"]) == (name, own, lowering)
        # What was measured is another file elsewhere.
        assert list(json.loads((bundle.folder / "measurement.json").read_text())) == [name]
        for text in ("README.md", "MODEL_CARD.md"):
            assert f"This is the file of `{name}`: rewrites `{lowering[name]}`." in (bundle.folder / text).read_text()
    assert first.manifest.key != phone.manifest.key
    assert [tensor.name for tensor in Network.read(phone.files[0]).tensors] == ["ldr", "of-the-phone", "hdr"]
    size = f"{store.get('quantize', 'key-phone').path('model.tflite').stat().st_size:,}"
    assert f"| {size} |" in (phone.folder / "MODEL_CARD.md").read_text()
    assert size not in (first.folder / "MODEL_CARD.md").read_text()


def test_what_was_not_tuned_names_no_device(stored, tmp_path):
    record, store = stored()
    bundle = load_bundle(write_bundle(record, store, tmp_path / "bundle", device="board"))
    assert bundle.manifest.key == load_bundle(write_bundle(record, store, tmp_path / "other")).manifest.key
    assert bundle.manifest.details.keys() == {
        "format", "codec", "input_size", "layout", "run_order", "measured_files", "data", "samples", "reference",
    }  # fmt: skip
    assert bundle.manifest.details["format"] == 2


@pytest.mark.parametrize("layout", ["fused", "pair"])
def test_files_tell_of_themselves_and_compute_what_was_measured(stored, tmp_path, layout):
    record, store = stored(layout)
    origin = Origin(name="ward", licence="CC BY 4.0", procedural=False, counts={}, hash="0a1b")
    bundle = load_bundle(write_bundle(record, store, tmp_path / "bundle", origin=origin))
    measured = [store.get("quantize", "key-quantize").path(file.name) for file in bundle.files]
    details = bundle.manifest.details
    assert details["measured_files"] == {file.name: file_hash(file) for file in measured}
    assert details["data"]["licence"] == "CC BY 4.0"
    for file, before in zip(bundle.files, measured, strict=True):
        text = read_text(Network.read(file))
        assert (text.name, text.version) == (text.name, "study s, trial 3")
        assert "CC BY 4.0" in text.licence
        assert file.read_bytes() != before.read_bytes()
        assert read_text(Network.read(before)) is None
    first, last = read_text(Network.read(bundle.files[0])), read_text(Network.read(bundle.files[-1]))
    assert (first.inputs[0].name, first.inputs[0].std, last.outputs[0].name) == ("ldr", 255.0, "hdr")
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(output_of(bundle.files, picture), output_of(measured, picture))


def test_a_file_that_would_compute_something_else_makes_no_bundle(stored, tmp_path, monkeypatch):
    record, store = stored()
    monkeypatch.setattr(filling, "describe_file", lambda _, target, *__: write_sigmoid(target, "ldr", "hdr", 32, "x"))
    with pytest.raises(ModelFileError, match="gives another picture than the files that were measured"):
        write_bundle(record, store, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_the_same_trial_gives_the_same_bundle(stored, tmp_path):
    record, store = stored()
    first, second = (write_bundle(record, store, tmp_path / name) for name in ("first", "second"))
    assert (first / "manifest.json").read_bytes() == (second / "manifest.json").read_bytes()


def test_what_a_user_put_into_a_sample_is_not_replaced(stored, tmp_path):
    record, store = stored()
    output = write_bundle(record, store, tmp_path / "bundle")
    (output / "samples" / "android" / "mine.kt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds 'samples/android/mine\.kt'"):
        write_bundle(record, store, output)
    assert (output / "samples" / "android" / "mine.kt").read_text() == "mine"
