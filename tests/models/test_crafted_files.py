"""Weights and checkpoints that somebody made up: one line, no code run, no memory filled."""

from __future__ import annotations

import errno
import io
import os
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mqn.errors import DiskError, WeightsError
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import assemble
from mqn.models import checkpoint
from mqn.networks.torch_files import load_plain
from mqn.networks.weight_files import read_layers
from mqn.parsing import to_plain
from mqn.records import Training

ARCH = MQNArch(encoder_weights="random", input_size=32)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return {
        "arch": to_plain(ARCH),
        "training": to_plain(Training()),
        "channels": {},
        "state": assemble(ARCH).state_dict(),
    }


def refused(path: Path) -> str:
    with pytest.raises(WeightsError) as told:
        checkpoint.load(path)
    message = str(told.value)
    assert "\n" not in message
    assert len(message) < 700 + len(str(path))
    return message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": [1, 2]}, "state must be a table, not [1, 2]"),
        ({"state": torch.zeros(3, 100)}, "state must be a table"),
        ({"state": {"a": "b"}}, "state.a must be"),
        ({"state": {}}, "do not fit its architecture"),
        ({"arch": {"input_size": 1e9}}, "arch.input_size must be a whole number, not 1000000000.0"),
        ({"arch": {"input_size": 10**9}}, "input_size 1000000000 must be a multiple of 32, at most"),
        ({"arch": {"input_size": 10**30}}, "of at most 64 bits"),
        ({"arch": {"width": float("nan")}}, "arch.width must be a finite number"),
        ({"arch": {"head_channels": 10**9}}, "head_channels 1000000000 must be"),
        ({"arch": torch.zeros(100, 100)}, "arch must be a table"),
        ({"arch": None}, "arch must be a table, not None"),
        ({"arch": {"family": 5}}, "arch.family must be a string, not 5"),
        ({"arch": {"family": "nowhere"}}, "arch.family: no family 'nowhere'"),
        ({"arch": {"family": "os:system"}}, "os has no mqn.families.contract.Family named 'system'"),
        ({"arch": {"family": "..x:y"}}, "cannot import '..x'"),
        ({"arch": {"family": "a\0b:c"}}, "cannot import 'a"),
        ({"arch": {"deep": []}}, "unknown key 'arch.deep'"),
        ({"training": {"epochs": 10**12}}, "epochs must be at most"),
        ({"training": {"seed": -1}}, "seed -1 must be"),
        ({"channels": {"backbone.encoder": -1}}, "no block"),
        ({"channels": [1]}, "channels must be a table"),
        ({"channels": {"a": 1.5}}, "channels.a must be a whole number"),
    ],
)
def test_a_checkpoint_of_odd_values_is_one_line(
    whole: dict[str, Any], change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    torch.save({**whole, **change}, tmp_path / "c.pt")
    assert words in refused(tmp_path / "c.pt")


@pytest.mark.parametrize("value", [5, "text", [1], torch.zeros(2), None])
def test_what_is_no_table_is_one_line(value: Any, tmp_path: Path) -> None:
    torch.save(value, tmp_path / "c.pt")
    assert "holds no table" in refused(tmp_path / "c.pt")


def test_no_code_is_run(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
            return os.mkdir, (str(tmp_path / "harm"),)

    (tmp_path / "pickle.pt").write_bytes(pickle.dumps({"arch": Harm()}))
    torch.save({"arch": Harm(), "training": {}, "state": {}}, tmp_path / "torch.pt")
    torch.save({"arch": Harm()}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    for name in ("pickle.pt", "torch.pt", "old.pt"):
        assert "damaged, or nothing that a training wrote" in refused(tmp_path / name)
    np.savez(tmp_path / "w.npz", **{"000|a|0": np.array([Harm()], dtype=object)})
    with pytest.raises(WeightsError, match="cannot be read as a file of weights"):
        read_layers(tmp_path / "w.npz", [])
    assert not (tmp_path / "harm").exists()


@pytest.mark.slow
def test_a_file_that_would_fill_the_memory_is_not_unpacked(whole: dict[str, Any], tmp_path: Path) -> None:
    torch.save(whole, tmp_path / "c.pt")
    with (
        zipfile.ZipFile(tmp_path / "c.pt") as source,
        zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for info in source.infolist():
            big = "/data/" in info.filename
            out.writestr(info.filename, bytes(100_000) if big else source.read(info))
    assert "it would grow to" in refused(tmp_path / "b.pt")


@pytest.mark.slow
def test_changed_bytes_end_in_one_line_or_in_a_network(whole: dict[str, Any], tmp_path: Path) -> None:
    stream = io.BytesIO()
    torch.save({**whole, "state": {"a": torch.zeros(4)}}, stream)
    good, generator = stream.getvalue(), random.Random(3)
    for _ in range(300):
        harmed = bytearray(good)
        for _ in range(generator.randint(1, 8)):
            harmed[generator.randrange(len(harmed))] = generator.randrange(256)
        cut = generator.choice([None, None, generator.randrange(len(harmed))])
        (tmp_path / "c.pt").write_bytes(harmed[:cut])
        refused(tmp_path / "c.pt")


def test_a_missing_file_is_told_apart_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_plain(tmp_path / "none.pt")
    (tmp_path / "empty.pt").touch()
    with pytest.raises(ValueError, match=r"\w"):
        load_plain(tmp_path / "empty.pt")


@pytest.mark.parametrize("name", ["w.npz", "w.h5", "w.weights.h5"])
def test_weights_of_odd_bytes_are_one_line(name: str, tmp_path: Path) -> None:
    generator = random.Random(5)
    for content in (b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n" + bytes(200), generator.randbytes(500)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match=r"cannot be read as a file of weights: .") as told:
            read_layers(tmp_path / name, ["conv2d"])
        assert "\n" not in str(told.value)


def test_an_array_that_claims_more_than_there_is_is_refused(tmp_path: Path) -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 10**6)})
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("000|a|0.npy", head.getvalue())
    with pytest.raises(WeightsError, match="cannot be read as a file of weights"):
        read_layers(tmp_path / "w.npz", [])


@pytest.mark.parametrize("name", ["w.npz", "w.pt"])
def test_a_disk_that_fails_is_no_damaged_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / name).write_bytes(b"x")
    monkeypatch.setattr(zipfile, "ZipFile", fail)
    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(DiskError, match="the disk or its connection fails"):
        load_plain(tmp_path / name) if name == "w.pt" else read_layers(tmp_path / name, [])


def test_a_full_disk_is_named_and_the_former_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint.write(tmp_path / "c.pt", {"a": 1})
    real = Path.open

    def full(path: Path, mode: str = "r", *rest: Any) -> Any:
        return real(Path("/dev/full") if mode == "wb" else path, mode, *rest)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(DiskError, match=r"cannot write .*c\.pt: No space left on device"):
        checkpoint.write(tmp_path / "c.pt", {"a": torch.zeros(100_000)})
    monkeypatch.undo()
    assert checkpoint.read(tmp_path / "c.pt") == {"a": 1}
