"""Scoring as a process: killed in the middle, and run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mqn.data.preparation.prepare import prepare
from mqn.hdr.io.files import write
from mqn.scoring.judging.ledger import LEDGER

pytestmark = pytest.mark.integration

PICTURES = 24
METHODS = ("do-nothing", "oracle")
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rows = ["file,source,split"]
    for seed in range(PICTURES + 1):
        light = np.exp(np.random.default_rng(seed).standard_normal((32, 32, 3))).astype(np.float32)
        write(folder / f"p{seed:02}.exr", light)
        rows.append(f"p{seed:02}.exr,s{seed},{'val' if seed < PICTURES else 'train'}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    output = tmp_path_factory.mktemp("prepared") / "set"
    prepare(folder, output, workers=1)
    return output


def command(data: Path, output: Path, *words: str) -> list[str]:
    metrics = "psnr_tm,ssim_tm_mantiuk,pu21_psnr_crf,pu21_ssim_gain"
    fixed = ["--data", str(data), "--size", "32", "--metrics", metrics, "--output", str(output), "--workers", "2"]
    return [sys.executable, "-m", "mqn", "score", *METHODS, *fixed, *words]


def lines(output: Path) -> list[dict[str, Any]]:
    path = output / LEDGER
    whole = path.read_text().split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in whole]


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def children(pid: int) -> set[int]:
    import psutil

    return {child.pid for child in psutil.Process(pid).children(recursive=True)}


def test_a_kill_costs_what_was_in_hand_and_leaves_no_process(data: Path, tmp_path: Path) -> None:
    import psutil

    environment = {**os.environ, "MQN_HOME": str(tmp_path / "home")}
    output = tmp_path / "out"
    process = subprocess.Popen(command(data, output), env=environment, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(lines(output)) >= 5)
    workers = children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = lines(output)
    assert 5 <= len(before) < PICTURES * len(METHODS)
    assert workers
    wait_for(lambda: not any(psutil.pid_exists(pid) and _alive(pid) for pid in workers))
    with (output / LEDGER).open("a") as stream:
        stream.write('{"fingerprint": "half a li')

    done = subprocess.run(command(data, output, "--json"), env=environment, capture_output=True, text=True, check=True)

    document = json.loads(done.stdout)
    assert document["judged"] == PICTURES * len(METHODS) - len(before)
    after = [json.loads(line) for line in (output / LEDGER).read_text().splitlines() if line.endswith("}")]
    assert after[: len(before)] == before
    keys = [(line["fingerprint"], line["picture_hash"]) for line in after]
    assert len(keys) == len(set(keys)) == PICTURES * len(METHODS)
    assert {name: e["pictures"] for name, e in document["methods"].items()} == dict.fromkeys(METHODS, PICTURES)

    straight = tmp_path / "straight"
    alone = {**environment, "MQN_HOME": str(tmp_path / "other")}
    subprocess.run(command(data, straight), env=alone, capture_output=True, check=True)
    assert (straight / "pictures.csv").read_bytes() == (output / "pictures.csv").read_bytes()


def _alive(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
