"""The graph of a trial: which steps a candidate has, in which order, and what their artifacts say."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.records import BOARD, make_manifest

from mqn.parsing import write_json
from mqn.profile import Profile
from mqn.quantities import figures_by_name
from mqn.records import Candidate, MeasureSettings, Plan, Range, Ratio, RewriteTime, RewriteTimes, Tuning
from mqn.records.plan import DEFAULT_LOWERINGS
from mqn.search.artifacts import Artifact
from mqn.search.pipeline import TrialPipeline
from mqn.search.space.goals import Scoring
from mqn.search.space.trained import Trained

DATA: Any = SimpleNamespace(hash="d" * 64, folder=Path("/data"), place="/data")


def devices_of(*targets: str, paired: str = "") -> Any:
    return SimpleNamespace(
        targets=targets,
        paired=lambda target: target == paired,
        identity=lambda target: f"{target}-1",
        like=lambda target: dataclasses.replace(BOARD, soc=f"SoC of {target}"),
        holder="h",
    )


LOCAL = devices_of("local")


def artifact(folder: Path, stage: str, files: dict[str, str], **details: Any) -> Artifact:
    manifest = make_manifest(stage, files=files, details=details)
    return Artifact(folder=folder, manifest=manifest)


def test_figures_carry_the_names_of_the_quantities(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"12345")
    pipeline = TrialPipeline(DATA, Profile(), Scoring(), LOCAL)
    measured = {"device": "local", "verdict": "contended", "figures": {"latency_ms": 4.0}}
    figures = pipeline.figures(
        Candidate(),
        {
            "train": artifact(tmp_path, "train", {}, parameters={"total": 7}, macs={"total": 9}),
            "quantize": artifact(tmp_path, "quantize", {"model.tflite": "x"}),
            "score": artifact(tmp_path, "score", {}, scores={"psnr_tm": 20.0}),
            "score/float": artifact(tmp_path, "score", {}, scores={"psnr_tm": 21.5}),
            "score/baseline": artifact(tmp_path, "score", {}, scores={"psnr_tm": 15.0}),
            "measure/local": artifact(tmp_path, "measure", {}, **measured),
        },
    )
    assert figures.figures == {
        "parameters": 7.0,
        "macs": 9.0,
        "size_bytes": 5.0,
        "psnr_tm": 20.0,
        "psnr_tm_float": 21.5,
        "psnr_tm_drop": 1.5,
        "psnr_tm_baseline": 15.0,
    }
    assert figures.verdicts == {"local": "contended"}
    assert figures.device_figures == {"local": {"latency_ms": 4.0}}


def test_several_targets_have_figures_of_their_own(tmp_path):
    def measured(latency_ms: float) -> dict[str, Any]:
        return {"verdict": "ok", "figures": {"latency_ms": latency_ms, "peak_memory_mb": 9.0, "size_bytes": 5.0}}

    artifacts = {
        "measure/board": artifact(tmp_path, "measure", {}, **measured(2.0)),
        "measure/kind:pixel8": artifact(tmp_path, "measure", {}, **measured(3.0)),
    }
    devices = devices_of("board", "kind:pixel8")
    found = TrialPipeline(DATA, Profile(), Scoring(), devices).figures(Candidate(), artifacts)
    assert found.figures == {}
    assert found.device_figures == {
        "board": {"latency_ms": 2.0, "peak_memory_mb": 9.0},
        "kind:pixel8": {"latency_ms": 3.0, "peak_memory_mb": 9.0},
    }
    assert found.verdicts == {"board": "ok", "kind:pixel8": "ok"}


def test_no_other_target_stands_for_the_first(tmp_path):
    devices = devices_of("board", "phone")
    measured = {"verdict": "ok", "figures": {"latency_ms": 3.0}}
    artifacts = {"measure/phone": artifact(tmp_path, "measure", {}, **measured)}
    found = TrialPipeline(DATA, Profile(), Scoring(), devices).figures(Candidate(), artifacts)
    assert figures_by_name(found.figures, found.device_figures) == {"latency_ms/phone": 3.0}


def test_every_step_stands_behind_those_it_needs():
    pipeline = TrialPipeline(DATA, Profile(), Scoring(), LOCAL)
    seen: set[str] = set()
    for step in pipeline.steps(Candidate()):
        assert set(step.needs) <= seen
        seen.add(step.name)
    assert seen == {"train", "convert", "quantize", "score", "score/float", "score/baseline", "measure/local"}


def test_steps_of_tuning_are_those_that_the_plan_wants():
    pipeline = TrialPipeline(DATA, Profile(), Scoring(), LOCAL)

    def needs(**plan: Any) -> dict[str, tuple[str, ...]]:
        found = {step.name: step.needs for step in pipeline.steps(Candidate(plan=Plan(**plan)))}
        return {name: found[name] for name in ("prune", "convert/pruned", "finetune", "quantize") if name in found}

    assert needs() == {"quantize": ("convert",)}
    assert needs(method="qat") == {"finetune": ("train", "convert"), "quantize": ("convert", "finetune")}
    pruned = {"prune": ("train",), "convert/pruned": ("prune",)}
    assert needs(sparsity=0.5) == {**pruned, "quantize": ("convert/pruned",)}
    assert needs(sparsity=0.5, method="qat") == {
        **pruned,
        "finetune": ("train", "prune", "convert/pruned"),
        "quantize": ("convert/pruned", "finetune"),
    }


def test_a_pruned_trial_has_the_cost_of_the_pruned_network(tmp_path):
    pipeline = TrialPipeline(DATA, Profile(), Scoring(), LOCAL)
    artifacts = {
        "train": artifact(tmp_path, "train", {}, parameters={"total": 7}, macs={"total": 9}),
        "prune": artifact(tmp_path, "prune", {}, parameters={"total": 5}, macs={"total": 6}),
    }
    found = pipeline.figures(Candidate(plan=Plan(sparsity=0.5)), artifacts).figures
    assert found == {"parameters": 5.0, "macs": 6.0}


def test_a_person_is_told_which_of_three_is_scored(tmp_path):
    made = {
        "convert": artifact(tmp_path, "convert", {"model.float32.tflite": "f"}),
        "quantize": artifact(tmp_path, "quantize", {"backbone.tflite": "b", "head.tflite": "h"}),
    }
    steps = TrialPipeline(DATA, Profile(), Scoring(), LOCAL).steps(Candidate())
    assert [step.make(made).words for step in steps if step.name.startswith("score")] == [
        "score doing nothing",
        "score the float network",
        "score the quantized files",
    ]


def test_a_network_that_is_trained_already_is_taken(tmp_path):
    trained = Trained(checkpoint=str(tmp_path / "checkpoint.pt"), sha256="s")
    step, *_ = TrialPipeline(DATA, Profile(), Scoring(), trained=trained).steps(Candidate())
    job = step.make({})
    assert (step.name, job.stage, job.words, job.watch) == ("train", "train", "take the trained network", None)


def test_what_is_tracked_comes_from_the_steps(tmp_path):
    (tmp_path / "history.json").write_text('[{"epoch": 0, "loss": 0.5, "kind": "word"}]')
    (tmp_path / "audit.json").write_text("{}")
    artifacts = {
        "train": artifact(tmp_path, "train", {}),
        "prune": artifact(tmp_path, "prune", {}),
        "quantize": artifact(tmp_path, "quantize", {"model.tflite": "x", "audit.json": "y"}),
        "score": artifact(tmp_path, "score", {}),
        "measure/kind:pixel8": artifact(tmp_path, "measure", {}),
        "quantize/kind:pixel8": artifact(tmp_path, "quantize", {"model.tflite": "x"}),
        "gate/tune/kind:pixel8": artifact(tmp_path, "tune", {}),
    }
    devices = devices_of("kind:pixel8")
    pipeline = TrialPipeline(DATA, Profile(), Scoring(), devices)
    curves, files = pipeline.logged(Candidate(plan=Plan(sparsity=0.5)), artifacts)
    assert curves == [{"epoch": 0, "loss": 0.5}]
    assert set(files) == {
        *(f"manifests/{name}.json" for name in ("train", "prune", "quantize", "score", "measure-kind:pixel8")),
        *(f"manifests/{name}-kind:pixel8.json" for name in ("quantize", "gate-tune")),
        "devices/kind-pixel8/model/model.tflite",
        "rewrites/kind-pixel8.json",
        "model/model.tflite",
        "model/audit.json",
        "model/manifest.json",
        "tuning/prune.json",
        "scores.json",
        "strip.png",
        "measurements/kind-pixel8.json",
    }


def test_a_gate_takes_the_untrained_network_through_the_same_stages():
    pipeline = TrialPipeline(DATA, Profile(), Scoring(), LOCAL, gate=True)
    steps = pipeline.steps(Candidate(plan=Plan(method="qat", sparsity=0.5)))
    gate = [step for step in steps if step.name.startswith("gate/")]
    assert [(step.name, *step.needs) for step in gate] == [
        ("gate/untrained",),
        ("gate/prune", "gate/untrained"),
        ("gate/convert", "gate/prune"),
        ("gate/quantize", "gate/convert"),
        ("gate/measure/local", "gate/quantize"),
    ]
    assert steps[: len(gate)] == tuple(gate)
    assert not any(need.startswith("gate/") for step in steps[len(gate) :] for need in step.needs)


def test_on_a_paired_device_a_model_is_measured_beside_the_reference(tmp_path):
    devices = devices_of("board", "local", paired="local")
    steps = {
        step.name: step for step in TrialPipeline(DATA, Profile(), Scoring(), devices, gate=True).steps(Candidate())
    }
    assert next(iter(steps)) == "reference/local"
    assert steps["measure/local"].needs == ("quantize", "reference/local")
    assert steps["gate/measure/local"].needs == ("gate/quantize", "reference/local")
    assert steps["measure/board"].needs == ("quantize",)
    assert "reference/board" not in steps
    told = {"p50": 4.0, "p90": 5.0, "low": 3.9, "high": 4.1}
    files = {"reference.int8.tflite": "i", "reference.float32.tflite": "f", "log.txt": "l"}
    made = {
        "quantize": artifact(tmp_path, "quantize", {"model.tflite": "x"}),
        "reference/local": artifact(tmp_path, "reference", files, reference=told),
    }
    job, alone = steps["measure/local"].make(made), steps["measure/board"].make(made)
    assert [file.name for file in job.arguments["reference"]] == ["reference.float32.tflite", "reference.int8.tflite"]
    assert job.arguments["known"].p50 == 4.0
    assert "reference" not in {**alone.arguments, **alone.inputs}
    slower = {**made, "reference/local": artifact(tmp_path, "reference", files, reference={**told, "p50": 4.5})}
    assert steps["measure/local"].make(slower).key != job.key
    reference = steps["reference/local"].make({})
    assert (reference.target, reference.inputs["device_id"]) == ("local", "local-1")


def test_figures_of_the_gate_stand_apart(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"12345")
    pipeline = TrialPipeline(DATA, Profile(), Scoring(), LOCAL, gate=True)
    measured = {"verdict": "ok", "figures": {"latency_ms": 4.0, "size_bytes": 5.0}}
    found = pipeline.figures(
        Candidate(),
        {
            "gate/untrained": artifact(tmp_path, "untrained", {}, parameters={"total": 7}, macs={"total": 9}),
            "gate/quantize": artifact(tmp_path, "quantize", {"model.tflite": "x"}),
            "gate/measure/local": artifact(tmp_path, "measure", {}, **measured),
        },
    )
    assert found.gate == {"parameters": 7.0, "macs": 9.0, "size_bytes": 5.0, "latency_ms/local": 4.0}
    assert (found.figures, found.device_figures, found.verdicts) == ({}, {"local": {}}, {})


FASTER = Ratio(value=0.8, range=Range(low=0.79, high=0.81), confidence=0.99, different=True)


def tuned(folder: Path, *rewrites: str) -> Artifact:
    """A tuning that came to some rewrites; those of the default make the default's own file."""
    tuning = Tuning(
        device=BOARD,
        settings=MeasureSettings(),
        rewrites=rewrites,
        tried=(),
        over_default=None if rewrites == DEFAULT_LOWERINGS else FASTER,
        over_none=FASTER,
        seconds=1.0,
    )
    folder.mkdir()
    write_json(folder / "tuning.json", tuning)
    return artifact(folder, "tune", {"tuning.json": "t"})


def tuning_steps(tune: Any, *targets: str, plan: Plan | None = None) -> dict[str, Any]:
    pipeline = TrialPipeline(DATA, Profile(), Scoring(), devices_of(*targets), gate=True, tune=tune)
    return {step.name: step for step in pipeline.steps(Candidate(plan=plan or Plan()))}


def test_with_a_file_for_each_device_the_first_ones_is_scored_and_every_other_has_its_own():
    steps = tuning_steps("each", "board", "phone")
    assert {name: step.needs for name, step in steps.items() if "quantize" in name or "tune" in name} == {
        "gate/quantize/unlowered": ("gate/convert",),
        "gate/tune/board": ("gate/quantize/unlowered",),
        "gate/tune/phone": ("gate/quantize/unlowered",),
        "gate/quantize": ("gate/convert", "gate/tune/board"),
        "gate/quantize/phone": ("gate/convert", "gate/tune/phone"),
        "quantize": ("convert", "gate/tune/board"),
        "quantize/phone": ("convert", "gate/tune/phone"),
    }
    needs = {name: step.needs for name, step in steps.items() if "measure" in name or name == "score"}
    assert needs == {
        "gate/measure/board": ("gate/quantize",),
        "gate/measure/phone": ("gate/quantize/phone",),
        "score": ("quantize",),
        "measure/board": ("quantize",),
        "measure/phone": ("quantize/phone",),
    }


def test_one_file_for_all_devices_rests_on_what_each_choice_takes_on_each():
    steps = tuning_steps("all", "board", "phone")
    both = ("gate/tune/board", "gate/tune/phone")
    assert steps["gate/rewrite_times/phone"].needs == ("gate/quantize/unlowered", *both)
    assert steps["quantize"].needs == ("convert", "gate/rewrite_times/board", "gate/rewrite_times/phone")
    assert steps["measure/board"].needs == steps["measure/phone"].needs == ("quantize",)
    assert "quantize/phone" not in steps
    alone = tuning_steps("all", "board")  # It agrees with itself.
    assert alone["quantize"].needs == ("convert", "gate/tune/board")


@pytest.mark.parametrize("plan", [Plan(lowering="none"), Plan(lowering="norms")])
def test_rewrites_that_a_plan_names_are_not_tuned(plan):
    assert [(name, step.needs) for name, step in tuning_steps("each", "board", "phone", plan=plan).items()] == [
        (name, step.needs) for name, step in tuning_steps("no", "board", "phone", plan=plan).items()
    ]


def test_each_device_gets_the_rewrites_that_it_chose(tmp_path):
    steps = tuning_steps("each", "board", "phone")
    converted = artifact(tmp_path, "convert", {"model.float32.tflite": "f"})
    chosen = {"board": tuned(tmp_path / "board", *DEFAULT_LOWERINGS), "phone": tuned(tmp_path / "phone", "norms")}
    made = {f"gate/tune/{name}": one for name, one in chosen.items()} | {"convert": converted}
    plain = tuning_steps("no", "board")["quantize"].make(made)
    # What is the default's own file keeps the default's key.
    assert steps["quantize"].make(made).key == plain.key
    assert steps["quantize/phone"].make(made).inputs["plan"]["lowering"] == "norms"
    made["gate/tune/phone"] = tuned(tmp_path / "other")
    assert steps["quantize/phone"].make(made).inputs["plan"]["lowering"] == "none"


def test_for_all_devices_the_choices_of_each_and_the_default_compete(tmp_path, monkeypatch):
    monkeypatch.setattr("mqn.search.stages.choose.device_files.network_shape", lambda _: ["the operators"])
    steps, choices = tuning_steps("all", "board", "phone"), {"board": ("norms",), "phone": ("phases", "norms")}
    made = {f"gate/tune/{name}": tuned(tmp_path / name, *names) for name, names in choices.items()}
    made["gate/quantize/unlowered"] = artifact(tmp_path, "quantize", {"model.tflite": "q"})
    job = steps["gate/rewrite_times/phone"].make(made)
    assert (job.target, job.arguments["choices"]["tried"]) == (
        "phone",
        [list(DEFAULT_LOWERINGS), ["norms"], ["phases", "norms"]],
    )
    assert job.inputs["device"] == ["SoC of phone", "", "LiteRT 2.3"]

    def times(name: str, **values: float) -> Artifact:
        tried = tuple(
            RewriteTime(rewrites=choices[own], over_none=dataclasses.replace(FASTER, value=value))
            for own, value in values.items()
        )
        folder = tmp_path / f"times-{name}"
        folder.mkdir()
        found = RewriteTimes(device=BOARD, settings=MeasureSettings(), tried=tried)
        write_json(folder / "rewrite_times.json", found)
        return artifact(folder, "rewrite_times", {"rewrite_times.json": "t"})

    made["gate/rewrite_times/board"] = times("board", board=0.6, phone=0.7)
    made["gate/rewrite_times/phone"] = times("phone", board=0.9, phone=0.7)
    made["convert"] = artifact(tmp_path, "convert", {"model.float32.tflite": "f"})
    assert steps["quantize"].make(made).inputs["plan"]["lowering"] == "phases,norms"


def test_the_record_says_which_rewrites_each_device_runs(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"12345")

    def quantized(**plan: str) -> Artifact:
        found = artifact(tmp_path, "quantize", {"model.tflite": "x"})
        return dataclasses.replace(found, manifest=dataclasses.replace(found.manifest, inputs={"plan": plan}))

    made = {"gate/quantize": quantized(), "gate/quantize/phone": quantized(lowering="none")}
    pipeline = TrialPipeline(DATA, Profile(), Scoring(), devices_of("board", "phone"), gate=True, tune="each")
    found = pipeline.figures(Candidate(), made)
    assert found.lowering == {"board": ",".join(DEFAULT_LOWERINGS), "phone": "none"}
    assert found.gate == {"size_bytes": 5.0}
    made |= {"quantize": quantized(lowering="norms"), "quantize/phone": quantized(lowering="norms")}
    assert pipeline.figures(Candidate(), made).lowering == {"board": "norms", "phone": "norms"}
    assert pipeline.figures(Candidate(plan=Plan(lowering="none")), made).lowering == {}
    shared = TrialPipeline(DATA, Profile(), Scoring(), devices_of("board", "phone"), gate=True, tune="all")
    assert shared.figures(Candidate(), made).lowering == {"board": "norms", "phone": "norms"}
