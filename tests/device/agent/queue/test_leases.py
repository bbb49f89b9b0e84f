from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator

import pytest

from mqn.device import wire
from mqn.device.agent.queue.database import QueueDatabase
from mqn.device.agent.queue.leases import Leases
from mqn.device.agent.queue.refusals import DrainingError, FullDiskError, FullQueueError, KeyReusedError, NotHeldError


@pytest.fixture
def make(database: QueueDatabase, clock) -> Iterator[Callable[..., Leases]]:
    made: list[Leases] = []

    def build(**options: object) -> Leases:
        made.append(Leases(database, clock=clock, **options))
        return made[-1]

    yield build
    for leases in made:
        leases.close()


def ask(leases: Leases, holder: str, ttl: float = 60.0, **options: object) -> wire.Lease:
    return leases.request(wire.LeaseRequest(holder=holder, ttl_seconds=ttl), **options)


def states(leases: Leases, *asked: wire.Lease) -> list[str]:
    return [leases.status(lease.id).state for lease in asked]


def test_the_first_gets_the_device_and_the_others_wait(make) -> None:
    leases = make()
    first, second, third = ask(leases, "a"), ask(leases, "b"), ask(leases, "c")
    assert states(leases, first, second, third) == ["held", "waiting", "waiting"]
    assert [leases.status(lease.id).ahead for lease in (first, second, third)] == [0, 1, 2]
    assert leases.count() == {"held": 1, "waiting": 2}


def test_holders_take_turns_however_many_leases_each_asks_for(make) -> None:
    leases = make()
    greedy = [ask(leases, "greedy") for _ in range(3)]
    modest = ask(leases, "modest")
    assert leases.status(modest.id).ahead == 1
    order = []
    for _ in range(4):
        (current,) = (lease for lease in (*greedy, modest) if leases.status(lease.id).state == "held")
        order.append(current)
        leases.end(current.id)
    assert order == [greedy[0], modest, greedy[1], greedy[2]]


def test_whoever_comes_back_again_and_again_waits_for_those_who_had_no_turn_since(make) -> None:
    leases = make()
    first, waiting = ask(leases, "often"), [ask(leases, "patient"), ask(leases, "patient")]
    leases.end(first.id)
    again = ask(leases, "often")
    leases.end(waiting[0].id)
    assert states(leases, again, waiting[1]) == ["held", "waiting"]


def test_one_without_a_sign_of_life_ends_and_the_next_is_granted(make, clock) -> None:
    ended: list[tuple[str, str]] = []
    leases = make(on_end=lambda lease, reason: ended.append((lease.holder, reason)))
    silent, following = ask(leases, "a", 10), ask(leases, "b", 60)
    clock.now += 9.9
    assert leases.expire() == pytest.approx(clock.now + 0.1)
    clock.now += 0.1
    leases.expire()
    assert states(leases, silent, following) == ["ended", "held"]
    assert ended == [("a", "no sign of life")]


def test_one_that_waits_needs_signs_of_life_too(make, clock) -> None:
    leases = make()
    holding, waiting = ask(leases, "a", 60), ask(leases, "b", 10)
    clock.now += 10
    leases.expire()
    assert states(leases, holding, waiting) == ["held", "ended"]


def test_every_request_about_it_is_a_sign_of_life_for_as_long_as_it_lasts(make, clock) -> None:
    leases = make()
    lease = ask(leases, "a", 10)
    with leases.attend(lease.id):
        clock.now += 100
        assert leases.expire() is None
    clock.now += 9
    leases.expire()
    assert states(leases, lease) == ["held"]
    clock.now += 1
    leases.expire()
    assert states(leases, lease) == ["ended"]


def test_a_grant_gives_the_whole_time(make, clock) -> None:
    leases = make()
    first, second = ask(leases, "a", 60), ask(leases, "b", 10)
    clock.now += 9
    leases.end(first.id)
    clock.now += 9
    leases.expire()
    assert states(leases, second) == ["held"]


def test_the_timer_expires_by_itself(database: QueueDatabase) -> None:
    ended = threading.Event()
    leases = Leases(database, on_end=lambda lease, reason: ended.set())
    ask(leases, "a", 1.0)
    assert ended.wait(10)
    leases.close()


def test_as_many_wait_as_may_and_no_more(make) -> None:
    leases = make(capacity=2, capacity_per_holder=2)
    for _ in range(3):
        ask(leases, "a")
    with pytest.raises(FullQueueError) as refused:
        ask(leases, "b")
    assert refused.value.retry_after > 0


def test_one_holder_cannot_take_every_place(make) -> None:
    leases = make(capacity=10, capacity_per_holder=1)
    ask(leases, "a")
    ask(leases, "a")
    with pytest.raises(FullQueueError, match="1 leases of 'a' wait"):
        ask(leases, "a")
    assert ask(leases, "b").state == "waiting"


def test_of_two_that_race_for_the_last_place_one_wins(make) -> None:
    leases = make(capacity=1)
    ask(leases, "a")
    barrier, outcomes = threading.Barrier(2), []

    def race(holder: str) -> None:
        barrier.wait()
        try:
            outcomes.append(ask(leases, holder).state)
        except FullQueueError:
            outcomes.append("refused")

    threads = [threading.Thread(target=race, args=(holder,)) for holder in ("b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "waiting"]


def test_a_key_gives_the_same_lease(make) -> None:
    leases = make()
    first = ask(leases, "a", client="alice", key="k")
    assert ask(leases, "a", client="alice", key="k").id == first.id
    assert ask(leases, "a", client="bob", key="k").id != first.id
    with pytest.raises(KeyReusedError):
        ask(leases, "other", client="alice", key="k")


def test_only_a_held_lease_is_good_for_a_job(make) -> None:
    leases = make()
    held, waiting, ended = ask(leases, "a"), ask(leases, "b"), ask(leases, "c")
    leases.end(ended.id)
    leases.check_held(held.id)
    for lease_id, words in (
        (None, "needs a lease"),
        ("x", "no lease 'x' here"),
        (waiting.id, "1 ahead"),
        (ended.id, "has ended"),
    ):
        with pytest.raises(NotHeldError, match=words):
            leases.check_held(lease_id)


def test_leases_outlive_the_agent_with_their_whole_time_ahead(make, clock) -> None:
    before = make()
    held, waiting, ended = ask(before, "a", 10, key="k"), ask(before, "b", 10), ask(before, "c")
    before.end(ended.id)
    clock.now += 9
    before.close()
    after = make()
    assert states(after, held, waiting, ended) == ["held", "waiting", "ended"]
    assert ask(after, "a", 10, key="k").id == held.id
    clock.now += 9
    after.expire()
    assert states(after, held) == ["held"]


def test_only_the_last_grant_outlives_an_agent_whose_disk_was_full(make, database: QueueDatabase) -> None:
    before = make()
    first, second = ask(before, "a"), ask(before, "b")
    write, database.set_lease = database.set_lease, full_for(first.id, database.set_lease)
    before.end(first.id)
    assert states(before, first, second) == ["ended", "held"]
    before.close()
    database.set_lease = write
    after = make()
    assert states(after, first, second) == ["ended", "held"]
    assert database.lease(first.id).state == "ended"


def full_for(lease_id: str, write: Callable[..., None]) -> Callable[..., None]:
    def set_lease(written: str, *values: object) -> None:
        if written == lease_id:
            raise FullDiskError("the agent's disk is full")
        write(written, *values)

    return set_lease


def test_a_timer_that_breaks_down_is_told(database: QueueDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    raised: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda unhandled: raised.append(unhandled.exc_type))
    broken = threading.Event()
    with contextlib.closing(Leases(database, on_breakdown=broken.set)) as leases:
        lease = ask(leases, "a", 1.0)
        assert lease.state == "held"
        monkeypatch.setattr(database, "set_lease", break_down)
        assert broken.wait(10)
    assert raised == [sqlite3.OperationalError]


def test_turns_outlive_the_agent(make) -> None:
    before = make()
    first = ask(before, "often")
    ask(before, "often")
    before.close()
    after = make()
    patient = ask(after, "patient")
    after.end(first.id)
    assert states(after, patient) == ["held"]


def test_one_that_drains_lends_to_nobody(make) -> None:
    leases = make()
    held, waiting = ask(leases, "a"), ask(leases, "b")
    leases.drain()
    with pytest.raises(DrainingError):
        ask(leases, "c")
    leases.end(held.id)
    assert states(leases, waiting) == ["waiting"]


def test_unknown_leases(make) -> None:
    leases = make()
    assert leases.status("x") is leases.end("x") is None
    with leases.attend("x") as change:
        assert change is None
