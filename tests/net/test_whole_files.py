"""Objects behind `local://` appear whole, and one of many creators wins."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mqn.net.bucket import Bucket


def refuse(*paths: object) -> None:
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("links", [True, False])
def test_one_of_many_creators_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:
        monkeypatch.setattr(os, "link", refuse)
    bucket = Bucket(f"local://{tmp_path}/bucket", what="artifacts")
    with ThreadPoolExecutor(8) as pool:
        for round_ in range(25):
            contents = [b"%d" % index * 1000 for index in range(8)]
            made = list(pool.map(lambda content, name=f"a/{round_}": bucket.create(name, content), contents))
            assert made.count(True) == 1
            assert bucket.read(f"a/{round_}") == contents[made.index(True)]
    assert len(bucket.list("a")) == 25


def test_a_write_that_fails_leaves_the_former_object_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket(f"local://{tmp_path}/bucket", what="artifacts")
    bucket.write("a/file", b"former")
    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(Exception, match="refuses access"):
        bucket.write("a/file", b"new")
    assert bucket.read("a/file") == b"former"
    assert list(bucket.list()) == ["a/file"]


def test_a_file_is_copied_over_an_older_one(tmp_path: Path) -> None:
    bucket = Bucket(f"local://{tmp_path}/bucket", what="artifacts")
    source = tmp_path / "source"
    for content in (b"one", b"two"):
        source.write_bytes(content)
        bucket.put(source, "a/file")
        assert bucket.read("a/file") == content
    assert list(bucket.list()) == ["a/file"]
