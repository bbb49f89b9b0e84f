"""A board installs the extra `agent` alone: at most 170 MiB beyond Python, and at most 60 MB resident while idle.

Installs into a fresh virtual environment, bytecode included, as a board would. Disk is counted as `du -m` does, in MiB:
the runtime and NumPy are 131 of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

LIMIT_DISK_MIB = 170
LIMIT_RESIDENT_MB = 60
FORBIDDEN = ("torch", "tensorflow", "ray", "optuna", "mlflow", "pydantic", "cryptography")
ROOT = Path(__file__).parents[2]


def run() -> dict[str, Any]:
    """Install, weigh, start, weigh again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / "bin" / "python"
        before = _disk_mib(folder / "venv")
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", f"{ROOT}[agent]"],
            check=True,
            stdout=sys.stderr,
        )
        disk = _disk_mib(folder / "venv") - before
        listed = subprocess.run([python, "-m", "pip", "list", "--format=json"], check=True, capture_output=True)
        packages = {package["name"].lower() for package in json.loads(listed.stdout)}
        found = sorted(packages & set(FORBIDDEN))
        if found:
            raise AssertionError(f"a board would install {', '.join(found)}")
        resident = _resident_mb(python, folder)
    return {
        "name": "the agent's disk (MiB of 170) and resident memory while idle (MB of 60), the larger share",
        "ratio": max(disk / LIMIT_DISK_MIB, resident / LIMIT_RESIDENT_MB),
        "limit": 1.0,
        "detail": {"disk_mib": disk, "resident_mb": resident},
    }


def _disk_mib(folder: Path) -> float:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*")) / 2**20


def _resident_mb(python: Path, folder: Path) -> float:
    ready = folder / "ready.json"
    process = subprocess.Popen(
        [python, "-m", "mqn.device.agent", "--until-stdin-closes", "--ready-file", ready, "--folder", folder / "agent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "MQN_HOME": str(folder / "home")},
    )
    assert process.stdin is not None
    try:
        end = time.monotonic() + 60
        while not ready.is_file():
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError("the agent did not start")
            time.sleep(0.05)
        time.sleep(2)
        status = Path(f"/proc/{process.pid}/status").read_text()
        row = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(row.split()[1]) * 1024 / 1e6
    finally:
        process.stdin.close()
        process.wait(10)


if __name__ == "__main__":
    print(run())
