"""The scripts of the page: what its first drawing needs comes with it, the grid of tables once another tab is opened.

Dash sends a polyfill for browsers of 2015 first. In today's browsers it takes `String.trim` and `parseInt` for broken,
and puts slow ones in their place: plotly spent half of its time there when it drew two thousand trials. All that Dash's
own scripts need of it is `regeneratorRuntime`, and of that what `START` has.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dash_ag_grid
from dash import Dash, Input, Output, _dash_renderer, dash_table
from dash.fingerprint import build_fingerprint

START = """
window.regeneratorRuntime = {
    mark: function(made) { return made; },
    wrap: function(step) {
        var at = {prev: 0, next: 0, done: false, stop: function() { at.done = true; }};
        return {next: function() { var value = step(at); return {value: value, done: at.done}; }};
    }
};
"""

_GRID, _FILE = "dash_ag_grid", "dash_ag_grid.min.js"

# The first tab is drawn with the page. The others wait for the grid, whichever of them has one.
_OPEN = """
function(tab) {
    if (window.dash_ag_grid) { return tab; }
    window.mqn_grid = window.mqn_grid || new Promise(function(resolve, reject) {
        var script = document.createElement('script');
        script.src = GRID;
        script.onload = resolve;
        script.onerror = function() { window.mqn_grid = null; reject(new Error('there is no ' + script.src)); };
        document.head.appendChild(script);
    });
    return window.mqn_grid.then(function() { return tab; });
}
"""

# Resolves once the first drawing has been painted: a browser draws for long what it draws at once.
_BEGIN = """
function() {
    return new Promise(function(resolve) {
        var began = Date.now();
        (function look() {
            if (!document.querySelector('.main-svg') && Date.now() - began < 10000) { setTimeout(look, 20); return; }
            requestAnimationFrame(function() { setTimeout(function() { resolve(true); }); });
        })();
    });
}
"""


def hash_of(script: str) -> str:
    """What a Content-Security-Policy calls an inline script by, quoted."""
    return f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def leave_out_scripts() -> None:
    """Have Dash send no polyfill, in whose place the page begins with `START`, and not a table that no panel has."""
    for needed in _dash_renderer._js_dist_dependencies:  # noqa: SLF001 - what Dash puts first on every page
        paths = needed["relative_package_path"]
        for mode, files in paths.items():
            paths[mode] = [file for file in files if "polyfill" not in file]
    _hold_back(dash_table._js_dist, "dash_table/bundle.js")  # noqa: SLF001 - as every package of components calls it


def hold_back_grid() -> str:
    """Leave the grid's 1.3 MB out of the page's own scripts; returns the address that they are loaded from."""
    _hold_back(dash_ag_grid._js_dist, _FILE)  # noqa: SLF001
    assert dash_ag_grid.__file__ is not None
    changed = int((Path(dash_ag_grid.__file__).parent / _FILE).stat().st_mtime)
    return f"/_dash-component-suites/{_GRID}/{build_fingerprint(_FILE, dash_ag_grid.__version__, changed)}"


def _hold_back(scripts: Iterable[dict[str, Any]], path: str) -> None:
    """Dash serves a `lazy` script to who asks for it, and puts it on no page."""
    for script in scripts:
        if script["relative_package_path"] == path:
            script["async"] = "lazy"


def follow_tabs(app: Dash, grid: str) -> None:
    """Say in `opened` which tab is to be drawn, once its scripts are there, and in `begun` that a drawing is seen.

    `grid` is the address of the grid's scripts.
    """
    script = _OPEN.replace("GRID", json.dumps(grid))
    app.clientside_callback(script, Output("opened", "data"), Input("tab", "value"), prevent_initial_call=True)
    app.clientside_callback(_BEGIN, Output("begun", "data"), Input("begin", "n_intervals"), prevent_initial_call=True)
