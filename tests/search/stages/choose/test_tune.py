"""Tunings in a study and of one export: under which names they are found again, and on which devices they are made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.records import BOARD, make_manifest

from mqn.errors import DeviceRefusedError
from mqn.records import DeviceInfo, MeasureSettings
from mqn.search.artifacts import Artifact
from mqn.search.stages.choose import rewrite_times, tune
from mqn.search.stages.choose.device_files import TIMES, TUNE
from mqn.search.stages.choose.rewrite_times import rewrite_times_job
from mqn.search.stages.choose.timing import Site
from mqn.search.stages.choose.tune import tune_at_job, tune_job
from mqn.search.work.repair import CHOOSING

SETTINGS = MeasureSettings(threads=2)


def model(weights: str) -> Artifact:
    return Artifact(folder=Path("/q"), manifest=make_manifest(files={"model.tflite": weights}))


def site(**device: Any) -> Site:
    return Site(target="board", like=replace(BOARD, **device), settings=SETTINGS, holder="a study")


def test_a_study_finds_what_an_export_was_tuned_to_and_the_other_way_round(monkeypatch):
    monkeypatch.setattr(tune, "network_shape", lambda _: ["the operators"])
    client: Any = SimpleNamespace(info=lambda: replace(BOARD, id="another of the kind"))
    exported = tune_job(model("trained"), client, SETTINGS, circumstances={})
    job = tune_at_job(model("untrained"), ["the operators"], site())
    assert job.id == exported.id
    assert (job.target, exported.target) == ("board", None)


def test_networks_and_kinds_of_devices_have_tunings_of_their_own():
    usual = tune_at_job(model("w"), ["the operators"], site())
    others = [
        tune_at_job(model("w"), ["other operators"], site()),
        tune_at_job(model("w"), ["the operators"], site(features=("dotprod",))),
        tune_at_job(model("w"), ["the operators"], site(runtime="LiteRT 3")),
        rewrite_times_job(model("w"), ["the operators"], [("norms",)], site()),
        rewrite_times_job(model("w"), ["the operators"], [("phases",)], site()),
    ]
    assert len({job.key for job in (usual, *others)}) == 6


def test_a_device_of_another_kind_does_not_tune():
    class Client:
        def __init__(self, info: DeviceInfo) -> None:
            self._info = info

        def __enter__(self) -> Client:
            return self

        def __exit__(self, *_: object) -> None: ...

        def info(self) -> DeviceInfo:
            return self._info

    def did(info: DeviceInfo) -> dict[str, Any]:
        job = site().job("tune", 1, model("w"), [], lambda folder, **given: given, "try", tried=[["norms"]])
        placed = {"device": "board", "device_id": "b", "bounds": None}
        address: Any = SimpleNamespace(connect=lambda: Client(info))
        return dict(job.function(Path("/f"), **job.arguments, **placed, address=address))

    same = did(replace(BOARD, id="another"))
    assert (same["device"].id, same["tried"]) == ("another", [["norms"]])
    line = r"'board' is SoC 2, LiteRT 3, and files are tuned for SoC 2, LiteRT 2\.3"
    with pytest.raises(DeviceRefusedError, match=line):
        did(replace(BOARD, runtime="LiteRT 3"))


def test_the_stages_that_choose_rewrites_are_those_that_a_repair_needs():
    assert CHOOSING == (tune.STAGE, rewrite_times.STAGE)
    assert [f"gate/{stage}/" for stage in CHOOSING] == [TUNE, TIMES]
