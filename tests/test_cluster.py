"""Where Ray's sockets lie and what its token is; Ray itself is started in `tests/integration/test_cluster.py`."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mqn import cluster
from mqn.errors import ClusterError

LONG = "/tmp/" + "scratch_dir_of_a_batch_job_" * 3
SOCKET = "session_2026-11-29_00-34-28_895858_4194304/sockets/plasma_store"


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("RAY_TMPDIR", "TMPDIR", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("name", ["RAY_TMPDIR", "TMPDIR", "XDG_RUNTIME_DIR"])
def test_sockets_fit_however_long_the_folder_for_temporary_files_is(name: str, folders: pytest.MonkeyPatch) -> None:
    folders.setenv(name, LONG)
    folder = cluster._make_folder()
    try:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert len(os.fsencode(folder / SOCKET)) <= 107
    finally:
        folder.rmdir()


def test_a_short_folder_of_the_users_is_used(folders: pytest.MonkeyPatch) -> None:
    own = Path("/tmp/mqn-own")
    own.mkdir(exist_ok=True)
    folders.setenv("RAY_TMPDIR", str(own))
    folder = cluster._make_folder()
    assert folder.parent == own
    folder.rmdir()
    own.rmdir()


def test_without_any_folder_the_variable_and_the_remedy_are_named(folders: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> str:
        raise PermissionError

    folders.setenv("TMPDIR", LONG)
    folders.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(ClusterError, match=rf"TMPDIR={LONG}, and /tmp cannot be written; .*: set RAY_TMPDIR to such"):
        cluster._make_folder()


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
