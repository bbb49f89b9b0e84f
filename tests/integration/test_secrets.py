"""Marked passwords in every address that a study uses: none is printed, stored, logged, or seen among processes."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.conftest import REPOSITORY
from tests.support.made_once import furnish
from tests.support.rigs.postgres import Postgres, missing

from mqn.net import telemetry

pytestmark = [pytest.mark.integration, pytest.mark.skipif(bool(missing()), reason=missing())]

DRIVER = "tests.support.secrets_driver"
MARK = "M4rked"
PASSWORD = quote(f"{MARK}:p@ss/word", safe="")
SPACE = """
name = "tiny"
sampler = "grid"
[[objectives]]
metric = "psnr_tm"
[[objectives]]
metric = "latency_ms"
[dimensions."arch.attention"]
choices = ["none", "sa"]
[[points]]
"plan.head" = "float32"
"""


class Watch:
    """Looks at processes' arguments and into Ray's and our temporary files, again and again, for the mark."""

    def __init__(self, *folders: Path) -> None:
        self.seen: set[str] = set()
        self.folders = folders
        self.rounds = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.3):
            listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
            self.seen |= {line for line in listed.splitlines() if MARK in line}
            for folder in self.folders:
                self.seen |= set(marked(folder))
            self.rounds += 1


def marked(folder: Path) -> list[str]:
    """Files beneath a folder that hold the mark, as it is or as numbers."""
    found = []
    walked = os.walk(folder)  # Unlike `rglob`, it passes over folders that go meanwhile.
    for path in (Path(root) / name for root, _, names in walked for name in names):
        try:
            if path.is_file() and not path.is_symlink() and MARK.encode() in path.read_bytes():
                found.append(str(path))
        except OSError:  # Gone since.
            continue
    return found


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for everybody's temporary files, Ray's logs included; its name is short enough for Ray's sockets."""
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="m", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def bucket() -> Iterator[str]:
    boto3 = pytest.importorskip("boto3", reason="needs boto3, which MLflow stores files in S3 with")
    moto = pytest.importorskip("moto.server", reason="needs moto[server], an S3 server on loopback")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=url, **keys).create_bucket(Bucket="files")
    yield url
    server.stop()


def names(url: str) -> list[str]:
    import boto3

    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    listed = boto3.client("s3", endpoint_url=url, **keys).list_objects_v2(Bucket="files")
    return [item["Key"] for item in listed.get("Contents", [])]


@contextmanager
def tracking_server(folder: Path, bucket: str) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    words = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--no-serve-artifacts"]
    words += ["--default-artifact-root", "s3://files/runs"]
    quiet = {**os.environ, **telemetry.ENVIRONMENT, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(words, env=quiet, stdout=log, stderr=log, start_new_session=True)
    try:
        end = time.monotonic() + 180
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                    break
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < end, (folder / "server.log").read_text()
                time.sleep(0.3)
        yield port
    finally:
        os.killpg(process.pid, 15)
        process.wait(timeout=30)


def test_no_marked_password_is_printed_stored_logged_or_listed(tmp_path, temporary, bucket, scenes, tracking_database):
    kept, profiles = tmp_path / "kept", tmp_path / "profiles"
    kept.mkdir()
    profiles.mkdir()
    shutil.copy(tracking_database, kept / "server.db")
    furnish(tmp_path / "home", scenes=scenes)
    (tmp_path / "tiny.toml").write_text(SPACE)
    told: list[str] = []
    with Postgres() as database, tracking_server(kept, bucket) as port:
        profile = profiles / "team.toml"
        profile.write_text(
            f'[storage]\nstudy = "postgresql://mqn:{PASSWORD}@127.0.0.1:{database.port}/postgres"\n'
            f'[tracking]\nuri = "http://me:{PASSWORD}@127.0.0.1:{port}"\n'
            "[ray]\ncpus = 2\ntraining_cpus = 1\n"
        )
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "AWS_"))},
            "MQN_HOME": str(tmp_path / "home"),
            "TMPDIR": str(temporary),
            "AWS_ACCESS_KEY_ID": f"{MARK}KeyId",
            "AWS_SECRET_ACCESS_KEY": f"{MARK}/secret+key",
            "AWS_SESSION_TOKEN": f"{MARK}SessionToken",
            "AWS_DEFAULT_REGION": "us-east-1",
            "MLFLOW_S3_ENDPOINT_URL": bucket,
            "PGPASSWORD": f"{MARK}FromTheEnvironment",
        }

        def mqn(*commands: tuple[str, ...]) -> tuple[list[int], str]:
            """Commands in one process, one after the other: their exit codes, and what they said on stderr."""
            words = itertools.chain.from_iterable(("--", *command, "--profile", str(profile)) for command in commands)
            command = [sys.executable, "-m", DRIVER, str(tmp_path / "log"), *words]
            done = subprocess.run(
                command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300, check=False
            )
            told.extend([done.stdout, done.stderr])
            assert done.returncode == 0, done.stderr
            return list(json.loads(done.stderr.splitlines()[-1])), done.stderr

        with Watch(temporary) as watch:
            codes, said = mqn(("search", str(tmp_path / "tiny.toml"), "--traceback"))
            assert codes == [0], said
            assert "not tracked yet" not in said
            more = [("status", "tiny"), ("front", "tiny"), ("ui",), ("track", "resend", "--json"), ("status", "--json")]
            codes, said = mqn(*more)
            assert codes == [0] * len(more), said
            stored = marked(database.folder)
        uploaded = names(bucket)
    # Everything is away now: what fails says so without its password, the traceback included.
    codes, said = mqn(("status", "tiny", "--traceback"), ("ui", "--traceback"), ("doctor", "--traceback"))
    assert codes == [1, 1, 1], said
    assert watch.rounds > 3
    assert watch.seen == set()
    assert stored == []
    assert [*marked(tmp_path / "home"), *marked(kept)] == []
    assert [text for text in told if re.search(MARK, text)] == []
    assert sum(name.endswith("score.json") for name in uploaded) == 2
