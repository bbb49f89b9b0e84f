"""A new study that learns from earlier ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.records import make_trial

from mqn.errors import UnknownNameError, UsageError
from mqn.search.samplers.frontier.layout import Layout
from mqn.search.samplers.frontier.prior import read_prior
from mqn.search.space.space import Space
from mqn.search.space.space_file import parse_space
from mqn.search.study.study import Study
from mqn.search.trials.knowledge import curve_attribute
from mqn.search.warming import check_warm_start, warm_start

pytestmark = pytest.mark.integration  # Studies in a database.

CODECS = {"training.codec": {"choices": ["linear", "log"]}}


def space(dimensions: dict[str, Any], **changes: Any) -> Space:
    definition = {
        "name": "tiny",
        "sampler": "frontier",
        "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
        "dimensions": dimensions,
        **changes,
    }
    return parse_space(definition, source="tiny.toml")


def fill(study: Study, count: int, device: str) -> None:
    study.optuna.set_user_attr("devices", {"board": device})
    for number in range(count):
        trial = study.ask()
        study.tell_sampler(trial, curve_attribute([10.0, 11.0 + number]))
        record = make_trial(
            trial.number,
            study=study.name,
            candidate=study.space.candidate(trial.params),
            figures={"psnr_tm": 20.0 + number, "psnr_tm_float": 21.0 + number},
            device_figures={"board": {"latency_ms": 5.0 + number}},
        )
        study.note(trial, record)
        study.finish(trial, record)


def warmed(study: Study, names: tuple[str, ...]) -> list[str]:
    said: list[str] = []
    study.about = replace(study.about, warm_start=names)
    warm_start(study, said.append)
    return said


@pytest.mark.parametrize(("device", "latency"), [("same", True), ("another", False)])
def test_accuracy_carries_over_and_latency_only_from_the_same_device(device, latency, make_study):
    fill(make_study(space(CODECS), "old"), 2, "same")
    new = make_study(space(CODECS), "new")
    new.optuna.set_user_attr("devices", {"board": device})

    said = warmed(new, ("old",))

    trainings = read_prior(new.store.storage.get_study_system_attrs(new._id), Layout.of(new.space))
    assert len(said) == 1
    assert said[0].startswith("warm start from old: 2 of 2 trials fit; accuracy carries over")
    assert sorted(training.float_accuracy["psnr_tm"] for training in trainings) == [21.0, 22.0]
    assert sorted(training.curve for training in trainings) == [(10.0, 11.0), (10.0, 12.0)]
    assert {training.source for training in trainings} == {"old"}
    assert all(("latency_ms" in training.figures[""]) == latency for training in trainings)
    assert warmed(new, ("old",)) == []  # once: a study that goes on keeps what it has


def test_what_does_not_fit_is_named(make_study):
    old = make_study(space({**CODECS, "arch.attention": {"choices": ["none", "sa"]}}), "old")
    fill(old, 4, "same")
    narrow = {"training.codec": {"choices": ["log", "pq"]}}
    new = make_study(space(narrow, fixed={"arch.attention": "none"}), "new")
    (said,) = warmed(new, ("old",))
    assert "1 of 4 trials fit" in said
    outside = said.partition("the others lie outside this space by ")[2]
    assert set(outside.split(", ")) == {"training.codec", "arch.attention"}


def test_a_study_that_does_not_exist_is_one_line_with_the_nearest(make_study):
    made = make_study(space(CODECS), "board_one")
    with pytest.raises(UnknownNameError, match="did you mean 'board_one'"):
        check_warm_start(["board_ome"], made.store, made.space, simulated=False)


def test_a_sampler_that_cannot_learn_from_others_refuses(make_study):
    made = make_study(space(CODECS), "old")
    with pytest.raises(UsageError, match=r"the sampler tpe of .* learns from no other study"):
        check_warm_start(["old"], made.store, replace(made.space, sampler="tpe"), simulated=False)
    with pytest.raises(UsageError, match="do not mix"):
        check_warm_start(["old"], made.store, made.space, simulated=True)


def test_the_sampler_chooses_at_once_where_it_has_a_prior(make_study):
    rates = {"training.learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}, **CODECS}
    fill(make_study(space(rates), "old"), 8, "same")
    new = make_study(space(rates), "new")
    new.optuna.set_user_attr("devices", {"board": "same"})
    cold = new._supply._draw_point(0, {}).point
    warmed(new, ("old",))
    assert new._supply._draw_point(0, {}).point != cold
