"""Trials are read while other drivers write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy.event
from tests.support.many_trials import definition

from mqn.search.space.space_file import parse_space
from mqn.search.storage.store import connect
from mqn.search.storage.trial_reading import read_trials
from mqn.search.study.studies import open_study
from mqn.search.study.study import Study


@pytest.fixture
def study(make_study: Callable[..., Study]) -> Study:
    return make_study(parse_space(definition(sampler="random"), source="many"), "many")


@pytest.mark.parametrize("queries", range(6))
def test_a_trial_that_is_made_between_two_queries_is_read_whole_or_not_at_all(queries: int, study: Study) -> None:
    study.ask()
    other, made, counted = open_study(study.name, connect(study.url)), list[int](), 0

    def make_one(*_: Any) -> None:
        nonlocal counted
        counted += 1
        if counted == queries:
            trial = other.ask()
            assert trial is not None
            made.append(trial.number)

    engine = study.store.database.engine
    sqlalchemy.event.listen(engine, "before_cursor_execute", make_one)
    try:
        found = study.store.read(lambda session: read_trials(session, study._id, None))
    finally:
        sqlalchemy.event.remove(engine, "before_cursor_execute", make_one)
    assert made == ([1] if queries else [])
    assert all(trial.params for trial in found)
    assert found[0].number == 0
