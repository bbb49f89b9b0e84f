"""Preparation with its real parts: Ray, an S3 server on loopback, kill -9, a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mqn.data.dataset import Dataset
from mqn.data.location import locate
from mqn.data.preparation import engine
from mqn.data.preparation.decoding import Decoded, decode
from mqn.data.preparation.engine import Decoder, Undecoded
from mqn.data.preparation.parts import Staging
from mqn.data.preparation.prepare import prepare
from mqn.data.storage.catalogue import CATALOGUE, INPUTS, PICTURES
from mqn.data.storage.folders import Storage, open_storage
from mqn.errors import DataError
from mqn.hdr.io.files import write, write_png

pytestmark = pytest.mark.integration

BUCKET = "s3://pictures"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve pictures, one of them broken, one with camera inputs."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(12):
        generator = np.random.default_rng(seed)
        write(folder / f"p{seed:02d}.exr", np.exp(generator.standard_normal((40, 56, 3))).astype(np.float32))
    (folder / "p05.exr").write_bytes(b"broken")
    write_png(folder / "p03__ev0.png", np.random.default_rng(0).random((40, 56, 3)))
    (folder / "manifest.csv").write_text("file,source,split,ldr\np03.exr,p03,val,p03__ev0.png\n")
    return folder


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """An S3 server with one empty bucket; its address is in the usual variables."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "loopback")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "loopback")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        import boto3

        boto3.client("s3").create_bucket(Bucket=BUCKET.removeprefix("s3://"))
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def ray(s3: str) -> Iterator[None]:
    """A running Ray whose workers know the S3 server."""
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()


def _bytes(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (CATALOGUE, PICTURES, INPUTS)}


def _upload(folder: Path, url: str) -> None:
    storage = open_storage(url)
    for path in folder.iterdir():
        storage.write(path.name, path.read_bytes())


def test_ray_comes_to_the_same_bytes(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = prepare(photos, tmp_path / "alone", workers=1)
    monkeypatch.setattr(engine, "FEW", 0)

    together = prepare(photos, tmp_path / "together", workers=2)

    assert _bytes(tmp_path / "alone") == _bytes(tmp_path / "together")
    assert alone.skipped == together.skipped
    assert [file for file, _ in together.skipped] == ["p05.exr"]


def test_from_s3_to_s3_and_back(ray: None, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _upload(photos, f"{BUCKET}/photos")
    monkeypatch.setattr(engine, "FEW", 0)
    here = prepare(photos, tmp_path / "here", workers=1)

    report = prepare(f"{BUCKET}/photos", f"{BUCKET}/ready/set", workers=2)
    monkeypatch.undo()
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))

    assert (report.hash, report.counts, report.skipped) == (here.hash, here.counts, here.skipped)
    assert sorted(open_storage(f"{BUCKET}/ready/set").files()) == sorted([CATALOGUE, INPUTS, PICTURES])
    dataset = Dataset.open(f"{BUCKET}/ready/set")
    assert (tmp_path / "home") in dataset.folder.parents
    assert dataset.damaged() == []
    assert (dataset.folder / PICTURES).read_bytes() == (tmp_path / "here" / PICTURES).read_bytes()
    assert locate(f"{BUCKET}/ready/set").folder == dataset.folder
    assert locate(f"{BUCKET}/photos").hash == here.hash


def test_an_interrupted_copy_goes_on_where_it_stopped(
    s3: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mqn.data.storage import mirror as module
    from mqn.data.storage.folders import RemoteStorage

    prepare(photos, f"{BUCKET}/copied", workers=1)
    monkeypatch.setattr(module, "PIECE_BYTES", 30_000)
    read, begun = RemoteStorage.read, []

    def drop(self: RemoteStorage, name: str, begin: int = 0, end: int | None = None) -> bytes:
        begun.append((name, begin))
        if name == PICTURES and begin == 60_000 and begun.count((name, begin)) == 1:
            raise ConnectionResetError(104, "Connection reset by peer")
        return read(self, name, begin, end)

    monkeypatch.setattr(RemoteStorage, "read", drop)
    with pytest.raises(DataError, match="Connection reset by peer; try again, what is there is kept"):
        Dataset.open(f"{BUCKET}/copied")
    dataset = Dataset.open(f"{BUCKET}/copied")

    assert [begin for name, begin in begun if name == PICTURES][:4] == [0, 30_000, 60_000, 60_000]
    assert dataset.damaged() == []


def test_a_copy_that_is_not_what_its_catalogue_says_is_refused(s3: str, photos: Path) -> None:
    prepare(photos, f"{BUCKET}/bad", workers=1)
    storage = open_storage(f"{BUCKET}/bad")
    content = bytearray(storage.read(PICTURES))
    content[-1] ^= 1
    storage.write(PICTURES, bytes(content))

    with pytest.raises(DataError, match=r"p11\.exr is not what its dataset\.json says"):
        Dataset.open(f"{BUCKET}/bad")


def test_stores_that_cannot_be_used_are_one_line(s3: str, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="no HDR picture"):
        prepare(f"{BUCKET}/nothing", f"{BUCKET}/out")
    with pytest.raises(DataError, match="no-such-bucket"):
        prepare(photos, "s3://no-such-bucket/out", workers=1)
    with pytest.raises(DataError, match="Protocol not known: nonsense; give a path"):
        prepare(photos, "nonsense://place/out")
    storage = open_storage(f"{BUCKET}/taken")
    storage.write("diary.txt", b"mine")
    with pytest.raises(DataError, match="exists and is no dataset"):
        prepare(photos, f"{BUCKET}/taken")


def test_killed_in_the_middle_it_goes_on_to_the_same_bytes(photos: Path, tmp_path: Path) -> None:
    prepare(photos, tmp_path / "alone", workers=1)
    script = (
        "import sys, time\n"
        "from mqn.data.preparation.prepare import prepare\n"
        "def slow(done, total, name):\n"
        "    if done >= 6: print('waiting', flush=True); time.sleep(60)\n"
        f"prepare({str(photos)!r}, {str(tmp_path / 'out')!r}, workers=1, progress=slow)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "out").exists()
    assert len(list((tmp_path / ".out.parts").glob("*.json"))) == 6

    told: list[tuple[int, str]] = []
    prepare(photos, tmp_path / "out", workers=1, progress=lambda done, total, name: told.append((done, name)))

    assert told[0] == (6, "")
    assert [name for _, name in told[1:-1]] == [f"p{number:02d}.exr" for number in range(6, 12)]
    assert _bytes(tmp_path / "out") == _bytes(tmp_path / "alone")
    assert not (tmp_path / ".out.parts").exists()


def test_a_picture_that_kills_its_worker_is_named(ray: None, photos: Path, tmp_path: Path) -> None:
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    jobs = [Undecoded(name=f"p{number:02d}.exr", inputs=(), key=str(number)) for number in range(12)]
    decoder = _DiesAtP07(source=str(photos), staging=str(tmp_path / "parts"), side=512)
    done: list[str] = []

    engine.run(jobs, decoder, workers=2, address="auto", done=done.append)

    records = list(Staging(open_storage(tmp_path / "parts")).records([job.key for job in jobs]))
    assert sorted(done) == [job.name for job in jobs]
    assert [number for number, record in enumerate(records) if record.reason] == [5, 7]
    assert records[7].reason.startswith("3 processes died at it")


class _DiesAtP07(Decoder):
    __slots__ = ()

    def _decode(self, source: Storage | None, job: Undecoded) -> Decoded:
        if job.name == "p07.exr":
            os.kill(os.getpid(), signal.SIGKILL)
        return decode(source, job.name, job.inputs, side=self.side)  # type: ignore[arg-type]


def test_a_full_disk_is_one_line_and_loses_nothing(photos: Path, tmp_path: Path) -> None:
    prepare(photos, tmp_path / "alone", workers=1)
    # The picture's values, 13 kB, fit; the dataset's do not.
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        "from mqn.cli import main\n"
        f"sys.argv = ['mqn', 'data', 'prepare', {str(photos)!r}, '-o', {str(tmp_path / 'out')!r}, '--workers', '1']\n"
        "main()\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert result.returncode == 1
    [line] = [line for line in result.stderr.splitlines() if line.startswith("mqn: ")]
    assert "File too large" in line
    assert "run the same command again" in line
    assert sorted(path.name for path in tmp_path.glob(".out*")) == [".out.parts"]
    told: list[int] = []
    prepare(photos, tmp_path / "out", workers=1, progress=lambda done, total, name: told.append(done))
    assert told == [12, 12]
    assert _bytes(tmp_path / "out") == _bytes(tmp_path / "alone")
