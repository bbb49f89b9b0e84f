from __future__ import annotations

import secrets
import sys
from pathlib import Path

import fsspec
import pytest

from mqn.errors import ConfigError, WeightsError
from mqn.home import home
from mqn.networks.fetched import _fetched, local_file


@pytest.fixture
def url() -> str:
    return f"memory://{secrets.token_hex(4)}/weights/a.npz"


def put(url: str, content: bytes) -> None:
    with fsspec.open(url, "wb") as stream:
        stream.write(content)
    _fetched.cache_clear()


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    assert local_file(str(tmp_path / "none.npz")) == tmp_path / "none.npz"
    assert local_file("~/a.npz") == Path.home() / "a.npz"


def test_a_file_behind_a_url_is_fetched_once_and_again_when_it_is_another(url: str) -> None:
    put(url, b"first")
    path = local_file(url)
    assert (path.name, path.read_bytes()) == ("a.npz", b"first")
    assert home() / "cache" in path.parents
    assert local_file(url) == path
    put(url, b"another")
    assert local_file(url).read_bytes() == b"another"
    assert path.read_bytes() == b"first"


def test_a_url_without_a_file_is_a_line_without_secrets() -> None:
    with pytest.raises(
        WeightsError, match=r"^there is no file memory://me:\*\*\*@x/none.npz; check its address"
    ) as raised:
        local_file("memory://me:marked@x/none.npz")
    assert "marked" not in str(raised.value)


def test_a_url_that_nothing_here_reads_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(ConfigError, match=r"^the storage at gs://b/run: .*; install mqn-platform\[gcs\] on every"):
        local_file("gs://b/run/checkpoint.pt")
