from __future__ import annotations

import itertools
import math
import statistics

import pytest

from mqn.profile_tables.simulate import Outages, Times
from mqn.search.simulation.draws import Calendar, Draws


def test_a_draw_depends_on_its_name_and_seed_alone():
    one, other = Draws(0), Draws(0)
    other.seconds(Times(median=1, spread=1), "something", "else")
    assert one.seconds(Times(median=1, spread=1), "a") == other.seconds(Times(median=1, spread=1), "a")
    assert Draws(1).seconds(Times(median=1, spread=1), "a") != one.seconds(Times(median=1, spread=1), "a")
    assert one.seconds(Times(median=3), "a") == 3


def test_times_have_their_median_and_spread():
    drawn = [Draws(0).seconds(Times(median=10, spread=0.5), number) for number in range(2000)]
    assert statistics.median(drawn) == pytest.approx(10, rel=0.05)
    assert statistics.pstdev(map(math.log, drawn)) == pytest.approx(0.5, rel=0.05)


def test_shares_are_met():
    assert sum(Draws(0).happens(0.1, number) for number in range(2000)) == pytest.approx(200, abs=40)
    assert not any(Draws(0).happens(0.0, number) for number in range(100))


def test_a_calendar_says_when_something_is_away():
    calendar = Calendar(Outages(every_hours=1.0, seconds=60.0), Draws(0).of("device"))
    outages = list(itertools.islice(calendar, 3))
    assert all(begin < end for begin, end in outages)
    begin, end = outages[1]
    assert calendar.away((begin + end) / 2)
    assert not calendar.away(begin - 1e-3)
    assert not calendar.away(end)
    assert calendar.first(0.0, 1e5) == outages[0]
    assert calendar.first(outages[0][1], begin) is None
    assert calendar.first(outages[0][1], begin + 1e-3) == (begin, end)


def test_what_never_fails_is_never_away():
    calendar = Calendar(Outages(), Draws(0).of("device"))
    assert calendar.first(0, 1e12) is None
    assert list(calendar) == []
