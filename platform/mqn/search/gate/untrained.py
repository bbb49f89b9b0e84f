"""The untrained network that stands for a candidate at the gate: its file has the shape of the trained one's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from mqn.families.fields import RANDOM
from mqn.records import Candidate, Codec, Plan, Training

_PICTURES = 4
"""Calibrate an untrained network: what ranges they give changes no operator and no byte count."""


def untrained_form(candidate: Candidate) -> Candidate:
    """The same network and plan, without anything that has no effect on the shape of the exported file.

    Weights are random, the training is the default one, no weights are fine-tuned, and a few pictures calibrate. So
    candidates that differ in these alone have one untrained form, and share what the gate makes and measures.
    Channels are pruned as the plan says, because that makes the file smaller.
    """
    family = candidate.family
    weights: dict[str, Any] = dict.fromkeys(family.weight_fields, RANDOM)
    usual = Plan()
    return Candidate(
        arch=replace(candidate.arch, **weights),
        training=Training(codec=cast(Codec, family.codecs_of(candidate.arch)[0])),
        plan=replace(
            candidate.plan,
            method="ptq",
            qat_steps=1,
            calibration=usual.calibration,
            calibration_pictures=_PICTURES,
        ),
    )
