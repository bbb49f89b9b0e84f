"""The whole chain as a user types it: search, status, front, select, convert, on a folder of pictures."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import REPOSITORY
from tests.support.commands import run_command, type_command
from tests.support.made_once import furnish
from tests.support.rigs.s3 import S3

from mqn.hdr.io import files
from mqn.hdr.scenes import scene
from mqn.parsing import from_mapping
from mqn.records import DeviceInfo, MeasureSettings
from mqn.report.timing.repeatability import Repeats, judge_device, keep_repeatability

pytestmark = pytest.mark.integration

SPACE = """
name = "tiny"
description = "two plans of one network"
sampler = "grid"
objectives = [{ metric = "psnr_tm" }, { metric = "latency_ms" }]
points = [
    { "plan.backbone" = "static_wi8_ai8", "plan.head" = "dynamic_wi8_afp32" },
    { "plan.backbone" = "float32", "plan.head" = "float32" },
]
[fixed]
"arch.encoder_weights" = "random"
"arch.input_size" = 64
"training.lambda_features" = 0.0
"training.epochs" = 1
"plan.calibration_pictures" = 2
"""

VIRTUAL = """
sampler = "grid"
objectives = [{ metric = "pu21_psnr" }, { metric = "latency_ms" }]
scoring = { metrics = ["pu21_psnr", "angular_error_deg"], inputs = "virtual" }
[fixed]
"plan.calibration_pictures" = 2
[dimensions."plan.head"]
choices = ["float32", "dynamic_wi8_afp32"]
"""

WIDE = Repeats(name="m", sha256=(), p50_ms=(1.0, 3.0), refused=(), median_ms=1.0, spread=2.0)

Mqn = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, scenes: Path) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    furnish(folder / "home", scenes=scenes)
    (folder / "space.toml").write_text(SPACE)
    photos = folder / "photos"
    photos.mkdir()
    for seed in range(6):
        files.write(photos / f"scene{seed}.exr", scene(64, seed))
    (photos / "broken.exr").write_bytes(b"not a picture")
    return folder


@pytest.fixture(scope="module")
def typed(place: Path) -> Mqn:
    """Runs a command as a user does."""

    def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = type_command(words, place, place / "home")
        assert done.returncode == code, done.stderr[-3000:]
        return done

    return run


@pytest.fixture(scope="module")
def mqn(place: Path) -> Mqn:
    """Runs a command in this process: each one that is typed imports its libraries anew."""

    def run(*words: str, code: int = 0, home: Path = place / "home") -> subprocess.CompletedProcess[str]:
        done = run_command(words, place, home)
        assert done.returncode == code, done.stderr[-3000:]
        return done

    return run


@pytest.fixture(scope="module")
def study(typed: Mqn) -> dict[str, Any]:
    done = typed("search", "space.toml", "--data", "photos", "--profile", "laptop", "--json")
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def bundle(mqn: Mqn, study: dict[str, Any]) -> str:
    words = ("--by", "psnr_tm", "--max", "latency_ms=1e6", "--no-measure", "--alias", "champion")
    mqn("select", study["study"], *words, "--output", "bundle")
    return "bundle"


@pytest.fixture(scope="module")
def trained(study: dict[str, Any], place: Path) -> Path:
    """The checkpoint of the study's only training; other tests train networks of other sizes in the same home."""
    import mqn

    record = mqn.open_study(place / "home" / study["study"]).records[0]
    return place / "home" / "artifacts" / "train" / record.artifacts["train"] / "checkpoint.pt"


def test_search_prints_one_document_with_its_front(study: dict[str, Any]) -> None:
    assert study["study"] == "tiny"
    assert study["summary"]["trials"]["complete"] == 2
    assert study["summary"]["trainings"] == 1
    assert {entry["metric"] for entry in study["objectives"]} == {"psnr_tm", "latency_ms"}
    assert study["front"]


def test_status_counts_trials_and_trainings(typed: Mqn, study: dict[str, Any]) -> None:
    status = json.loads(typed("status", study["study"], "--json").stdout)
    assert status["trials"]["complete"] == 2
    assert status["trials"]["failed"] == 0
    assert status["trainings"] == 1
    assert status["hypervolume"] > 0


def test_a_study_is_not_started_twice_and_resuming_a_finished_one_does_nothing(mqn: Mqn, study: dict[str, Any]) -> None:
    again = mqn("search", "space.toml", "--data", "photos", "--profile", "laptop", code=1)
    assert again.stderr.strip().splitlines()[-1].startswith("mqn: study 'tiny' exists already; go on with --resume")
    done = mqn("search", "space.toml", "--profile", "laptop", "--resume", "--json")
    assert json.loads(done.stdout)["front"] == study["front"]


def test_what_the_stages_printed_and_where_the_time_went(mqn: Mqn, study: dict[str, Any], place: Path) -> None:
    told = json.loads(mqn("logs", study["study"], "0", "--json").stdout)
    texts = {step["step"]: step["text"] for step in told["steps"]}
    assert {"train", "convert", "quantize", "score", "measure/local"} <= set(texts)
    assert "epoch 1 of 1: loss " in texts["train"]
    assert re.search(r"device local .*: \w+; latency_ms", texts["measure/local"])
    assert all("  done after " in text for text in texts.values())
    mqn("timeline", study["study"], "--output", "time.html", "--output", "time.json")
    assert "of the time a training ran" in (place / "time.html").read_text()
    slices = [one for one in json.loads((place / "time.json").read_text())["traceEvents"] if one["ph"] == "X"]
    document = json.loads(mqn("timeline", study["study"], "--json").stdout)
    assert len([one for one in slices if "train" in one.get("cat", "")]) == document["trainers"]["trainings"] == 1
    assert [device["name"] for device in document["devices"]] == ["local"]
    assert all(one["dur"] >= 0 and one["ts"] >= 0 for one in slices)


def test_front_is_written_as_page_and_picture(mqn: Mqn, study: dict[str, Any], place: Path) -> None:
    mqn("front", study["study"], "--html", "shown/front.html", "--png", "shown/front.png")
    assert (place / "shown" / "front.png").read_bytes().startswith(b"\x89PNG")
    page = (place / "shown" / "front.html").read_text(encoding="utf-8")
    assert "plotly" in page
    assert "tiny" in page


def test_mlflow_holds_the_parent_and_a_named_run_for_each_trial(study: dict[str, Any], place: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{place / 'home' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(study["study"])
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert (len(runs), len(children)) == (3, 2)
    (parent,) = [run for run in runs if run not in children]
    assert parent.data.params["arch.attention"] == "ca"
    assert parent.data.metrics["hypervolume"] > 0
    shown = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert shown == {"front.json", "front.png", "space.toml"}
    for run in children:
        assert run.info.status == "FINISHED"
        assert set(run.data.params) == {"plan.backbone", "plan.head"}
        assert [one.dataset.name for one in run.inputs.dataset_inputs] == ["photos"]
        assert "psnr_tm" in run.data.metrics
        assert any(name.startswith("latency_ms.p50/") for name in run.data.metrics)
        assert client.get_metric_history(run.info.run_id, "train/loss")
        assert client.list_artifacts(run.info.run_id)


def test_a_selected_bundle_converts_a_photograph_at_its_own_size(
    typed: Mqn, mqn: Mqn, bundle: str, place: Path
) -> None:
    picture = np.linspace(0, 1, 70 * 101 * 3, dtype=np.float32).reshape(70, 101, 3)
    files.write_png(place / "photo.png", picture)
    typed("convert", "photo.png", "--model", bundle, "--output", "photo.exr")
    hdr = files.read(place / "photo.exr")
    assert hdr.shape == (70, 101, 3)
    assert hdr.max() > 0
    scores = json.loads(mqn("score", bundle, "--data", "photos", "--json").stdout)
    assert scores["pictures"] >= 1
    assert set(scores["scores"]["psnr_tm"]) == {"mean", "low", "high", "n"}
    measured = json.loads(mqn("measure", bundle, "--profile", "laptop", "--json").stdout)
    assert measured["latency_ms"]["n"] >= 50
    assert measured["latency_ms"]["p50"] <= measured["latency_ms"]["p90"]


def test_a_selected_model_is_measured_again_on_the_study_s_device(
    mqn: Mqn, study: dict[str, Any], bundle: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the profile that the study ran with, which nobody names. A busy machine may be three times as slow."""
    measured = json.loads((place / bundle / "measurement.json").read_text())["local"]
    device = from_mapping(DeviceInfo, measured["device"], source="test")
    monkeypatch.setenv("MQN_HOME", str(place / "home"))
    keep_repeatability(judge_device(device, MeasureSettings(), [WIDE], "2026-01-31T10:00:00"))
    done = mqn("select", study["study"], "--top", "2", "--output", "measured", "--no-register", "--json")
    told = json.loads(done.stdout)
    assert len(told["ranked"]) == len({one["trial"] for one in told["ranked"]}) >= 1
    (again,) = told["verified"]["measured"]
    assert (again["target"], again["device"]) == ("local", "local")
    assert again["outcome"] in ("repeats", "disturbed")
    assert again["again"]["latency_ms"] > 0
    assert again["recorded"] == told["record"]["device_figures"]["local"]
    kept = json.loads((place / "measured" / "verification.json").read_text())
    assert kept["measured"] == told["verified"]["measured"]
    assert json.loads((place / bundle / "verification.json").read_text())["unmeasured"] == "--no-measure"


def test_the_registered_version_has_its_alias(study: dict[str, Any], bundle: str, place: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{place / 'home' / 'mlflow.db'}")
    version = client.get_model_version_by_alias(f"mqn-{study['study']}", "champion")
    assert version.tags["measured_again"] == "--no-measure"


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")  # as mlflow.pyfunc is imported
def test_mlflow_loads_the_champion_and_gives_the_pixels_of_a_conversion(
    mqn: Mqn, bundle: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    from mqn.track.tracker import Tracker

    uri = f"sqlite:///{place / 'home' / 'mlflow.db'}"
    record = json.loads((place / bundle / "trial.json").read_text())
    with Tracker(uri, place / "home" / "spool") as tracker:
        words = {"study": "tiny", "number": record["number"], "tags": {}, "alias": "champion"}
        assert tracker.register_bundle("mqn-tiny", place / bundle, **words) == "1"
    codes = np.random.default_rng(1).integers(0, 256, (48, 70, 3), dtype=np.uint8)
    files.write_png(place / "noise.png", codes.astype(np.float32) / 255)
    mqn("convert", "noise.png", "--model", bundle, "--output", "noise.pfm")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)  # mlflow.set_tracking_uri would leave it set for later tests.
    model = mlflow.pyfunc.load_model("models:/mqn-tiny@champion")
    np.testing.assert_array_equal(model.predict(codes[None])[0], files.read(place / "noise.pfm"))
    (logged,) = mlflow.MlflowClient(uri).get_run(_run_of(uri)).outputs.model_outputs
    again = mlflow.pyfunc.load_model(f"models:/{logged.model_id}")
    np.testing.assert_array_equal(again.predict(codes[None]), model.predict(codes[None]))


def _run_of(uri: str) -> str:
    from mlflow import MlflowClient

    return str(MlflowClient(uri).get_model_version("mqn-tiny", "1").run_id)


def test_the_readme_s_python_runs(bundle: str, place: Path) -> None:
    files.write_png(place / "photo.png", np.zeros((33, 47, 3), np.float32))
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "mqn.load_bundle" in block]
    shown = "print(study.status['complete'], len(frame), hdr.shape, hdr.dtype)"
    environment = {**os.environ, "MQN_HOME": str(place / "home")}
    command = [sys.executable, "-c", f"{code}\n{shown}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip().splitlines()[-1] == "2 2 (33, 47, 3) float32"


def test_contributing_s_scripts_run_one_stage_and_find_a_trial_s_candidate(study: dict[str, Any], place: Path) -> None:
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    stage, candidate = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    code = f"{candidate.replace('STUDY', study['study']).replace('[7]', '[0]')}\n{stage}"
    environment = {**os.environ, "MQN_HOME": str(place / "home")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (place / done.stdout.split()[-1] / "checkpoint.pt").is_file()


def make_forty(place: Path) -> None:
    """A study of 40 trials beside the real one: its two trials, and 38 that they beat, of the same training."""
    from mqn.parsing import from_mapping
    from mqn.search.space.space_file import parse_space
    from mqn.search.study.about import About
    from mqn.search.study.studies import create_study, open_study
    from mqn.search.study.trials import records

    url = f"sqlite:///{place / 'home' / 'study.db'}"
    real = open_study("tiny", url)
    found = records(real)
    definition = {**real.space.definition, "sampler": "random", "points": [], "trials": 40}
    definition["dimensions"] = {"training.seed": {"low": 0, "high": 10_000}}
    definition["fixed"].pop("training.seed", None)
    space = parse_space(definition, source="forty")
    plain = {**real.optuna.user_attrs["mqn"], "space": space.definition, "space_hash": space.hash}
    made = create_study("forty", url, from_mapping(About, plain, source="forty"))
    made.optuna.set_user_attr("devices", real.optuna.user_attrs["devices"])
    for number in range(40):
        trial = made.ask()
        assert trial is not None
        record = replace(found[number % 2], study="forty", number=number)
        if number > 1:
            worse = {
                target: {**own, "latency_ms": own["latency_ms"] + 1e4} for target, own in record.device_figures.items()
            }
            figures = {**record.figures, "psnr_tm": record.figures["psnr_tm"] - number}
            record = replace(record, figures=figures, device_figures=worse)
        made.note(trial, record)
        made.finish(trial, record)


def test_a_study_of_forty_trials_is_the_same_under_another_home(
    mqn: Mqn, study: dict[str, Any], place: Path, tmp_path: Path
) -> None:
    make_forty(place)
    there = {"home": tmp_path / "elsewhere"}
    mqn("export-study", "forty", "forty.zip")
    told = mqn("import-study", "forty.zip", **there).stdout
    assert "its pictures, 'photos' (hash " in told
    assert "mqn track resend forty --rebuild" in told
    shown = ("front", "forty", "--html")
    fronts = [mqn(*shown, f"{name}.html", "--json", **home).stdout for name, home in (("here", {}), ("there", there))]
    assert fronts[0] == fronts[1]
    assert len(json.loads(fronts[0])["front"]) >= 1
    assert (place / "here.html").read_bytes() == (place / "there.html").read_bytes()
    with zipfile.ZipFile(place / "forty.zip") as file:
        assert file.read("front.html") == (place / "here.html").read_bytes()
        assert file.read("front.png").startswith(b"\x89PNG")
        texts = {name: file.read(name).decode(errors="replace") for name in file.namelist()}
    telling = (str(place), str(Path.home()), f'"{socket.gethostname()}"', "log.txt")
    assert {(name, word) for name, text in texts.items() for word in telling if word in text + name} == set()
    statuses = [json.loads(mqn("status", "forty", "--json", **home).stdout) for home in ({}, there)]
    assert statuses[0] == statuses[1]
    assert statuses[1]["trials"]["complete"] == 40
    assert json.loads(mqn("trials", "forty", "--json", **there).stdout)["trials"]
    assert json.loads(mqn("timeline", "forty", "--json", **there).stdout)["jobs"] > 0
    choose = ("select", "forty", "--by", "psnr_tm", "--no-register", "--output", str(tmp_path / "bundle"))
    refused = mqn(*choose, code=1, **there).stderr
    assert "where its pictures were called 'photos'" in refused
    chosen = json.loads(mqn(*choose, "--data", "photos", "--json", **there).stdout)
    assert chosen["record"]["study"] == "forty"
    assert (tmp_path / "bundle" / "MODEL_CARD.md").is_file()
    again = mqn("import-study", "forty.zip", code=1, **there).stderr
    assert again.strip() == "mqn: study 'forty' exists already; import it under another name: --study NAME"


@pytest.fixture
def s3(place: Path) -> Iterator[S3]:
    """A server, and the profile `s3.toml` whose artifacts lie there."""
    with S3() as s3, s3.in_environment():
        shipped = (REPOSITORY / "runners" / "laptop.toml").read_text(encoding="utf-8")
        study = f"sqlite:///{place / 'home' / 'study.db'}"
        storage = f'[storage]\nstudy = "{study}"\nartifacts = "{s3.url}/lab"\n'
        (place / "s3.toml").write_text(f"{shipped}\n{storage}")
        yield s3


def test_a_study_on_s3_is_selected_by_what_it_is_scored_on(mqn: Mqn, place: Path, s3: S3, trained: Path) -> None:
    """Its own measures, not the usual ones, on inputs of the virtual camera, from a network that was trained before."""
    (place / "virtual.toml").write_text(VIRTUAL)
    mqn("search", "virtual.toml", "--data", "photos", "--profile", "s3.toml", "--checkpoint", str(trained))
    # Files under their hashes, and of every artifact a manifest; nothing is left over.
    names = [key.split("/") for key in s3.keys("lab/") if key.count("/") == 3]
    assert {stage for _, stage, _, _ in names} == {"train", "convert", "quantize", "score", "measure"}
    assert {key for _, _, key, name in names if name == "manifest.json"} == {key for _, _, key, _ in names}
    cache = place / "home" / "cache" / "artifacts"
    shutil.rmtree(cache)
    assert json.loads(mqn("status", "virtual", "--profile", "s3.toml", "--json").stdout)["trials"]["complete"] == 2
    assert not cache.exists()  # A look at a study fetches no models.
    select = ("select", "virtual", "--profile", "s3.toml", "--by", "latency_ms", "--no-measure", "--output", "chosen")
    done = mqn(*select, "--json")
    assert set(json.loads(done.stdout)["verified"]["figures"]) == {"pu21_psnr", "angular_error_deg"}
    before = (place / "chosen" / "manifest.json").read_bytes()
    card = (place / "chosen" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "virtual camera" in card
    assert "than its input in" in card
    assert "licence: not recorded" in card
    # Other pictures in the same folder: the bundle stays, and the study is said to rest on others.
    files.write(place / "photos" / "more.exr", scene(64, 9))
    try:
        refused = mqn(*select, code=1)
    finally:
        (place / "photos" / "more.exr").unlink()
    assert "has changed" in refused.stderr
    assert (place / "chosen" / "manifest.json").read_bytes() == before


def test_what_nobody_meets_is_exit_code_3_and_names_the_nearest(mqn: Mqn, study: dict[str, Any]) -> None:
    done = mqn("select", study["study"], "--by", "psnr_tm", "--max", "latency_ms=0.0001", code=3)
    assert "comes nearest" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_truncated_file_is_refused(mqn: Mqn, study: dict[str, Any], place: Path) -> None:
    model = next((place / "home" / "artifacts").rglob("model.tflite"))
    (place / "cut.tflite").write_bytes(model.read_bytes()[:5000])
    done = mqn("measure", "cut.tflite", "--profile", "laptop", code=1)
    assert len(done.stderr.strip().splitlines()) == 1
    assert "rejected" in done.stderr


def test_one_stage_at_a_time_gives_a_model_too(mqn: Mqn, place: Path) -> None:
    settings = ("--set", "arch.encoder_weights=random", "--set", "arch.input_size=64")
    short = ("--set", "training.epochs=1", "--set", "training.lambda_features=0")
    mqn("train", "--data", "photos", "--output", "run", *settings, *short)
    mqn("export", "run/checkpoint.pt", "--data", "photos", "--output", "model", "--set", "plan.layout=pair")
    assert {"backbone.tflite", "head.tflite", "manifest.json"} <= {file.name for file in (place / "model").iterdir()}


def test_features_are_seen_of_a_bundle_and_of_a_checkpoint(mqn: Mqn, bundle: str, trained: Path, place: Path) -> None:
    document = json.loads(mqn("features", bundle, str(trained), "--output", "seen", "--json").stdout)
    (model,) = document["quantized"]
    assert (model["model"], model["interface"], model["shape"]) == ("bundle", "interface", [64, 64, 16])
    assert document["attention"]["models"][0]["shape"] == [16, 16, 8]
    names = {"features.html", "features.json", "attention.png", "quantized.png"}
    assert names <= {file.name for file in (place / "seen").iterdir()}

    alone = ("features", str(trained), "--set", "plan.layout=pair", "--data", "photos", "--output", "alone", "--json")
    (exported,) = json.loads(mqn(*alone).stdout)["quantized"]
    assert (exported["plan"], exported["dtype"]) == ("pair:int8+dynamic", "int8")
    assert len(exported["pictures"]) == 1  # As many as there are for validation.
    assert (place / "alone" / "model" / "head.tflite").is_file()
