from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.records import make_trial

from mqn.errors import ConfigError, StudyBusyError
from mqn.profile_tables.metrics import MetricsProfile
from mqn.records import Attempt, Span
from mqn.search.budget.spent import Spent
from mqn.search.storage.lease import drive
from mqn.search.storage.store import connect
from mqn.search.watch.endpoint import Endpoint
from mqn.search.watch.metrics import Meter
from mqn.search.watch.observing import Observer
from mqn.search.watch.opening import Health, Seldom, open_watch
from mqn.search.watch.snapshot import DeviceState, Snapshot


def lines(meter: Meter) -> set[str]:
    return {line for line in meter.text().decode().splitlines() if not line.startswith("#")}


def test_what_ended_is_counted_and_the_rest_read_from_the_last_snapshot() -> None:
    snapshot = Snapshot(
        study="s",
        at=0,
        began=0,
        goal=40,
        active=3,
        running={"train": 2},
        queued={"score": 5},
        nodes=4,
        there={"CPU": 8.0},
        devices=(DeviceState(name="board", state="away"),),
    )
    last: list[Snapshot | None] = [None]
    meter = Meter(
        "s",
        last=lambda: last[0],
        stepped=lambda: 90.0,
        heartbeat=lambda: 2.5,
        spent=lambda: Spent(trainings=7),
        volume=lambda: 3.25,
        clock=lambda: 100.0,
    )
    assert {'mqn_loop_age_seconds{study="s"} 10.0', 'mqn_hypervolume{study="s"} 3.25'} <= lines(meter)
    assert not any("goal" in line for line in lines(meter))
    last[0] = snapshot
    span = Span(begin=10.0, end=13.0)
    lost = Attempt(step="score/float", error=("ProcessLostError", "lost"), span=span)
    meter.note(make_trial(0, spans={"train": span, "score/float": span}, attempts=(lost,)))
    meter.note(make_trial(1, state="failed", error="no", spans={"train": span}, unfinished={"train": "k"}))
    assert {
        'mqn_trials_total{state="complete",study="s"} 1.0',
        'mqn_trials_total{state="failed",study="s"} 1.0',
        'mqn_jobs_total{outcome="done",stage="train",study="s"} 1.0',
        'mqn_jobs_total{outcome="failed",stage="train",study="s"} 1.0',
        'mqn_jobs_total{outcome="tried_again",stage="score",study="s"} 1.0',
        'mqn_job_seconds_sum{stage="train",study="s"} 3.0',
        'mqn_job_seconds_bucket{le="5.0",stage="train",study="s"} 1.0',
        'mqn_heartbeat_age_seconds{study="s"} 2.5',
        'mqn_trials_goal{study="s"} 40.0',
        'mqn_jobs_running{stage="train",study="s"} 2.0',
        'mqn_jobs_waiting{stage="score",study="s"} 5.0',
        'mqn_resources{resource="CPU",study="s"} 8.0',
        'mqn_device_state{device="board",state="away",study="s"} 1.0',
        'mqn_spent{budget="trainings",study="s"} 7.0',
    } <= lines(meter)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"port": 70_000}, "port must be 0 to 65535"), ({"host": ""}, "host"), ({"stale_seconds": 1.0}, "at least 5")],
)
def test_a_profile_that_cannot_be_served_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MetricsProfile(**changes)


def health(**changes: Any) -> Health:
    def check() -> None:
        if changes.get("lost"):
            raise StudyBusyError("study 's' was taken over")

    store: Any = SimpleNamespace(database=SimpleNamespace(engine=None))
    lease: Any = SimpleNamespace(check=check, study="s", driver="a")
    publisher: Any = SimpleNamespace(stepped=100.0)
    return Health(
        store, lease, publisher, 120.0, clock=lambda: changes.get("now", 110.0), ended=lambda: changes.get("ended", "")
    )


@pytest.mark.parametrize(
    ("changes", "age", "words"),
    [
        ({}, 1.0, []),
        ({"lost": True}, 1.0, ["study 's' was taken over"]),
        ({"now": 300.0}, 1.0, ["the loop has made no step for 200 s (at most 120 s)"]),
        ({}, None, ["the study's database does not answer, or the lease is not in it"]),
        ({"ended": "raylet"}, 1.0, ["Ray's process raylet has ended on this machine"]),
    ],
)
def test_what_is_wrong_with_a_driver(
    changes: dict[str, Any], age: float | None, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mqn.search.watch.opening._heartbeat_age", lambda *_: age)
    assert health(**changes).trouble() == words


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.integration
def test_metrics_and_health_are_served() -> None:
    wrong: list[str] = []
    with Endpoint(MetricsProfile(port=0), lambda: b"mqn_nodes 1\n", lambda: wrong) as endpoint:
        assert endpoint.url.startswith("http://127.0.0.1:")
        assert get(f"{endpoint.url}/metrics") == (200, "mqn_nodes 1\n")
        assert get(f"{endpoint.url}/healthz")[0] == 200
        wrong.append("the lease is lost")
        code, body = get(f"{endpoint.url}/healthz")
        assert (code, json.loads(body)) == (503, {"healthy": False, "trouble": ["the lease is lost"]})
        assert get(f"{endpoint.url}/else")[0] == 404


@pytest.mark.integration
def test_a_port_that_is_taken_is_refused_by_name() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"^metrics.port = {port}: cannot listen at 127.0.0.1: .*another port"):
            Endpoint(MetricsProfile(port=port), lambda: b"", list)


@pytest.mark.integration
def test_a_driver_is_well_until_its_lease_is_gone(tmp_path: Path, busy: Any) -> None:
    store, said = connect(f"sqlite:///{tmp_path / 'study.db'}"), list[str]()
    with (
        drive(store.database, "s", store.patience) as lease,
        open_watch(Observer("s", goal=9), store, lease, MetricsProfile(port=0), say=said.append) as publisher,
    ):
        url = said[0].split("metrics: ")[1].split("/metrics")[0]
        publisher.step({}, busy())
        publisher.finish(make_trial(0, spans={"train": Span(begin=0.0, end=1.0)}))
        code, body = get(f"{url}/healthz")
        assert (code, json.loads(body)) == (200, {"healthy": True, "trouble": []})
        metrics = get(f"{url}/metrics")[1]
        assert 'mqn_jobs_total{outcome="done",stage="train",study="s"} 1.0' in metrics
        assert 'mqn_trials_goal{study="s"} 9.0' in metrics
        lease.give_back()
        code, body = get(f"{url}/healthz")
        assert (code, "the lease is not in it" in body) == (503, True)


@pytest.mark.integration
def test_nothing_is_served_unless_a_profile_says_so(tmp_path: Path) -> None:
    store, said = connect(f"sqlite:///{tmp_path / 'study.db'}"), list[str]()
    with (
        drive(store.database, "s", store.patience) as lease,
        open_watch(Observer("s"), store, lease, MetricsProfile(), say=said.append) as publisher,
    ):
        assert (said, publisher.listeners) == ([], [])


def test_what_takes_long_to_find_takes_a_hundredth_of_the_time() -> None:
    now, found = 0.0, [1.0, 2.0]

    def find() -> float:
        nonlocal now
        now += 3.0
        return found.pop(0)

    seldom = Seldom(find, lambda: now)
    assert seldom() == 1.0
    now = 299.0
    assert seldom() == 1.0
    now = 300.0
    assert seldom() == 2.0
