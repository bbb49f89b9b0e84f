from __future__ import annotations

import errno
import subprocess
from pathlib import Path

import pytest
from tests.support.pool_fakes import FakeClock, FakeDevices

from mqn.device.pool.address import Address, read_address
from mqn.device.pool.own_agent import OwnAgent
from mqn.device.pool.pool import Pool
from mqn.errors import DeviceAwayError, DeviceRefusedError, DeviceRestingError, UnknownNameError
from mqn.profile import DeviceProfile

PROFILES = {
    "a": DeviceProfile(url="https://a", kind="pi"),
    "b": DeviceProfile(url="https://b", kind="pi"),
    "c": DeviceProfile(url="https://c"),
}
AWAY = DeviceAwayError("the network is down")


@pytest.fixture
def fakes() -> FakeDevices:
    return FakeDevices(FakeClock())


@pytest.fixture
def pool(fakes: FakeDevices) -> Pool:
    pool = fakes.make(PROFILES)
    pool.reach(["kind:pi", "c"])
    return pool


def states(pool: Pool) -> list[str]:
    return [report.state for report in pool.report()]


def test_reached_devices_are_idle_and_known(pool: Pool) -> None:
    assert states(pool) == ["idle", "idle", "idle"]
    report = pool.report()[0]
    assert (report.name, report.kind, report.url, report.error) == ("a", "pi", "https://a", "")
    assert report.info.id == "a-1"


def test_the_longest_unused_is_next(pool: Pool, fakes: FakeDevices) -> None:
    chosen = []
    for _ in range(4):
        fakes.clock.sleep(1.0)
        name = pool.choose("kind:pi")
        chosen.append(name)
        pool.begin(name)
        pool.end(name)
    assert chosen == ["a", "b", "a", "b"]


def test_a_device_does_one_thing_at_a_time(pool: Pool) -> None:
    pool.begin("a")
    assert pool.choose("a") is None
    assert pool.choose("kind:pi") == "b"
    assert pool.absent("a") == ""
    assert states(pool)[0] == "busy"
    pool.end("a")
    assert pool.choose("a") == "a"


def test_a_device_that_goes_away_is_retried_then_quarantined_then_back(pool: Pool, fakes: FakeDevices) -> None:
    clock, reach = fakes.clock, fakes.reaches["a"]
    reach.gone.append((0.0, 100.0))
    pool.begin("a")
    pool.end("a", AWAY)
    seen = []
    while pool.choose("a") is None:
        seen.append((clock(), states(pool)[0]))
        clock.sleep(1.0)
    assert [at for at, state in seen if state == "away"][-1] == 7.0
    assert {state for at, state in seen if at >= 8.0} == {"quarantined"}
    # 1 + 2 + 5 s, then 10, 20, 40 and 80 s later.
    assert reach.calls[1:] == [1.0, 3.0, 8.0, 18.0, 38.0, 78.0, 158.0]
    assert pool.choose("kind:pi") in ("a", "b")
    assert states(pool)[0] == "idle"


def test_a_success_forgets_the_failures(pool: Pool, fakes: FakeDevices) -> None:
    for _ in range(10):
        pool.begin("a")
        pool.end("a", AWAY)
        assert states(pool)[0] == "away"
        fakes.clock.sleep(1.0)
        assert pool.choose("a") == "a"
        pool.begin("a")
        pool.end("a")


def test_coming_back_without_a_success_does_not_forget_them(pool: Pool, fakes: FakeDevices) -> None:
    began = []
    for _ in range(5):
        pool.begin("a")
        pool.end("a", AWAY)
        began.append(fakes.clock())
        while pool.choose("a") is None:
            fakes.clock.sleep(1.0)
    assert began == [0.0, 1.0, 3.0, 8.0, 18.0]


def test_why_a_device_is_absent(pool: Pool) -> None:
    for name in ("a", "b"):
        pool.begin(name)
        pool.end(name, DeviceAwayError(f"{name} is gone"))
    assert pool.absent("kind:pi") == "a is gone"
    assert pool.absent("c") == ""


def test_a_probe_does_not_hold_up_the_others(fakes: FakeDevices) -> None:
    pool = fakes.make(PROFILES, later=True)
    pool.reach(["kind:pi"])
    pool.begin("a")
    pool.end("a", AWAY)
    fakes.clock.sleep(1.0)
    for _ in range(3):
        assert pool.choose("kind:pi") == "b"
    (probe,) = fakes.probes
    probe()
    assert states(pool)[:2] == ["idle", "idle"]


def test_of_each_target_one_device_must_be_there(fakes: FakeDevices) -> None:
    fakes.gone = {"a": [(0.0, 9.0)], "c": [(0.0, 9.0)]}
    pool = fakes.make(PROFILES)
    pool.reach(["kind:pi"])
    assert states(pool) == ["away", "idle", "unknown"]
    with pytest.raises(DeviceAwayError, match="device 'c': no agent answers at c"):
        pool.reach(["kind:pi", "c"])
    with pytest.raises(UnknownNameError, match="no device 'd'"):
        pool.reach(["d"])


def test_a_refusal_is_told_at_once(fakes: FakeDevices) -> None:
    pool = fakes.make(PROFILES)
    fakes.reaches["b"].refusal = DeviceRefusedError("wrong token")
    with pytest.raises(DeviceRefusedError, match="wrong token"):
        pool.reach(["kind:pi"])


def test_a_device_that_refuses_later_leaves_the_work_to_others(pool: Pool, fakes: FakeDevices) -> None:
    for name in ("a", "b"):
        fakes.reaches[name].refusal = DeviceRefusedError(f"{name}: token expired")
    pool.begin("a")
    pool.end("a", AWAY)
    fakes.clock.sleep(1.0)
    assert pool.choose("kind:pi") == "b"
    assert states(pool)[0] == "refused"
    with pytest.raises(DeviceRefusedError, match="a: token expired"):
        pool.choose("a")


def test_another_device_at_the_same_address_is_refused(pool: Pool, fakes: FakeDevices) -> None:
    fakes.reaches["a"].id = "z-9"
    pool.begin("a")
    pool.end("a", AWAY)
    fakes.clock.sleep(1.0)
    with pytest.raises(DeviceRefusedError, match="device 'a' was a-1, and z-9 answers at its address now"):
        pool.choose("a")


def test_a_warm_device_rests(pool: Pool, fakes: FakeDevices) -> None:
    warm = DeviceRestingError("device 'a' is at 50 °C")
    fakes.reaches["a"].resting = warm
    pool.begin("a")
    pool.end("a", warm)
    assert states(pool)[0] == "resting"
    fakes.clock.sleep(29.0)
    assert pool.choose("a") is None
    fakes.clock.sleep(1.0)
    assert pool.choose("a") is None
    assert len(fakes.reaches["a"].calls) == 2
    fakes.reaches["a"].resting = None
    fakes.clock.sleep(30.0)
    assert pool.choose("a") == "a"


def test_resting_does_not_keep_a_study_from_beginning(fakes: FakeDevices) -> None:
    pool = fakes.make(PROFILES)
    fakes.reaches["c"].resting = DeviceRestingError("device 'c' is at 50 °C")
    pool.reach(["c"])
    assert pool.absent("c") == "device 'c' is at 50 °C"
    with pytest.raises(DeviceRestingError, match="50 °C"), pool.open("c"):
        pass


def test_what_imitates_another_is_measured_but_no_objective(fakes: FakeDevices) -> None:
    pool = fakes.make(PROFILES)
    fakes.reaches["a"].emulated = True
    pool.reach(["a"])
    with pytest.raises(DeviceRefusedError, match="cannot be an objective"):
        fakes.make(PROFILES, objectives=True).reach(["a"])


def test_one_command_opens_a_target(pool: Pool) -> None:
    with pool.open("kind:pi") as (name, client):
        assert name == "a"
        assert client.url == "http://127.0.0.1/a"
        assert states(pool)[0] == "busy"
    assert states(pool)[0] == "idle"
    with pytest.raises(DeviceAwayError), pool.open("c"):
        raise AWAY
    assert states(pool)[2] == "away"


def test_closing_lets_go_of_all(pool: Pool, fakes: FakeDevices) -> None:
    pool.close()
    assert all(reach.closed for reach in fakes.reaches.values())


def test_tokens_are_where_the_profile_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_env = DeviceProfile(url="https://a", token_env="A_TOKEN", ca=tmp_path / "ca.pem")
    with pytest.raises(DeviceRefusedError, match=r"device 'a' needs its token in \$A_TOKEN, which is not set"):
        read_address("a", by_env)
    monkeypatch.setenv("A_TOKEN", "secret\n")
    assert read_address("a", by_env) == Address(url="https://a", token="secret", ca=tmp_path / "ca.pem")
    assert "secret" not in repr(read_address("a", by_env))

    by_file = DeviceProfile(url="https://a", token_file=tmp_path / "token")
    with pytest.raises(DeviceRefusedError, match=r"device 'a' needs its token in .*token: No such file"):
        read_address("a", by_file)
    (tmp_path / "token").write_text("\n")
    with pytest.raises(DeviceRefusedError, match="which is empty"):
        read_address("a", by_file)
    (tmp_path / "token").write_text("secret\n")
    assert read_address("a", by_file).token == "secret"
    assert read_address("a", DeviceProfile(url="https://a")).token is None


def test_an_agent_of_ours_that_cannot_be_started_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(DeviceAwayError, match="cannot start the agent of device 'd' here: Resource temporarily"):
        OwnAgent("d", DeviceProfile())
    with Pool({"d": DeviceProfile()}, spawn=lambda probe: probe()) as pool:
        assert pool.choose("d") is None
        assert states(pool) == ["away"]


def test_a_probe_that_breaks_down_is_made_again(fakes: FakeDevices) -> None:
    pool = fakes.make(PROFILES)
    fakes.reaches["c"].refusal = RuntimeError("a mistake of ours")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="a mistake of ours"):
            pool.choose("c")
