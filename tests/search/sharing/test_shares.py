from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqn.search.sharing.office import SILENT_SECONDS, Office
from mqn.search.sharing.shares import Claim, fair_shares


def cpus(total: float, **claims: Claim) -> dict[str, float]:
    return {name: share["CPU"] for name, share in fair_shares({"CPU": total}, claims).items()}


def claim(wanted: float, *, weight: float = 1.0, unit: float = 0.0, priority: int = 0) -> Claim:
    return Claim(weight=weight, priority=priority, wanted={"CPU": wanted}, unit={"CPU": unit} if unit else {})


def test_weights_count_where_all_want_more_than_there_is():
    assert cpus(12, a=claim(99, weight=2), b=claim(99)) == {"a": 8, "b": 4}


def test_what_one_does_not_want_others_may_use():
    assert cpus(12, a=claim(99, weight=2), b=claim(1)) == {"a": 11, "b": 1}
    assert cpus(12, a=claim(2), b=claim(3)) == {"a": 9, "b": 10}  # 7 that nobody claims are anybody's.
    assert cpus(12, a=claim(0), b=claim(99)) == {"a": 0, "b": 12}


def test_three_drivers_are_filled_from_the_smallest():
    assert cpus(12, a=claim(1), b=claim(4), c=claim(99)) == {"a": 1, "b": 4, "c": 7}


def test_shares_are_whole_jobs_and_nothing_lies_idle_by_rounding():
    two = {"a": claim(99, weight=2, unit=2), "b": claim(99, unit=2)}
    assert cpus(8, **two) == {"a": 6, "b": 2}
    assert cpus(3, a=claim(99, weight=2, unit=1), b=claim(99, unit=1)) == {"a": 2, "b": 1}
    assert cpus(4, a=claim(99, unit=3), b=claim(99, unit=1)) == {"a": 0, "b": 4}


def test_a_higher_priority_comes_first():
    assert cpus(8, a=claim(6, priority=1), b=claim(99, weight=9)) == {"a": 6, "b": 2}
    assert cpus(8, a=claim(99, priority=1, unit=4), b=claim(99, unit=4)) == {"a": 8, "b": 0}


def test_resources_are_shared_apart():
    claims = {"a": Claim(wanted={"CPU": 8, "GPU": 4}), "b": Claim(wanted={"CPU": 8})}
    found = fair_shares({"CPU": 8, "GPU": 4, "memory": 100}, claims)
    assert found == {"a": {"CPU": 4, "GPU": 4, "memory": 100}, "b": {"CPU": 4, "GPU": 0, "memory": 100}}


AMOUNTS = st.floats(0, 1000, allow_nan=False)
CLAIMS = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=2),
    st.builds(claim, AMOUNTS, weight=st.floats(0.1, 10), priority=st.integers(0, 2)),
    min_size=1,
    max_size=6,
)


@given(total=AMOUNTS, claims=CLAIMS)
def test_shares_are_fair_and_nothing_is_wasted(total, claims):
    shares = cpus(total, **claims)
    left = max(0.0, total - sum(c.wanted["CPU"] for c in claims.values()))
    own = {name: share - left for name, share in shares.items()}
    close = 1e-6 * max(1.0, total)
    assert sum(own.values()) == pytest.approx(min(total, sum(c.wanted["CPU"] for c in claims.values())), abs=close)
    for name, mine in claims.items():
        assert -close <= own[name] <= mine.wanted["CPU"] + close
        for other, theirs in claims.items():
            if own[name] + close < mine.wanted["CPU"]:
                # Who does not get all that he wants sees nobody behind him with anything, and nobody beside him with
                # more for his weight.
                if theirs.priority < mine.priority:
                    assert own[other] <= close
                if theirs.priority == mine.priority:
                    assert own[other] / theirs.weight <= own[name] / mine.weight + close * 10


@given(total=st.integers(0, 64), claims=CLAIMS, units=st.lists(st.integers(1, 8), min_size=6, max_size=6))
def test_whole_jobs_never_take_more_than_there_is(total, claims, units):
    whole = {
        name: claim(units[i] * int(c.wanted["CPU"] // units[i]), weight=c.weight, unit=units[i], priority=c.priority)
        for i, (name, c) in enumerate(claims.items())
    }
    shares = cpus(float(total), **whole)
    # Everybody's share holds what is left over.
    left = (sum(shares.values()) - total) / (len(shares) - 1) if len(shares) > 1 else 0.0
    own = {name: share - left for name, share in shares.items()}
    if len(shares) > 1:
        assert sum(own.values()) + left == pytest.approx(total)
        assert left >= -1e-6
        for name, mine in whole.items():
            jobs = own[name] / mine.unit["CPU"]
            assert jobs == pytest.approx(round(jobs), abs=1e-6)
            assert own[name] <= mine.wanted["CPU"] + 1e-6
            # What lies idle is too little for one more job of anybody who wants one.
            assert own[name] > mine.wanted["CPU"] - 1e-6 or mine.unit["CPU"] > left - 1e-6


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def wish(wanted: float, weight: float = 1.0) -> dict[str, object]:
    return {"weight": weight, "priority": 0, "wanted": {"CPU": wanted}, "unit": {"CPU": 1.0}}


def test_the_office_knows_who_is_there():
    clock = Clock()
    office, total = Office(clock), {"CPU": 6.0}
    assert office.claim("a", wish(99, 2.0), total) is None  # alone: no bounds
    assert office.claim("b", wish(99), total) == {"CPU": 2}
    assert office.claim("a", wish(99, 2.0), total) == {"CPU": 4}
    clock.now += SILENT_SECONDS
    assert office.claim("a", wish(99, 2.0), total) is None  # b said nothing any more.
    office.claim("b", wish(99), total)
    assert office.leave("a")
    assert office.claim("b", wish(99), total) is None
    assert not office.leave("b")
