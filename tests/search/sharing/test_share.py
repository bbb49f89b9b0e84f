"""The driver's side, with a Ray whose answers a test gives."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from mqn.search.sharing.office import SILENT_SECONDS
from mqn.search.sharing.share import Share
from mqn.search.sharing.shares import Claim

TOTAL = {"CPU": 8.0}


class FakeRayError(Exception):
    pass


class FakeRay(SimpleNamespace):
    def __init__(self) -> None:
        super().__init__(exceptions=SimpleNamespace(RayError=FakeRayError), answer=None, made=0, claims=[], now=0.0)

    def remote(self, _: type) -> object:
        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=self._make))

    def _make(self) -> object:
        self.made += 1
        return SimpleNamespace(
            claim=SimpleNamespace(remote=lambda *words: self.claims.append(words) or len(self.claims))
        )

    def wait(self, refs: list, timeout: float) -> tuple[list, list]:
        return (refs, []) if self.answer is not None else ([], refs)

    def get(self, _: object) -> object:
        found, self.answer = self.answer, None
        if isinstance(found, Exception):
            raise found
        return found["share"]


@pytest.fixture
def ray(monkeypatch) -> FakeRay:
    made = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", made)
    return made


@pytest.fixture
def ask(ray):
    share = Share(lambda: ray.now)

    def once(seconds: float = 2.0) -> dict[str, float] | None:
        ray.now += seconds
        return share.ask(TOTAL, lambda: Claim(weight=2.0, wanted={"CPU": 9.0}))

    return once


def test_before_the_first_answer_a_driver_holds_back(ray, ask):
    assert ask() == {"CPU": 0.0}
    (driver, plain, total) = ray.claims[0]
    assert (plain["weight"], plain["wanted"], total) == (2.0, {"CPU": 9.0}, TOTAL)
    ray.answer = {"share": {"CPU": 5.0}}
    assert ask() == {"CPU": 5.0}
    assert [words[0] for words in ray.claims] == [driver] * 2
    ray.answer = {"share": None}
    assert ask() is None


def test_an_office_that_is_silent_sets_no_bounds_and_is_looked_for_again(ray, ask):
    ask()
    assert ask(SILENT_SECONDS + 1) == {"CPU": 0.0}  # It may be starting.
    assert ray.made == 2
    assert ask(60.0) is None
    ask()
    ray.answer = {"share": {"CPU": 5.0}}
    assert ask() == {"CPU": 5.0}
    assert ask(SILENT_SECONDS) is None


def test_an_office_that_is_lost_is_made_anew(ray, ask):
    ask()
    ray.answer = {"share": {"CPU": 5.0}}
    ask()
    ray.answer = FakeRayError("lost")
    assert ask() == {"CPU": 5.0}
    assert ray.made == 2
    ray.answer = {"share": {"CPU": 3.0}}
    assert ask() == {"CPU": 3.0}


def test_nothing_is_asked_more_than_once_a_second(ray, ask):
    ask()
    ray.answer = {"share": {"CPU": 5.0}}
    for _ in range(5):
        ask(0.05)
    assert len(ray.claims) == 1
