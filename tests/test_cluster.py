"""What Ray's token is; Ray itself is started in `tests/integration/test_cluster.py`."""

from __future__ import annotations

import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from mqn import cluster
from mqn.errors import ConfigError


def test_the_token_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_own", {})
    monkeypatch.setenv("MQN_HOME", str(tmp_path))
    for name in cluster._AUTH:
        monkeypatch.setenv(name, "")
    cluster._require_token()
    token = tmp_path / "ray_token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert len(token.read_text()) == 64
    assert (os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN_PATH"]) == ("token", str(token))


def test_a_cluster_is_joined_without_what_a_ray_of_our_own_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (*cluster._AUTH, cluster._LOOPBACK_ONLY)
    monkeypatch.setenv("MQN_HOME", str(tmp_path))
    for name in names:
        monkeypatch.delenv(name, raising=False)
    for _ in range(2):
        cluster._keep_to_loopback()
        cluster._require_token()
        assert os.environ[cluster._LOOPBACK_ONLY] == "0"
        assert os.environ["RAY_AUTH_MODE"] == "token"
    cluster.leave()
    assert [name for name in names if name in os.environ] == []
    cluster._require_token()
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/the/clusters/token")
    cluster._forget_own()
    assert (os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN_PATH"]) == ("token", "/the/clusters/token")


def test_a_token_of_the_users_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    cluster._require_token()
    assert os.environ["RAY_AUTH_MODE"] == "disabled"
    assert not (tmp_path / "ray_token").exists()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "[::1]:1", "127.0.0.1:99999"])
def test_a_cluster_that_is_not_there_is_not_waited_for(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # It is not even imported.
    with pytest.raises(ConfigError, match="nobody answers there"):
        cluster.join(address)


def test_the_handler_of_sigterm_outlasts_joining_again() -> None:
    def ray_s(number: int, _frame: object) -> None:
        sys.exit(number)

    def join_and_be_ended() -> None:
        with cluster._sigterm_kept():
            signal.signal(signal.SIGTERM, ray_s)
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with cluster._sigterm_kept():
            signal.signal(signal.SIGTERM, ray_s)
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
        with pytest.raises(KeyboardInterrupt):
            join_and_be_ended()
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_versions_that_differ_are_one_line() -> None:
    told = (
        "Version mismatch: The cluster was started with:\n    Ray: 2.59.1\n    Python: 3.11.4\n"
        "This process on node 10.0.0.7 was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
    )
    line = "it runs Ray 2.59.1 and Python 3.11.4, this is Ray 2.60.0 and Python 3.11.7"
    assert cluster._reason(RuntimeError(told)) == f"{line}; install the same versions on both sides"
    assert cluster._reason(RuntimeError("refused\nmore")) == "refused"
