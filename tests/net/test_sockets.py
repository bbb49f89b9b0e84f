"""Where sockets lie, however long the folder for temporary files is named."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mqn.errors import ClusterError, DeviceError
from mqn.net.sockets import for_ray, for_ssh, leave

LONG = "/tmp/" + "scratch_dir_of_a_batch_job_" * 3
LONGEST = {
    for_ray: "session_2026-11-29_00-34-28_895858_4194304/sockets/plasma_store",
    for_ssh: f"{'0' * 40}.{'x' * 16}",  # %C, and what ssh appends while it connects
}


@pytest.fixture(autouse=True)
def _no_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_TMPDIR", "TMPDIR", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("make", LONGEST)
@pytest.mark.parametrize("name", ["RAY_TMPDIR", "TMPDIR", "XDG_RUNTIME_DIR"])
def test_sockets_fit(make, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, LONG)
    folder = make()
    private = folder.parent if make is for_ray else folder
    try:
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert len(os.fsencode(folder / LONGEST[make])) <= 107
    finally:
        shutil.rmtree(private)


def test_a_short_folder_of_the_users_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Path("/tmp/mqn-own")
    own.mkdir(exist_ok=True)
    monkeypatch.setenv("RAY_TMPDIR", str(own))
    folder = for_ray()
    assert folder.parent.parent == own
    leave(folder)
    own.rmdir()


def test_what_a_killed_process_left_is_removed_and_nobody_elses() -> None:
    own = Path(tempfile.mkdtemp(prefix="s", dir="/tmp"))
    script = "import os; from mqn.net.sockets import for_ray; print(for_ray(), flush=True); {}"
    environment = {**os.environ, "RAY_TMPDIR": str(own)}

    def begin(then: str) -> tuple[subprocess.Popen[str], Path]:
        command = [sys.executable, "-c", script.format(then)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip()).parent

    other = own / "mqn-somebody"
    other.mkdir()
    for name in ("lock", "mine"):
        (other / name).touch()
    running, kept = begin("import time; time.sleep(60)")
    killed, left = begin("os.kill(os.getpid(), 9)")
    killed.wait()
    assert (kept.exists(), left.exists()) == (True, True)
    last, _ = begin("pass")
    last.wait()
    assert (kept.exists(), left.exists(), (other / "mine").exists()) == (True, False, True)
    running.kill()
    running.wait()
    shutil.rmtree(own)


@pytest.mark.parametrize(
    ("make", "kind", "remedy"), [(for_ray, ClusterError, "RAY_TMPDIR"), (for_ssh, DeviceError, "TMPDIR")]
)
def test_without_any_folder_the_variable_and_the_remedy_are_named(
    make, kind: type[Exception], remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> str:
        raise PermissionError

    monkeypatch.setenv("TMPDIR", LONG)
    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(kind, match=rf"TMPDIR={LONG}, and /tmp cannot be written; .*: set {remedy} to such a folder"):
        make()
