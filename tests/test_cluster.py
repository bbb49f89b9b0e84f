"""What Ray's token is; Ray itself is started in `tests/integration/test_cluster.py`."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from mqn import cluster
from mqn.errors import ConfigError


def test_the_token_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path))
    for name in cluster._AUTH:
        monkeypatch.setenv(name, "")
    cluster._require_token()
    token = tmp_path / "ray_token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert len(token.read_text()) == 64
    assert (os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN_PATH"]) == ("token", str(token))


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
