from __future__ import annotations

from collections.abc import Callable

import pytest

from mqn.device.agent.http.caller_limits import Caller, CallerLimit, peer_of


@pytest.fixture
def limit(clock) -> CallerLimit:
    return CallerLimit(clock=clock)


@pytest.fixture
def admit(limit: CallerLimit) -> Callable[..., Caller | None]:
    """Lets a peer in, of whom four may be there, two of one peer; whoever has to leave says its number."""
    limit.left = []  # type: ignore[attr-defined]

    def come(peer: str, number: int = 0, **limits: float) -> Caller | None:
        limits = {"most": 4, "most_of_peer": 2} | limits
        return limit.admit(peer, lambda: limit.left.append(number), **limits)  # type: ignore[attr-defined]

    return come


def test_a_peer_fills_its_share_and_no_more(admit, limit: CallerLimit) -> None:
    assert admit("a")
    assert admit("a")
    assert admit("a") is None
    assert admit("b")
    assert len(limit) == 3


def test_who_goes_leaves_room(admit, limit: CallerLimit) -> None:
    first = admit("a")
    admit("a")
    limit.release(first)
    limit.release(first)
    limit.release(None)
    assert admit("a")


def test_of_one_peer_who_has_shown_nothing_makes_way(admit, limit: CallerLimit, clock) -> None:
    admit("a", 1).busy = True
    admit("a", 2)
    clock.now += 1.0
    assert admit("a", 3)
    assert limit.left == [2]


def test_those_who_are_served_stay(admit, limit: CallerLimit, clock) -> None:
    for number in range(2):
        admit("a", number).busy = True
    clock.now += 100
    assert admit("a") is None
    assert limit.left == []


def test_whoever_has_most_makes_way_for_another_at_once(admit, limit: CallerLimit) -> None:
    for number in range(4):
        assert admit("greedy", number, most_of_peer=10)
    assert admit("modest", 9, most_of_peer=10)
    assert limit.left == [0]
    # Nobody has much more than the other by now: the young stay.
    assert admit("modest", 10, most_of_peer=10)
    assert admit("modest", 11, most_of_peer=10) is None
    assert limit.left == [0, 1]


def test_nobody_stays_longer_than_may_be(admit, limit: CallerLimit, clock) -> None:
    admit("a", 1).busy = True
    clock.now += 11
    admit("b", 2, most_seconds=10)
    assert len(limit) == 1


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        (("10.0.0.1", 5), "10.0.0.1"),
        (("::1", 5, 0, 0), "::1"),
        (("::ffff:10.0.0.1", 5, 0, 0), "10.0.0.1"),
        (("2001:db8:1:2:3:4:5:6", 5, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 5, 0, 2), "fe80::1"),
        (None, ""),
        ("", ""),
    ],
)
def test_who_calls(address: object, peer: str) -> None:
    assert peer_of(address) == peer
