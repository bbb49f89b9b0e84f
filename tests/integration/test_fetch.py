"""A fetching process killed with -9 again and again."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.data.public.site import Site

pytestmark = pytest.mark.integration

CATALOGUE = """
[thing]
title = "Thing"
page = "https://example.org/"
licence = "CC0"
checked = "invented for a test"
access = "archive"
pictures = 3
files = [{{ url = "{url}/set.zip", name = "set.zip" }}]
layout = {{ hdr = '(?:.*/)?(?P<scene>[^/]+)\\.hdr', source = "{{scene}}" }}
"""


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


def test_killed_fetch_goes_on(site: Site, tmp_path: Path) -> None:
    pictures = {f"set/{name}.hdr": os.urandom(100_000) for name in "abc"}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, data in pictures.items():
            packed.writestr(name, data)
    page = site.put("/set.zip", stream.getvalue(), pause_s=0.02)
    (tmp_path / "own.toml").write_text(CATALOGUE.format(url=site.url))
    folder = tmp_path / "out"
    part = folder / ".fetch" / "set.zip.part"
    command = [sys.executable, "-m", "mqn", "data", "fetch", "thing", "--output", str(folder), "--json"]
    environment = {**os.environ, "MQN_CATALOGUE": str(tmp_path / "own.toml"), "MQN_HOME": str(tmp_path / "home")}

    for kill in range(1, 3):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (part.is_file() and part.stat().st_size > kill * 60_000):
            assert process.poll() is None, "ended before it could be killed"
            assert time.monotonic() < deadline, "nothing arrived"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()

    page.pause_s = 0.0
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pictures"] == 3
    assert {
        path.relative_to(folder / "set").as_posix(): path.read_bytes() for path in folder.rglob("*.hdr")
    } == pictures
    assert site.statuses("/set.zip") == [200, 206, 206]
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in site.ranges("/set.zip")[1:]]
    assert starts[0] > 60_000
    assert starts[1] > 120_000
