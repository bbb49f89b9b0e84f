"""How much of what quantizing costs does fine-tuning bring back?

python -m tests.lab.recovery CHECKPOINT --data PHOTOS [--plan backbone=static_wi4_ai8 --plan qat_steps=400 ...]

Exports the checkpoint in float, with the plan calibrated, and with the plan fine-tuned, scores the three files on the
validation pictures, and compares them picture by picture: 95 % intervals over sources.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from mqn.cli.options import parse_settings
from mqn.data.dataset import Dataset
from mqn.data.location import locate
from mqn.data.pairs.evaluation import EvaluationPicture, SyntheticInputs, evaluation_pictures, inputs_of
from mqn.infer.exported import Exported
from mqn.infer.picture import Expander
from mqn.metrics.intervals import mean_interval
from mqn.metrics.protocol import score
from mqn.models.checkpoint import load
from mqn.parsing import from_mapping
from mqn.profile import Profile
from mqn.records import Interval, Plan
from mqn.search.artifacts import ArtifactStore
from mqn.search.checkpoint import export_checkpoint

METRIC = "psnr_tm"


def main() -> None:
    """Export, score, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", required=True, help="folder of HDR pictures, or a prepared dataset")
    parser.add_argument("--plan", action="append", default=[], metavar="KEY=VALUE", help="a field of the plan")
    parser.add_argument("--inputs", choices=("operators", "virtual"), help="default: those the network was trained on")
    given = parser.parse_args()
    plan = from_mapping(Plan, {**parse_settings(given.plan), "method": "qat"}, source="--plan")
    dataset = locate(given.data)
    arch, training, _ = load(given.checkpoint)
    inputs: SyntheticInputs = given.inputs or inputs_of(training.virtual_camera)
    pictures = evaluation_pictures(dataset, arch.input_size, "val", inputs)
    plans = {
        "float": Plan(cut=plan.cut, backbone="float32", head="float32"),
        "ptq": replace(plan, method="ptq", sparsity=0.0),
        "qat": plan,
    }
    models = {name: _export(given.checkpoint, one, dataset, name) for name, one in plans.items()}
    values = {name: _score(model, pictures) for name, model in models.items()}
    sources = [picture.source for picture in pictures]
    print(f"{plan.label}: {len(pictures)} pictures of {len(set(sources))} sources, {inputs} inputs, {METRIC} in dB")
    for name, value in values.items():
        print(f"  {name:5s} {value.mean():7.3f}")
    lost, kept, gained = (
        _interval(values[one] - values[other], sources)
        for one, other in (("float", "ptq"), ("float", "qat"), ("qat", "ptq"))
    )
    print(f"  PTQ loses   {_text(lost)}")
    print(f"  QAT loses   {_text(kept)}")
    print(f"  QAT - PTQ   {_text(gained)}")
    print(f"  share of PTQ's loss that QAT recovers: {_share(lost, gained)}")
    for name, model in models.items():
        print(f"  {name:5s} output against float: {_parity(model.folder)}")
    print(f"  QAT kept: {json.dumps(models['qat'].manifest.details['tuning'])}")


def _export(checkpoint: Path, plan: Plan, dataset: Dataset, name: str) -> Exported:
    folder = Path(Profile().artifacts)
    return export_checkpoint(checkpoint, plan, dataset, folder.parent / "recovery" / name, ArtifactStore(folder))


def _score(model: Exported, pictures: list[EvaluationPicture]) -> np.ndarray:
    predict = Expander(model.files, model.codec).expand
    return np.array(score(predict, pictures, metrics=[METRIC]).per_picture[METRIC], np.float64)


def _interval(differences: np.ndarray, sources: list[str]) -> Interval:
    (interval,) = mean_interval(differences[:, None], sources)
    return interval


def _text(interval: Interval) -> str:
    return f"{interval.mean:+.3f} dB ({interval.low:+.3f} to {interval.high:+.3f})"


def _share(lost: Interval, gained: Interval) -> str:
    if lost.low <= 0:
        return f"not told: a loss of {_text(lost)} cannot be told from none"
    return f"{gained.mean / lost.mean:.0%}"


def _parity(folder: Path) -> str:
    output = json.loads((folder / "parity.json").read_text(encoding="utf-8"))["output"]
    return "the same" if output["psnr"] is None else f"{output['psnr']:.1f} dB"


if __name__ == "__main__":
    main()
