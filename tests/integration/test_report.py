"""A study's page in a real browser, without a network."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from PIL import Image
from tests.support.records import make_trial

from mqn.records import Candidate
from mqn.report.pages.dashboard import load_dashboard
from mqn.report.pages.page import render
from mqn.report.pages.view import look
from mqn.search.space.goals import Objective

pytestmark = pytest.mark.integration

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OFFLINE = ("--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND")


@pytest.fixture
def page(tmp_path):
    records = [
        make_trial(
            n,
            candidate=Candidate().with_values({"arch.attention": kind}),
            figures={"psnr_tm": 20.0 + n, "psnr_tm_drop": 0.1, "latency_ms": 5.0 + n, "latency_ms.p90": 6.0 + n},
            verdicts={"board": "ok"},
        )
        for n, kind in enumerate(("none", "sa", "ca"))
    ]
    view = look(records, (Objective(metric="psnr_tm"), Objective(metric="latency_ms")))
    path = tmp_path / "page.html"
    path.write_text(render(view, load_dashboard()), encoding="utf-8")
    return path


def browse(page, tmp_path, *arguments):
    if CHROMIUM is None:
        pytest.skip("needs chromium to draw the page, which is not installed")
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        *OFFLINE,
        f"--user-data-dir={tmp_path / 'user'}",
    ]
    command += ["--window-size=1400,1600", "--virtual-time-budget=8000", *arguments, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def test_the_browser_draws_every_panel_without_a_network(page, tmp_path):
    dom = browse(page, tmp_path, "--dump-dom")
    assert dom.count('class="main-svg"') >= 4
    assert dom.count('<tr class="best">') == 3
    assert "https://cloud.plotly.com/newchart" not in dom.split("</script>", 1)[1]


def test_the_page_is_drawn_within_its_policy(page, tmp_path):
    """Chromium tells what a policy keeps from running as an error of the console."""
    log = tmp_path / "user" / "chrome_debug.log"
    browse(page, tmp_path, "--enable-logging", "--v=0", "--dump-dom")
    assert "Content Security Policy" not in log.read_text(errors="replace")
    hostile = tmp_path / "hostile.html"
    hostile.write_text(page.read_text().replace("</h1>", "</h1><script>document.title='owned'</script>", 1))
    dom = browse(hostile, tmp_path, "--enable-logging", "--v=0", "--dump-dom")
    assert "Content Security Policy" in log.read_text(errors="replace")
    assert "<title>owned</title>" not in dom
    assert dom.count('class="main-svg"') >= 4


def test_the_front_is_seen(page, tmp_path):
    target = tmp_path / "page.png"
    browse(page, tmp_path, f"--screenshot={target}")
    with Image.open(target) as picture:
        colors = {color: count for count, color in picture.convert("RGB").getcolors(maxcolors=1 << 22)}
    # The front's own colour, as markers, staircase and bars.
    assert colors[(11, 110, 153)] > 1000
