"""Does the ranking of layers predict? The 3 most sensitive in float must recover more PSNR-TM than any 3 random ones.

python -m tests.lab.sensitive_layers CHECKPOINT --data PHOTOS [--draws 20] [--plan backbone=static_wi4_ai8 ...]

Ranks the layers that a plan quantizes, one at a time, then carries the plan out with some of them kept in float: the
three at the top of the ranking, and three drawn at random, time and again. Prints the table; exits with 1 where a draw
does as well as the ranking, or better.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mqn.cli.options import parse_settings
from mqn.data.location import locate
from mqn.data.pairs.evaluation import EvaluationPicture, evaluation_pictures
from mqn.export.choose.sensitivity import measure_sensitivity
from mqn.infer.exported import open_exported
from mqn.infer.picture import Expander
from mqn.metrics.protocol import score
from mqn.parsing import from_mapping
from mqn.profile import Profile
from mqn.records import Plan, Sensitivity
from mqn.search.artifacts import ArtifactStore
from mqn.search.checkpoint import Checkpoint
from mqn.search.pipeline import CONVERT, QUANTIZE
from mqn.search.stages.convert import FLOAT_MODEL

KEPT = 3


class Lab:
    """One network, its data, and the pictures that everything is judged on."""

    def __init__(self, checkpoint: Path, data: str) -> None:
        dataset = locate(data)
        self._network = Checkpoint.open(checkpoint, dataset, ArtifactStore(Profile().artifacts))
        view = self._network.view
        self.pictures: list[EvaluationPicture] = evaluation_pictures(dataset, view.size, "val", view.judged_on)

    def rank(self, plan: Plan) -> Sensitivity:
        """Every layer that a plan quantizes, by what it costs alone."""
        view, float_model = self._network.view, self._network.run(plan, CONVERT)[CONVERT].folder / FLOAT_MODEL
        return measure_sensitivity(float_model, plan, view.calibration(plan), self.pictures, view.codec)

    def score(self, plan: Plan) -> float:
        """PSNR-TM of the plan's exported file, in dB."""
        model = open_exported(self._network.run(plan, QUANTIZE)[QUANTIZE].folder)
        expander = Expander(model.files, model.codec)
        return score(expander.expand, self.pictures, metrics=["psnr_tm"]).scores["psnr_tm"].mean


def keep_in_float(plan: Plan, layers: list[str]) -> Plan:
    """The plan with some layers in float."""
    rules = "; ".join((*filter(None, [str(plan.rules)]), *(f"{layer}=float32" for layer in layers)))
    return replace(plan, rules=rules)


def compare(lab: Lab, plan: Plan, draws: int, seed: int) -> dict[str, Any]:
    """Rank, keep the top ones and random ones, and say how much each choice recovers."""
    ranking = lab.rank(plan)
    names = [layer.layer for layer in ranking.layers]
    whole = lab.score(plan)
    generator = np.random.default_rng(seed)
    drawn = [[names[place] for place in generator.choice(len(names), KEPT, replace=False)] for _ in range(draws)]
    return {
        "plan": plan.label,
        "pictures": len(lab.pictures),
        "layers": len(names),
        "psnr_tm_float": ranking.psnr_tm_float,
        "psnr_tm_plan": whole,
        "ranking": _choice(lab, plan, names[:KEPT], whole),
        "draws": sorted((_choice(lab, plan, one, whole) for one in drawn), key=lambda one: -one["recovered"]),
    }


def _choice(lab: Lab, plan: Plan, layers: list[str], whole: float) -> dict[str, Any]:
    return {"layers": layers, "recovered": lab.score(keep_in_float(plan, layers)) - whole}


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.sensitive_layers", description=__doc__.split("\n", 1)[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", required=True, help="folder of HDR pictures, or a prepared dataset")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plan", action="append", default=[], metavar="KEY=VALUE", help="a field of the plan")
    parser.add_argument("--output", type=Path, help="gets the outcome as JSON")
    given = parser.parse_args()
    plan = from_mapping(Plan, parse_settings(given.plan), source="--plan")
    found = compare(Lab(given.checkpoint, given.data), plan, given.draws, given.seed)
    lost = found["psnr_tm_float"] - found["psnr_tm_plan"]
    print(
        f"{found['plan']}: loses {lost:.3f} dB PSNR-TM of {found['psnr_tm_float']:.3f} on {found['pictures']} pictures"
    )
    for name, one in (("ranked", found["ranking"]), *(("drawn", one) for one in found["draws"])):
        print(f"  {name:6s} {one['recovered']:+.3f} dB  {', '.join(one['layers'])}")
    predicted = all(found["ranking"]["recovered"] > one["recovered"] for one in found["draws"])
    print(f"the ranking recovers {'more than every draw' if predicted else 'NOT more than every draw'}")
    if given.output is not None:
        given.output.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if predicted else 1


if __name__ == "__main__":
    sys.exit(main())
