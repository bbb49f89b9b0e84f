"""`mqn dashboard` at 2,000 trials in Chromium: when the front is first seen, and how soon a new trial is drawn.

First paint is counted from the navigation until the front's figure stands in the page. An update is counted from the
page's question that learns of a new trial until that trial is drawn; until the page asks, up to a second passes, which
`seen` holds too. What it costs the driver is another matter: `bench_dashboard_driver.py`.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.many_trials import fill
from tests.support.rigs.browser import Browser
from tests.support.rigs.dashboard import Dashboard
from tests.support.watched_study import WatchedStudy

TRIALS, UPDATES = 2000, 5
FIRST_SECONDS, UPDATE_SECONDS, SEEN_SECONDS, LIMIT = 2.0, 1.0, 2.0, 1.0

_POINTS = "(document.querySelector('.js-plotly-plot')?.data?.reduce((n, t) => n + (t.customdata || []).length, 0) || 0)"
_FOLLOW = f"""
window.drawn = []; window.asked = [];
const send = window.fetch;
window.fetch = function(address, options) {{
    const body = String((options || {{}}).body || '');
    if (String(address.url || address).includes('_dash-update-component'))
        window.asked.push([performance.now(), body.includes('tick.n_intervals')]);
    return send.apply(this, arguments);
}};
let last = {_POINTS};
(function look() {{
    const now = {_POINTS};
    if (now > last) {{ window.drawn.push([Date.now(), performance.now()]); last = now; }}
    requestAnimationFrame(look);
}})();
"""


def run() -> dict[str, Any]:
    """Open the page on 2,000 trials, let some more come, and read the browser's own clocks."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        watched = WatchedStudy("grown", f"sqlite:///{home}/study.db")
        fill(watched.study, TRIALS)
        with Dashboard(home, "grown") as dashboard, Browser(home) as browser:
            first = [first_paint(browser, dashboard.address) for _ in range(4)]
            browser.run(_FOLLOW)
            updates, seen = zip(*(_update(browser, watched) for _ in range(UPDATES)), strict=True)
    detail = {
        "trials": TRIALS,
        "first_paint_cold_s": first[0],
        "first_paint_s": statistics.median(first[1:]),
        "update_s": statistics.median(updates),
        "slowest_update_s": max(updates),
        "seen_s": statistics.median(seen),
        "slowest_seen_s": max(seen),
    }
    worst = max(first[0] / FIRST_SECONDS, max(updates) / UPDATE_SECONDS, max(seen) / SEEN_SECONDS)
    return {"name": f"a dashboard of {TRIALS} trials", "ratio": worst, "limit": LIMIT, "detail": detail}


def first_paint(browser: Browser, address: str) -> float:
    """Open the page; seconds until the front's figure stands in it."""
    browser.go("about:blank")
    browser.go(address)
    while not browser.run(f"return {_POINTS}"):
        time.sleep(0.01)
    return float(browser.run("return performance.now()")) / 1000


def _update(browser: Browser, watched: WatchedStudy) -> tuple[float, float]:
    """Seconds from the question that learns of a new trial to its mark, and from the trial's end to its mark."""
    trial = watched.begin()
    time.sleep(4)  # By then the page has heard that it runs.
    browser.run("window.drawn = []; window.asked = []")
    watched.end(trial)
    ended = time.time()
    at, here = browser.wait("return window.drawn[0]")
    asked = [(start, is_tick) for start, is_tick in browser.run("return window.asked") if start < here]
    fetched = min(start for start, is_tick in asked if not is_tick)
    learnt = max(start for start, is_tick in asked if is_tick and start < fetched)
    return (here - learnt) / 1000, at / 1000 - ended


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
