"""`mqn dashboard` for real: served by the command, and looked at, clicked and dragged by Chromium."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.report.conftest import write_sigmoid
from tests.support.records import make_measurement, make_scores
from tests.support.rigs.browser import Browser
from tests.support.rigs.dashboard import Dashboard
from tests.support.watched_study import HOSTILE, WatchedStudy

from mqn.data.location import locate
from mqn.parsing import write_json
from mqn.records import Training
from mqn.report.bundle.bundle import load_bundle
from mqn.search.artifacts import ArtifactStore
from mqn.search.stages.score import score_files

pytestmark = pytest.mark.integration

TOKEN = "a token that nobody guesses"


@pytest.fixture
def page(browser: Browser, served: str) -> Browser:
    browser.go(served)
    browser.wait("return document.querySelectorAll('.main-svg').length > 2")
    browser.log()
    return browser


def complete(page: Browser) -> int:
    return int(page.text(".tile b"))


POINTS = "return document.querySelector('.js-plotly-plot').data.reduce((n, t) => n + (t.customdata || []).length, 0)"
MARKS = """
const graph = document.querySelector('.js-plotly-plot'), box = graph.getBoundingClientRect(), size = graph._fullLayout;
const traces = graph.data.filter(t => t.customdata && t.mode == 'markers');
const marks = traces.flatMap(t => t.customdata.map((number, i) => ({
    number, best: !/^(beaten|breaks|gated|waits)/.test(t.name),
    x: box.left + size._size.l + size.xaxis.l2p(t.x[i]), y: box.top + size._size.t + size.yaxis.l2p(t.y[i])})));
const room = m => Math.min(...marks.filter(o => o !== m).map(o => Math.hypot(o.x - m.x, o.y - m.y)));
const best = marks.filter(m => m.best).sort((a, b) => room(b) - room(a))[0];
return [best.number, best.x, best.y];
"""
"""The mark of the front with the most room around it: its trial's number, and where it lies in the window."""


def test_new_trials_show_without_reloading(page: Browser, grown: WatchedStudy) -> None:
    page.run("window.mark = 'still here'")
    before = complete(page)
    points = (
        "return document.querySelector('.js-plotly-plot').data.reduce((n, t) => n + (t.customdata || []).length, 0)"
    )
    drawn = page.run(points)
    grown.add()
    page.wait("return document.querySelector('.tile b').innerText == arguments[0]", str(before + 1))
    page.wait(f"{POINTS} > arguments[0]", drawn)
    assert page.run("return window.mark") == "still here"
    assert [line for line in page.log() if "SEVERE" in line or "Content Security" in line] == []


def test_a_click_on_a_mark_shows_its_trial(page: Browser, grown: WatchedStudy) -> None:
    number, x, y = page.run(MARKS)
    page.drag([(x, y)])
    text = page.wait_text("aside", f"#{number} ")
    assert "on the front" in text
    assert f"mqn logs grown {number}" in text
    assert f"{number:08x}" in text  # Its artifacts' keys.
    page.click("#close")
    page.wait("return getComputedStyle(document.querySelector('aside')).display == 'none'")
    page.drag([(x, y)])
    page.wait_text("aside", f"#{number} ")


def test_what_runs_now_is_what_the_driver_says(page: Browser, grown: WatchedStudy) -> None:
    page.click_tab("Running")
    text = page.wait_text("main", "What runs now")
    for words in ("train, epoch 3 of 8", "2 CPU, of which 0 of 8 are free", "46 C, above 45 C", "32 GiB"):
        assert words in text
    grown.say(active=17)
    page.wait_text("main", "17 on their way")


def test_failures_stand_by_cause(page: Browser) -> None:
    page.click_tab("Failures")
    text = page.wait_text("main", "the loss is not finite")
    assert "1 of" in text
    assert "mqn logs grown 80" in text


def test_a_brush_keeps_the_trials_that_pass_through_until_it_is_lifted(page: Browser) -> None:
    page.click_tab("Trials")
    page.wait_text("main", "drag over an axis")
    page.wait("return document.querySelector('.js-plotly-plot .nsewdrag') !== null")
    page.run("document.querySelector('.js-plotly-plot').scrollIntoView({block: 'center'})")
    time.sleep(0.5)
    x, top, bottom = page.run(
        "const graph = document.querySelector('.js-plotly-plot'), box = graph.getBoundingClientRect();"
        "const size = graph._fullLayout, at = v => box.top + size._size.t + size.yaxis.l2p(v);"
        "return [box.left + size._size.l + size.xaxis.l2p(1), at(0.6), at(0.2)]"
    )
    page.drag([(x - 12, top), (x, (top + bottom) / 2), (x + 12, bottom)])
    text = page.wait_text("main", "trials pass through the brushes")
    kept, of = (int(word) for word in text.split(" trials pass")[0].rsplit("\n", 1)[1].split(" of "))
    assert 0 < kept < of
    page.double_click(x + 60, top)
    page.wait("return !document.querySelector('main').innerText.includes('trials pass through')")


def choose_study(page: Browser, name: str) -> None:
    page.click("#study")
    page.wait("return document.querySelectorAll('.dash-dropdown-option').length > 1")
    place = page.run(
        "return [...document.querySelectorAll('.dash-dropdown-option')]"
        ".findIndex(e => e.innerText.trim() == arguments[0])",
        name,
    )
    page.run("document.querySelectorAll('.dash-dropdown-option')[arguments[0]].click()", place)


def test_ten_thousand_trials_are_scrolled_sorted_filtered_and_clicked(page: Browser) -> None:
    choose_study(page, "many")
    page.wait("return document.querySelector('.tile b').innerText == '10000'", seconds=60)
    page.click_tab("Trials")
    page.wait("return document.querySelectorAll('.ag-center-cols-container .ag-row').length > 5")
    assert page.count(".ag-center-cols-container .ag-row") < 200
    page.wait_text("main", "10,000 trials")
    page.run("document.querySelector('.ag-body-viewport').scrollTop = 1e9")
    page.wait(
        "return [...document.querySelectorAll('.ag-pinned-left-cols-container .ag-cell')]"
        ".some(e => e.innerText == '9999')"
    )
    page.type(".ag-pinned-left-header .ag-floating-filter input", "4321")
    page.wait_text("main", "1 of 10,000 trials")
    page.wait("return document.querySelectorAll('.ag-pinned-left-cols-container .ag-row').length == 1")
    page.click(".ag-center-cols-container .ag-row .ag-cell")
    page.wait_text("aside", "mqn logs many 4321")


@pytest.fixture(scope="module")
def small(home: Path, grown: WatchedStudy) -> WatchedStudy:
    """A study whose one trial has a model: a file of one operator, scored on the embedded scenes."""
    watched = WatchedStudy("small", grown.store.url)
    store = ArtifactStore(home / "artifacts")
    codec = Training().codec
    for step in ("quantize", "score", "measure"):
        with store.open(step, f"small-{step}") as slot:
            if step == "quantize":
                model = write_sigmoid(slot.folder / "model.tflite", "ldr", "hdr", 32)
                scores, _, _ = score_files([model], codec, 32, locate(None), watched.space.scoring)
            elif step == "score":
                write_json(slot.folder / "scores.json", make_scores())
            else:
                write_json(slot.folder / "measurement.json", make_measurement())
            details = {"codec": codec, "input_size": 32} if step == "quantize" else {}
            slot.publish(inputs={}, versions={"mqn": "0.1.0"}, seconds=1.0, details=details)
    trial = watched.begin()
    candidate = watched.space.candidate(trial.params).with_values({"arch.input_size": 32})
    figures = {name: found.mean for name, found in scores.scores.items()}
    artifacts = {"quantize": "small-quantize", "score": "small-score", "measure/board": "small-measure"}
    watched.end(trial, candidate=candidate, figures={**figures, "latency_ms": 5.0}, artifacts=artifacts)
    return watched


def test_a_model_is_chosen_and_its_bundle_made(browser: Browser, home: Path, small: WatchedStudy) -> None:
    with Dashboard(home, "small") as dashboard:
        browser.go(dashboard.address)
        browser.click_tab("Select")
        browser.wait_text("#chosen", "mqn select small")
        browser.wait_text("#beside", "PSNR-TM")
        browser.click("#make")
        text = browser.wait_text("#making", "written to", seconds=120)
    folder = home / "bundles" / "small-0"
    assert str(folder) in text
    assert load_bundle(folder).manifest.inputs["trial"] == 0


def test_without_the_token_a_browser_sees_a_login_and_with_it_the_page(
    browser: Browser, home: Path, grown: WatchedStudy
) -> None:
    with Dashboard(home, "grown", token=TOKEN) as dashboard:
        for path in ("", "_dash-layout", "_dash-component-suites/dash/deps/react@18.3.1.min.js", "_favicon.ico"):
            assert httpx.get(dashboard.address + path).status_code == 401
        assert httpx.get(dashboard.address + "health").json() == {"status": "ok"}
        browser.go(dashboard.address)
        assert "Give the token" in browser.text()
        browser.type("input", "wrong\n")
        browser.wait_text("body", "This is not the token.")
        browser.type("input", f"{TOKEN}\n")
        browser.wait("return document.querySelectorAll('.main-svg').length > 2")
        assert TOKEN not in browser.run("return document.cookie + location.href")


def test_texts_of_records_and_drivers_are_shown_as_they_stand(
    browser: Browser, home: Path, grown: WatchedStudy
) -> None:
    watched = WatchedStudy("hostile", grown.store.url, constraint=24.0)
    for number in range(6):
        watched.add(label=f"{HOSTILE} {number}", target=HOSTILE, verdicts={HOSTILE: "ok"}, artifacts={"train": HOSTILE})
    watched.add(label=HOSTILE, state="failed", error=f"train: {HOSTILE}", figures={}, verdicts={})
    watched.add(label=HOSTILE, state="held", waits=HOSTILE, verdicts={HOSTILE: "unsteady"})
    jobs = tuple(type(job)(trial=job.trial, stage=HOSTILE, key="k", doing=HOSTILE) for job in _jobs())
    watched.say(jobs=jobs, failures=(HOSTILE,), there={HOSTILE: 1.0}, steps={"1": {HOSTILE: "k"}})
    with Dashboard(home, "hostile", "grown") as dashboard:
        browser.go(dashboard.address)
        browser.wait("return document.querySelectorAll('.main-svg').length > 2")
        browser.log()
        seen = ""
        for name in ("Running", "Trials", "Select", "Training", "Failures", "Studies", "Front"):
            browser.click_tab(name)
            browser.wait("return document.querySelector('.tab.on').innerText == arguments[0]", name)
            time.sleep(1.5)
            seen += browser.text()
        number, x, y = browser.run(MARKS)
        browser.drag([(x - 3, y), (x, y)])
        browser.drag([(x, y)])
        assert HOSTILE in browser.wait_text("aside", f"#{number} ")
        assert HOSTILE in seen
        assert browser.run("return document.title") == "mqn dashboard"
        assert browser.run("return [...document.images].filter(e => e.getAttribute('src') == 'x').length") == 0
        assert [line for line in browser.log() if "SEVERE" in line or "Content Security" in line] == []


def _jobs() -> Iterator[Any]:
    from tests.support.watched_study import SAID

    return iter(SAID["jobs"])


def test_a_zoom_outlives_new_trials(page: Browser, grown: WatchedStudy) -> None:
    ranges = "return document.querySelector('.js-plotly-plot')._fullLayout.xaxis.range"
    whole = page.run(ranges)
    left, top, width, height = page.run(
        "const box = document.querySelector('.nsewdrag').getBoundingClientRect();"
        "return [box.left, box.top, box.width, box.height]"
    )
    steps = [(left + part * width, top + part * height) for part in (0.2, 0.3, 0.5, 0.7)]
    page.drag(steps)
    zoomed = page.wait(
        f"const now = {ranges[7:]}; return now[1] - now[0] < arguments[0] && now", 0.8 * (whole[1] - whole[0])
    )
    before = complete(page)
    drawn = page.run(POINTS)
    grown.add()
    page.wait("return document.querySelector('.tile b').innerText == arguments[0]", str(before + 1))
    page.wait(f"{POINTS} > arguments[0]", drawn)
    assert page.run(ranges) == zoomed


def test_pictures(page: Browser, tmp_path: Path) -> None:
    """Every tab can be looked at, and none of them asks another machine for anything."""
    for name, place in zip(("Running", "Trials", "Select", "Training", "Failures", "Studies"), itertools.count()):
        page.click_tab(name)
        time.sleep(1)
        page.screenshot(tmp_path / f"{place}.png")
    hosts = page.run("return performance.getEntriesByType('resource').map(e => new URL(e.name).hostname)")
    assert set(hosts) == {"127.0.0.1"}
