"""Trials of the paper's table of attentions, with what they scored on single pictures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.records import make_scores

from mqn.parsing import write_json
from mqn.search.artifacts import ArtifactStore


@pytest.fixture
def attention(trial):
    def make(number, kind, seed, psnr, **changes):
        values = {"arch.attention": kind, "training.seed": seed, **changes}
        figures = {"psnr_tm": psnr, "ssim_tm": 0.9, "latency_ms": 8.0, "latency_ms.backbone": 5.0}
        return trial(number, psnr, 8, values, figures=figures)

    return make


@pytest.fixture
def store(tmp_path):
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def scored(attention, store):
    """A trial whose scores of three pictures lie in the store; `psnr` has one a picture."""

    def make(number, kind, psnr, *, seed=0, sources=("a", "b", "c"), pictures="p", name="", **changes):
        key = f"{kind}{name}-{seed}"
        with store.open("score", key) as slot:
            protocol = {"sources": list(sources), "pictures_sha256": pictures}
            scores = make_scores(pictures=3, names=("x", "y", "z"), per_picture={"psnr_tm": psnr}, protocol=protocol)
            write_json(slot.folder / "scores.json", scores)
            slot.publish(inputs={}, versions={}, seconds=1.0, details={})
        record = attention(number, kind, seed, sum(psnr) / 3, **changes)
        return replace(record, artifacts={"score": key, "train": f"trained {key}"})

    return make
