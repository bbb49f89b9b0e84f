from __future__ import annotations

from collections.abc import Callable

import pytest

from mqn.device.agent.crowd import Crowd, Guest, peer_of


@pytest.fixture
def room(clock) -> Crowd:
    return Crowd(clock=clock)


@pytest.fixture
def enter(room: Crowd) -> Callable[..., Guest | None]:
    """Lets a peer into a room for four, two of one peer; whoever has to leave says its number."""
    room.left = []  # type: ignore[attr-defined]

    def come(peer: str, number: int = 0, **limits: float) -> Guest | None:
        limits = {"most": 4, "most_of_peer": 2} | limits
        return room.enter(peer, lambda: room.left.append(number), **limits)  # type: ignore[attr-defined]

    return come


def test_a_peer_fills_its_share_and_no_more(enter, room: Crowd) -> None:
    assert enter("a")
    assert enter("a")
    assert enter("a") is None
    assert enter("b")
    assert len(room) == 3


def test_who_goes_leaves_room(enter, room: Crowd) -> None:
    first = enter("a")
    enter("a")
    room.go(first)
    room.go(first)
    room.go(None)
    assert enter("a")


def test_of_one_peer_who_has_shown_nothing_makes_way(enter, room: Crowd, clock) -> None:
    enter("a", 1).busy = True
    enter("a", 2)
    clock.now += 1.0
    assert enter("a", 3)
    assert room.left == [2]


def test_those_who_are_served_stay(enter, room: Crowd, clock) -> None:
    for number in range(2):
        enter("a", number).busy = True
    clock.now += 100
    assert enter("a") is None
    assert room.left == []


def test_whoever_has_most_makes_way_for_another_at_once(enter, room: Crowd) -> None:
    for number in range(4):
        assert enter("greedy", number, most_of_peer=10)
    assert enter("modest", 9, most_of_peer=10)
    assert room.left == [0]
    # Nobody has much more than the other by now: the young stay.
    assert enter("modest", 10, most_of_peer=10)
    assert enter("modest", 11, most_of_peer=10) is None
    assert room.left == [0, 1]


def test_nobody_stays_longer_than_may_be(enter, room: Crowd, clock) -> None:
    enter("a", 1).busy = True
    clock.now += 11
    enter("b", 2, most_seconds=10)
    assert len(room) == 1


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
