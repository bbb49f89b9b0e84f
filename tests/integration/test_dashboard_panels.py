"""The dashboard's panels on one trial, on devices and on a whole study, in Chromium: drawn, clicked, swiped, zoomed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.rigs.agent import Agent
from tests.support.rigs.browser import Browser
from tests.support.rigs.line import Line
from tests.support.told_study import EXPORTED_VALUE, FLOAT_VALUE
from tests.support.watched_study import WatchedStudy

pytestmark = pytest.mark.integration


@pytest.fixture
def page(browser: Browser, served: str) -> Iterator[Browser]:
    """The page on the study `told`; nothing may break the policy or fail meanwhile."""
    browser.go(served)
    browser.wait("return document.querySelectorAll('.main-svg').length > 2")
    browser.log()
    browser.click_tab("Failures")  # No chart is on its way there when the study changes.
    browser.wait_text("main", "by cause")
    choose_study(browser, "told")
    browser.wait("return document.querySelector('.tiles')?.innerText.includes('stopped')")
    yield browser
    assert [line for line in browser.log() if "SEVERE" in line or "Content Security" in line] == []


def choose_study(page: Browser, name: str) -> None:
    page.click("#study")
    page.wait("return document.querySelectorAll('.dash-dropdown-option').length > 1")
    page.run(
        "[...document.querySelectorAll('.dash-dropdown-option')].find(e => e.innerText.trim() == arguments[0]).click()",
        name,
    )


def press(page: Browser, css: str, words: str) -> None:
    """Click the first element of a kind that says so, with a real pointer."""
    marked = (
        "document.querySelectorAll('[data-press]').forEach(e => e.removeAttribute('data-press'));"
        "const found = [...document.querySelectorAll(arguments[0])].find(e => e.textContent.trim() == arguments[1]);"
        "if (!found) return false; "
        "found.setAttribute('data-press', ''); found.scrollIntoView({block: 'center'}); return true"
    )
    page.wait(marked, css, words)
    page.click("[data-press]")


def open_trial(page: Browser) -> int:
    """Unfold the first training, and click its first trial's number; returns that."""
    page.click_tab("Training")
    page.wait("return document.querySelectorAll('.fold').length > 2")
    page.click(".fold")
    number = int(page.wait("return document.querySelector('.training .link')?.innerText").removeprefix("#"))
    page.click(".training .link")
    page.wait_text("aside", f"#{number} ")
    return number


PIXEL = """
const image = document.querySelector(arguments[0]);
if (!image || !image.complete || !image.naturalWidth) return null;
const canvas = document.createElement('canvas');
canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
const brush = canvas.getContext('2d');
brush.drawImage(image, 0, 0);
return brush.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[0];
"""
"""What the middle of a picture shows."""


def test_pictures_are_swiped_over_each_other(page: Browser) -> None:
    open_trial(page)
    press(page, ".subtabs label", "Pictures")
    page.wait_text("aside", "exported file")
    assert page.wait(PIXEL, "#under") == FLOAT_VALUE
    assert page.wait(PIXEL, "#over") == EXPORTED_VALUE
    assert page.count(".cells img") == 4
    clip = "return document.querySelector('#over').style.clipPath"
    assert page.run(clip) == "inset(0px 0px 0px 50%)"
    left, top, width = page.run(
        "const thumb = document.querySelector('aside .dash-slider-thumb');"
        "thumb.scrollIntoView({block: 'center'});"
        "const box = thumb.getBoundingClientRect();"
        "return [box.left + box.width / 2, box.top + box.height / 2, document.querySelector('.swipe').clientWidth]"
    )
    page.drag([(left, top), (left - width / 8, top), (left - width / 4, top)])
    page.wait(f"{clip} != 'inset(0px 0px 0px 50%)'")
    place = float(page.run(clip).rsplit(" ", 1)[1].rstrip("%)"))
    assert 10 < place < 45
    divider = page.run("return document.querySelector('#divider').style.left")
    assert divider == f"{place:g}%"
    before = page.run("return document.querySelector('#under').src")
    press(page, "#scene label", "lamp")
    page.wait("return document.querySelector('#under').src != arguments[0]", before)
    assert page.run(clip) == f"inset(0px 0px 0px {place:g}%)"  # The line stays where it is.
    assert "lamp" in page.text("aside")


def test_latency_is_shown_by_process_with_what_the_delegate_took(page: Browser) -> None:
    open_trial(page)
    press(page, ".subtabs label", "Latency")
    page.wait("return document.querySelector('aside .js-plotly-plot')?.data?.length == 2")
    counts = "return document.querySelector('aside .js-plotly-plot').data.map(t => [...t.y].reduce((a, b) => a + b))"
    assert page.run(counts) == [60, 40]
    text = page.text("aside")
    for words in ("On board: Board 1, SoC 2", "verdict ok", "2 of 3 (66 %)", "1 CUSTOM", "in 2 processes"):
        assert words in text
    press(page, ".subtabs label", "Figures")
    page.wait_text("aside", "Figures of its file")


STOPPED = (
    "const one = [...document.querySelectorAll('.training')].find(e => e.innerText.includes('stopped at a rung'));"
)


def test_trainings_unfold_to_their_plans_and_say_what_rungs_decided(page: Browser, told: WatchedStudy) -> None:
    page.click_tab("Training")
    page.wait_text("main", "12 trainings for 46 trials")
    page.wait(f"{STOPPED} if (!one) return false; one.firstChild.setAttribute('data-press', ''); return true")
    assert page.count(".training .link") == 0
    page.click("[data-press]")
    text = page.wait(f"{STOPPED} return one?.innerText.includes('After 1') && one.innerText")
    assert "1 of 9 epochs" in text
    assert "After 1 of 9 epochs, with 18.60 dB in validation, place 11 of 11 there: it was stopped there." in text
    told.begin()
    page.wait_text("main", "for 47 trials")
    page.wait(f"{STOPPED} return one?.querySelector('table') !== null")  # New trials fold nothing.


def test_a_stopped_curve_says_why(page: Browser) -> None:
    page.click_tab("Training")
    page.wait("return document.querySelector('main .js-plotly-plot')?.data?.some(t => t.name == 'stopped at a rung')")
    time.sleep(0.5)
    x, y = page.run(
        "const graph = document.querySelector('main .js-plotly-plot'), size = graph._fullLayout;"
        "graph.scrollIntoView({block: 'center'});"
        "const box = graph.getBoundingClientRect(), trace = graph.data.find(t => t.name == 'stopped at a rung');"
        "return [box.left + size._size.l + size.xaxis.l2p(trace.x[0]),"
        " box.top + size._size.t + size.yaxis.l2p(trace.y[0])]"
    )
    page.drag([(x - 3, y), (x, y)])
    hover = "return document.querySelector('.hoverlayer')?.textContent.includes(arguments[0])"
    page.wait(hover, "stopped at rung 1, after 1 of 9 epochs: others that reached this rung were better")


def test_the_timeline_shows_jobs_by_worker_and_device_and_a_click_their_trial(page: Browser) -> None:
    page.click_tab("Running")
    page.wait("return document.querySelector('main .js-plotly-plot')?.data?.some(t => t.name == 'train')")
    names = page.run(
        "return [...document.querySelectorAll('main .ytick text')].map(e => e.textContent.replace(/\\u200b/g, ''))"
    )
    assert {"lab1", "lab2", "device board", "no training"} <= {name.strip() for name in names} | {
        name.strip().rsplit(" ", 1)[0] for name in names
    }
    title = page.run("return document.querySelector('main .js-plotly-plot .xtitle').textContent")
    assert title.startswith("time since the first job began (")
    x, y, number = page.run(
        "const graph = document.querySelector('main .js-plotly-plot'), size = graph._fullLayout;"
        "graph.scrollIntoView({block: 'center'});"
        "const box = graph.getBoundingClientRect(), trace = graph.data.find(t => t.name == 'train');"
        "const middle = trace.base[0] + trace.x[0] / 2;"
        "return [box.left + size._size.l + size.xaxis.l2p(middle),"
        " box.top + size._size.t + size.yaxis.l2p(size.yaxis.d2c(trace.y[0])), trace.customdata[0]]"
    )
    page.drag([(x - 2, y), (x, y)])
    page.drag([(x, y)])
    page.wait_text("aside", f"#{number} ")


def test_importances_are_shown_an_objective_a_colour(page: Browser) -> None:
    page.click_tab("Trials")
    bars = "[...document.querySelectorAll('main .js-plotly-plot')].find(g => g.data?.[0]?.name == 'PSNR-TM (dB)')"
    found = page.wait(f"const graph = {bars}; return graph && graph.data.map(t => [t.name, [...t.y][t.y.length - 1]])")
    assert [name for name, _ in found] == ["PSNR-TM (dB)", "Latency p50 (ms)"]
    assert {field for _, field in found} <= {"arch.width", "arch.attention", "plan.backbone"}
    assert "From 3" in page.text("main")  # Thirty-odd complete trials.


def test_devices_are_away_slow_or_warm_and_the_page_waits_for_none(
    page: Browser, device_line: Line, home: Path, tmp_path: Path
) -> None:
    page.click_tab("Running")
    page.wait_text("main", "its agent is away")
    with Agent(tmp_path / "agent") as agent:
        (home / "token").write_text(agent.token)
        device_line.lead_to(agent.line.port)
        text = page.wait_text("main", "free", seconds=60)
        assert "its agent is away" not in text
        assert "load " in text
        device_line.stall()
        page.wait_text("main", "its agent has not answered for", seconds=60)
        page.click_tab("Failures")
        page.wait_text("main", "What failed or waits, by cause")
        device_line.mend()
    device_line.lead_to(0)


COUNT_QUESTIONS = """
window.open_questions = 0;
const send = window.fetch;
window.fetch = (...given) => {
    window.open_questions += 1;
    return send(...given).finally(() => { window.open_questions -= 1; });
};
"""


def wait_until_answered(page: Browser) -> None:
    """Wait until all that the page has asked is answered, and drawn: an earlier answer may draw a whole chart anew."""
    page.wait("return window.open_questions == 0")
    time.sleep(0.5)
    page.wait("return window.open_questions == 0")


def zoom(page: Browser, css: str) -> Any:
    """Zoom into a graph by dragging over it, and give its range then."""
    ranges = f"document.querySelector({css!r})._fullLayout.xaxis.range"
    page.run(f"document.querySelector({css!r}).scrollIntoView({{block: 'center'}})")
    time.sleep(0.5)
    whole = page.run(f"return {ranges}")
    left, top, width, height = page.run(
        f"const box = document.querySelector({css + ' .nsewdrag'!r}).getBoundingClientRect();"
        "return [box.left, box.top, box.width, box.height]"
    )
    page.drag([(left + part * width, top + part * height) for part in (0.2, 0.3, 0.5, 0.7)])
    return page.wait(f"const now = {ranges}; return now[1] - now[0] < arguments[0] && now", 0.8 * (whole[1] - whole[0]))


def test_zooms_into_hypervolume_and_overlay_outlive_new_trials(
    browser: Browser, served: str, grown: WatchedStudy
) -> None:
    browser.go(served)
    browser.run(COUNT_QUESTIONS)
    growth = "[id*=growth] .js-plotly-plot"
    browser.wait(f"return document.querySelector({growth!r})?.data?.length > 0")
    for tab, graph in (("Front", growth), ("Studies", "[id*=overlay] .js-plotly-plot")):
        browser.click_tab(tab)
        browser.wait(f"return document.querySelector({graph!r})?.data?.length > 0")
        if tab == "Studies":  # Without the one of ten thousand trials.
            lay = "dash_clientside.set_props({type: 'laid', index: 0}, {value: ['grown', 'told']})"
            browser.run(lay)
            browser.wait(f"return !document.querySelector({graph!r}).data.some(t => t.name == 'many')")
        wait_until_answered(browser)
        zoomed = zoom(browser, graph)
        drawn = f"return JSON.stringify(document.querySelector({graph!r}).data.map(t => [...t.y]))"
        before = browser.run(drawn)
        grown.add(figures={"psnr_tm": 26.0 + len(tab), "latency_ms": 3.0 - 0.1 * len(tab)})
        browser.wait(f"{drawn} != arguments[0]", before)
        assert browser.run(f"return document.querySelector({graph!r})._fullLayout.xaxis.range") == zoomed
