"""The search `full` with all its parts beside plain TPE: real photographs, the same training time. Takes hours.

    python -m tests.lab.side_by_side --photos FOLDER --work FOLDER [--hours 0.42] [--seeds 3] [--side 64]

The networks are small, and three plans are tried with each. One side is the space as it is: gate, rungs and the sampler
`frontier`. The other draws with TPE and trains whatever is drawn to its end. Both may train for so many hours, counted
over all trainings. The two sides of a seed run at the same time, each on one processor, so that whatever else the
machine does falls on both; what an earlier call has finished is not run again.

Prints, for each study, its trainings and its hypervolume, all from the same reference: the accuracy of doing nothing,
and the latency that the space allows. WORK then holds the fronts as pictures.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mqn
from mqn.report.front.hypervolume import History, hypervolume
from tests.conftest import REPOSITORY

SIDES = ("parts", "tpe")
LATENCY_MS = 1.2
"""What the space allows. Of ten networks that were drawn evenly, five took longer as int8+dynamic (a busy x86-64)."""

FIXED = {
    "arch.encoder_weights": "random",
    "training.lambda_features": 0.0,
    "training.epochs": 18,
    "training.batch_size": 4,
    "training.decay": 0.85,
    "training.decay_epochs": 1,
    "training.learning_rate": 2e-3,
}
LEAN = {
    'choices = ["static_wi8_ai8", "dynamic_wi8_afp32", "float16", "float32"]': (
        'choices = ["static_wi8_ai8", "dynamic_wi8_afp32"]'
    ),
    'choices = ["dynamic_wi8_afp32", "float16", "float32"]': 'choices = ["dynamic_wi8_afp32", "float32"]',
    'when = { "plan.backbone" = ["static_wi8_ai8", "dynamic_wi8_afp32"] }': (
        'when = { "plan.backbone" = ["static_wi8_ai8"] }'
    ),
    '["psnr_tm", "ssim_tm", "pu21_psnr", "pu21_psnr_crf", "pu21_ssim"]': '["psnr_tm", "ssim_tm"]',
}
"""What of the space is left out, so that a study spends its time on trainings."""
PROFILE = """
targets = ["local"]
[ray]
cpus = 1
training_cpus = 1
[measure]
accept = ["ok", "contended", "unsteady"]
attempts = 3
processes = 3
runs = 50
seconds = 0.3
"""


def space_text(side: str, latency_ms: float) -> str:
    """The space of a side, from `search_spaces/full.toml`."""
    text = (REPOSITORY / "search_spaces" / "full.toml").read_text(encoding="utf-8")
    changes = {**LEAN, "max = 33.0": f"max = {latency_ms:g}"}
    if side == "tpe":
        changes |= {'sampler = "frontier"': 'sampler = "tpe"', '[gate]\nhard = ["latency_ms"]': ""}
        changes["[rungs]\nlevels = 3\nfactor = 3"] = ""
    for old, new in changes.items():
        if old not in text:
            raise SystemExit(f"search_spaces/full.toml has no longer {old!r}; change this script too")
        text = text.replace(old, new)
    return text


def run_seed(given: argparse.Namespace, seed: int) -> list[str]:
    """Run the two studies of a seed, unless they are finished, and return their names."""
    names = [f"{side}-{seed}" for side in SIDES]
    with ThreadPoolExecutor(len(SIDES)) as pool:
        list(pool.map(lambda side: _run_study(given, side, seed), SIDES))
    return names


def _run_study(given: argparse.Namespace, side: str, seed: int) -> None:
    name = f"{side}-{seed}"
    done = given.work / f"{name}.done"
    if done.exists():
        return
    space = given.work / f"{side}.toml"
    space.write_text(space_text(side, given.latency), encoding="utf-8")
    fixed = {**FIXED, "arch.input_size": given.side}
    words = ["search", str(space), "--study", name, "--profile", str(given.work / "profile.toml")]
    words += ["--data", str(given.work / "photographs"), "--seed", str(seed), "--trials", "100000"]
    words += ["--budget", f"training_hours={given.hours:g}"]
    words += [word for key, value in fixed.items() for word in ("--set", f"{key}={value}")]
    resume = ["--resume"] if _mqn(given, "status", name) == 0 else []
    if _mqn(given, *words, *resume, log=given.work / f"{name}.log") != 0:
        raise SystemExit(f"{name} failed; {given.work / name}.log says why")
    done.touch()


def compare(given: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """A Markdown table of the studies, and pictures of their fronts beside it."""
    studies = {name: mqn.open_study(given.work / "home" / name) for name in names}
    nothing = min(
        record.figures["psnr_tm_baseline"]
        for study in studies.values()
        for record in study.records
        if "psnr_tm_baseline" in record.figures
    )
    lines = [f"Hypervolume from {nothing:.2f} dB and {given.latency:g} ms.", ""]
    lines += ["| study | trainings begun | to the end | trials complete | gated | hypervolume |", "|" + " --- |" * 6]
    volumes: dict[str, list[float]] = {side: [] for side in SIDES}
    for name, study in studies.items():
        found = study.records
        history: History = hypervolume(found, study.space.objectives, (nothing, given.latency))
        begun = {key for record in found for step, key in record.artifacts.items() if step.startswith("train")}
        ended = {record.artifacts["train"] for record in found if "train" in record.artifacts}
        states = [record.state for record in found]
        volumes[name.partition("-")[0]].append(history.final)
        counts = f"{len(begun | ended)} | {len(ended)} | {states.count('complete')} | {states.count('gated')}"
        lines.append(f"| {name} | {counts} | {history.final:.4f} {history.unit} |")
        _mqn(given, "front", name, "--png", str(given.work / f"{name}.png"))
    medians = {side: statistics.median(found) for side, found in volumes.items() if found}
    lines += ["", "Medians: " + ", ".join(f"{side} {median:.4f}" for side, median in medians.items())]
    return lines


def _mqn(given: argparse.Namespace, *words: str, log: Path | None = None) -> int:
    profile = ["--profile", str(given.work / "profile.toml")] if words[0] != "data" and "--profile" not in words else []
    environment = {**os.environ, "MQN_HOME": str(given.work / "home")}
    command = [sys.executable, "-m", "mqn", *words, *profile]
    with (log or Path(os.devnull)).open("ab") as stream:
        return subprocess.run(command, env=environment, stdout=stream, stderr=stream, check=False).returncode


def main() -> int:
    """Run what is missing, then compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of HDR photographs with a manifest.csv")
    parser.add_argument("--work", type=Path, required=True, help="folder for studies and results")
    parser.add_argument("--hours", type=float, default=25 / 60, help="of training, each study (default: 25 minutes)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 to N - 1 (default: %(default)s)")
    parser.add_argument("--side", type=int, default=64, help="of the networks' input (default: %(default)s)")
    parser.add_argument("--latency", type=float, default=LATENCY_MS, help="allowed, in ms (default: %(default)s)")
    given = parser.parse_args()
    given.work = given.work.absolute()
    given.work.mkdir(parents=True, exist_ok=True)
    (given.work / "profile.toml").write_text(PROFILE, encoding="utf-8")
    pictures = given.work / "photographs"
    if not pictures.exists():
        made = _mqn(
            given, "data", "prepare", str(given.photos), "--output", str(pictures), "--side", str(given.side * 3 // 2)
        )
        if made != 0:
            raise SystemExit("the photographs cannot be prepared; run `mqn data prepare` on them to see why")
    names = [name for seed in range(given.seeds) for name in run_seed(given, seed)]
    text = "\n".join(compare(given, names)) + "\n"
    (given.work / "comparison.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
