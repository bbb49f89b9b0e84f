"""What a store behind a URL does while S3 fails: every failure is one line, and no candidate is to blame."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from tests.search.artifacts.test_contract import make
from tests.support.in_process_engine import InProcessEngine
from tests.support.rigs.s3 import S3

from mqn.errors import ConfigError, FaultError, MqnError, NetworkError
from mqn.profile import StorageProfile
from mqn.search.artifacts import ArtifactStore
from mqn.search.work.jobs import Job, perform
from mqn.search.work.scheduler import Scheduler


def work(folder: Path) -> dict[str, str]:
    (folder / "file").write_text("x")
    return {}


def store_at(url: str, tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(url, StorageProfile(cache=str(tmp_path / "cache")))


@pytest.mark.integration
def test_a_store_that_fails_for_a_while_is_a_fault_and_its_job_succeeds_later(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)
    store = store_at(f"{s3.url}/{secrets.token_hex(4)}", tmp_path)
    store.identify()
    job = Job(stage="train", inputs={}, function=work)
    s3.line.answer(503)
    try:
        outcome = perform(store, job)
    finally:
        s3.line.mend()
    assert outcome.error is not None
    error = outcome.exception()
    assert isinstance(error, FaultError)
    assert str(error).startswith(f"the artifact store {store.shown} fails: ")
    assert "\n" not in str(error)
    assert perform(store, job).error is None
    assert store.get(*job.id).path("file").read_text() == "x"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("url", "variables", "words"),
    [
        ("s3://no-such-bucket/a", {}, r"s3://no-such-bucket/a .*bucket"),
        ("s3://rig/a", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, r"s3://rig/a .*127\.0\.0\.1:9"),
    ],
)
def test_a_store_that_cannot_be_used_is_a_line_before_anything_is_trained(
    url: str, variables: dict[str, str], words: str, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MqnError, match=words) as raised:
        store_at(url, tmp_path).identify()
    s3fs.S3FileSystem.clear_instance_cache()
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith("check storage.artifacts in the profile")


def test_a_scheme_without_its_library_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ConfigError, match=r"foo://a.*Protocol not known: foo.*; give a path of this machine, s3://BUCKET/NAME"
    ):
        store_at("foo://a/b", tmp_path).identify()
    with pytest.raises(ConfigError, match=r"gs://me:\*\*\*@a/b: .*install mqn-platform\[gcs\]") as raised:
        store_at("gs://me:marked-secret@a/b", tmp_path).identify()
    assert "marked" not in str(raised.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_file_system_that_is_mounted_for_reading_is_a_line(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    store.identify()
    mounts = (["--bind", str(tmp_path), str(tmp_path)], ["-o", "remount,ro,bind", str(tmp_path)])
    for words in mounts:
        subprocess.run(["mount", *words], check=True)
    try:
        for act in (store.check_writing, ArtifactStore(tmp_path / "new").identify):
            with pytest.raises(
                MqnError, match=r"Read-only file system.* mount it for writing.* check storage.art"
            ) as raised:
                act()
            assert "\n" not in str(raised.value)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.integration
def test_keys_that_may_only_read_are_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By moto's own rights, which it begins to check after so many calls: a bucket, a user, its policy, its key."""
    import boto3
    import s3fs

    monkeypatch.setenv("INITIAL_NO_AUTH_ACTION_COUNT", "4")
    reads = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*", "s3:Head*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [reads]})
    s3fs.S3FileSystem.clear_instance_cache()
    with S3() as server:
        keys = {"aws_access_key_id": "rig", "aws_secret_access_key": "rig-secret"}
        iam = boto3.client("iam", endpoint_url=server.environment["AWS_ENDPOINT_URL"], region_name="us-east-1", **keys)
        iam.create_user(UserName="reader")
        iam.put_user_policy(UserName="reader", PolicyName="reads", PolicyDocument=policy)
        key = iam.create_access_key(UserName="reader")["AccessKey"]
        monkeypatch.delenv("INITIAL_NO_AUTH_ACTION_COUNT")
        own = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        for name, value in {**server.environment, **own}.items():
            monkeypatch.setenv(name, value)
        store = store_at(f"{server.url}/a", tmp_path)
        assert store.keys() == []
        with pytest.raises(
            NetworkError, match=r"it refuses access: check keys and rights: .*; check storage.artifacts"
        ):
            store.identify()
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_part_that_arrives_damaged_is_fetched_again_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"memory://{secrets.token_hex(4)}/a"
    made = make(store_at(url, tmp_path / "here"))
    from mqn.net.bucket import Bucket

    whole, tries = Bucket.get, []

    def damaged(self: Bucket, name: str, path: Path) -> bool:
        tries.append(name)
        whole(self, name, path)
        path.write_text("another" if len(tries) < wrong else path.read_text())
        return True

    monkeypatch.setattr(Bucket, "get", damaged)
    wrong = 2
    found = store_at(url, tmp_path / "there").get("train", "k")
    assert found.path("file").read_text() == "x"
    assert len(tries) == 2
    tries, wrong = [], 9
    with pytest.raises(FaultError, match=r"file of artifact k is damaged in its store .*remove the artifact there"):
        store_at(url, tmp_path / "third").get("train", "k").path("file")
    assert made.path("file").read_text() == "x"


def test_keys_that_expire_are_a_fault_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_at(f"memory://{secrets.token_hex(4)}/a", tmp_path)

    def refuse(*_: object, **__: object) -> bytes:
        raise PermissionError("The provided token has expired.")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.cat_file", refuse)
    outcome = perform(store, Job(stage="train", inputs={}, function=work))
    assert isinstance(outcome.exception(), FaultError)
    assert str(outcome.exception()).endswith(
        "it refuses access: check keys and rights: The provided token has expired."
    )


def test_a_driver_looks_again_while_the_store_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_at(f"memory://{secrets.token_hex(4)}/a", tmp_path)
    job = Job(stage="train", inputs={}, function=work)
    assert perform(store, job).error is None
    told: list[str] = []
    slept: list[float] = []
    scheduler = Scheduler(store, InProcessEngine(), tell=told.append, sleep=slept.append)
    whole, tries = MemoryFileSystem.cat_file, []

    def fail_twice(self: MemoryFileSystem, *words: Any, **options: Any) -> bytes:
        tries.append(words)
        if len(tries) <= 2:
            raise OSError("503 Slow Down")
        return bytes(whole(self, *words, **options))

    monkeypatch.setattr(MemoryFileSystem, "cat_file", fail_twice)
    assert scheduler.request(job, trial=0).artifact is not None
    assert (len(tries), len(slept)) == (3, 2)
    assert told[0].startswith("looking an artifact up: the artifact store memory://")
