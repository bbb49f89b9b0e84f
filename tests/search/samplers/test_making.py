from __future__ import annotations

from typing import Any

import pytest
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from mqn.errors import ConfigError
from mqn.search.samplers.making import check_sampler, make_sampler
from mqn.search.space.sampler_names import SAMPLERS
from mqn.search.space.settling import identity
from mqn.search.space.space import Space
from mqn.search.space.space_file import parse_space
from mqn.search.trials.history import LearningStorage
from mqn.search.trials.sampling import draw_point, with_distributions

DIRECTIONS = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
GOALS = [{"metric": "psnr_tm"}, {"metric": "latency_ms"}]


class Own(RandomSampler):
    """A sampler of a user's own."""


class Needy(RandomSampler):
    def __init__(self, *, table: str) -> None:
        super().__init__()


def space(sampler: str | None = None, **changes: Any) -> Space:
    definition = {
        "name": "tiny",
        "objectives": GOALS,
        "dimensions": {
            "arch.attention": {"choices": ["none", "sa", "ca"]},
            "training.learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
            "training.lambda_l2": {"low": 0.0, "high": 1.0, "step": 0.25, "when": {"arch.attention": ["sa", "ca"]}},
        },
        **({} if sampler is None else {"sampler": sampler}),
        **changes,
    }
    return parse_space(definition, source="tiny.toml")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("frontier", "FrontierSampler"),
        ("tpe", "TPESampler"),
        ("nsga2", "NSGAIISampler"),
        ("nsga3", "NSGAIIISampler"),
        pytest.param("gp", "GPSampler", marks=pytest.mark.slow),
        ("qmc", "QMCSampler"),
        ("random", "RandomSampler"),
        (f"{__name__}:Own", "Own"),
    ],
)
def test_every_sampler_draws_whole_points_and_the_same_from_the_same_seed(name, kind):
    made = space(name)
    assert type(make_sampler(made, 0, 0)).__name__ == kind
    drawn: list[list[str]] = []
    for _ in range(2):
        trials, points, kept = [], [], {}
        for number in range(14):
            storage = LearningStorage(DIRECTIONS, list(trials), read=lambda kept=kept: kept, write=kept.__setitem__)
            found = draw_point(made, number, seed=3, seen=lambda storage=storage: storage, pinned={}, known=points)
            assert found.point is not None
            values = with_distributions(made, found.point)
            trial = create_trial(
                state=TrialState.COMPLETE,
                values=[20.0 - abs(number - 7), 5.0 + number % 4],
                params={key: value for key, (value, _) in values.items()},
                distributions={key: distribution for key, (_, distribution) in values.items()},
                system_attrs=dict(found.noted),
            )
            trial.number = number
            trials.append(trial)
            points.append(identity(found.point))
        assert len(set(points)) == 14
        drawn.append(points)
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tpee", "tiny.toml: sampler 'tpee': did you mean 'tpe'?"),
        ("no module:Class", "tiny.toml: sampler 'no module:Class': write module:Class"),
    ],
)
def test_a_name_that_is_none_names_the_nearest(name, message):
    with pytest.raises(ConfigError) as caught:
        space(name)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mqn_has_no_such:Sampler", "cannot import 'mqn_has_no_such'"),
        ("optuna.samplers:NoSuch", "optuna.samplers has no subclass of optuna.samplers.BaseSampler named 'NoSuch'"),
        ("optuna.samplers:BaseSampler", "the class is abstract"),
        ("optuna:create_study", "has no subclass"),
        (f"{__name__}:Needy", "cannot be made with nothing but seed"),
    ],
)
def test_a_class_that_cannot_be_had_is_one_clear_line_before_the_study_begins(name, message):
    made = space(name)
    with pytest.raises(ConfigError) as caught:
        check_sampler(made)
    assert message in str(caught.value)
    assert str(caught.value).startswith("tiny.toml: sampler ")
    assert "\n" not in str(caught.value)


def test_every_name_is_made():
    for name in SAMPLERS:
        dimensions = {} if name == "grid" else {"training.epochs": {"low": 1, "high": 4}}
        points = [{"training.epochs": 1}] if name == "grid" else []
        made = space(name, dimensions=dimensions, points=points)
        check_sampler(made)
        assert isinstance(make_sampler(made, 0, 0), BaseSampler)


@pytest.mark.parametrize(
    ("changes", "sampler"),
    [
        ({}, "frontier"),
        ({"objectives": [{"metric": "psnr_tm"}], "constraints": [{"metric": "size_bytes", "max": 1e6}]}, "frontier"),
        ({"objectives": [{"metric": "psnr_tm"}]}, "tpe"),
        ({"objectives": [{"metric": "latency_ms"}, {"metric": "size_bytes"}]}, "tpe"),
        ({"objectives": [*GOALS, {"metric": "size_bytes"}, {"metric": "peak_memory_mb"}]}, "tpe"),
    ],
)
def test_a_space_that_names_none_gets_frontier_where_accuracy_meets_a_cost(changes, sampler):
    assert space(**changes).sampler == sampler
