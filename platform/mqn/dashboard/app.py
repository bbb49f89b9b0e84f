"""Puts the dashboard together: the page as a Dash app, its policy, and who may see it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from dash import Dash
from dash._utils import to_json
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from mqn.dashboard.access import Access, page_policy
from mqn.dashboard.following import follow_page
from mqn.dashboard.page import Page
from mqn.dashboard.panels.devices import follow_devices
from mqn.dashboard.panels.selection_panel import follow_selection
from mqn.dashboard.panels.study.trainings_panel import follow_trainings
from mqn.dashboard.panels.table_panel import follow_table
from mqn.dashboard.panels.trial.pane import follow_pane
from mqn.dashboard.scripts import START, follow_tabs, hash_of, hold_back_grid, leave_out_scripts
from mqn.dashboard.studies.bundles import BundleMaker
from mqn.dashboard.studies.devices import DeviceWatch
from mqn.dashboard.studies.live import Live
from mqn.device.agent.trust.hosts import Hosts
from mqn.errors import ConfigError
from mqn.look.palette import LIGHT
from mqn.profile import DeviceProfile
from mqn.report.pages.dashboard import Dashboard


def make_app(
    live: Live,
    board: Dashboard,
    bundles: Path,
    *,
    token: str = "",
    hosts: Hosts | None = None,
    compressed: bool = False,
    devices: Mapping[str, DeviceProfile] | None = None,
) -> ASGIApp:
    """Make the app.

    Args:
        live: the studies.
        board: the panels.
        bundles: the folder that bundles are written into.
        token: what visitors must know; empty: nothing.
        hosts: names that it answers to; None: any. Without a token there must be some.
        compressed: whether answers are sent compressed; on loopback that costs more than it saves.
        devices: of the profile; agents among them are asked how their devices are. None: none are known.

    Raises:
        ConfigError: the board has two panels of which a page can have one.
    """
    if [panel.kind for panel in board.panels].count("selection") > 1:
        raise ConfigError("a board has two panels of kind 'selection'; a page can have one")
    watch = DeviceWatch(devices or {}, live.artifacts)
    page, maker = Page(live, board, watch), BundleMaker(live.artifacts, bundles)
    # FastAPI's own pages load their scripts from elsewhere.
    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    style = _read("mqn.look", "page.css") + _read("mqn.dashboard", "dashboard.css")
    colors = "".join(f"--{name}:{color};" for name, color in LIGHT.items())
    leave_out_scripts()
    grid = hold_back_grid()
    early = f'<script src="{grid}"></script>' if page.needs_grid else ""
    index = Template(_read("mqn.dashboard", "index.html"))
    app = _App(
        "mqn.dashboard",
        server=server,
        title="mqn dashboard",
        update_title="",
        index_string=index.substitute(colors=colors, style=style, start=START, grid=early),
        suppress_callback_exceptions=True,
        include_assets_files=False,
        add_log_handler=False,
    )
    app.backend.websocket_capability = False  # The page asks over HTTP; without this it tries a connection of its own.
    app.layout = page.lay_out
    follow_tabs(app, grid)
    follow_page(app, page)
    follow_table(app, live)
    follow_selection(app, live, maker)
    follow_pane(app, live)
    follow_devices(app, live, watch)
    follow_trainings(app, live)
    page.lay_out()  # Reads the first study and imports what draws, before anybody waits for it.
    policy = page_policy(app.csp_hashes())
    app.write_layout()  # Reads the first study and imports what draws, before anybody waits for it.
    for first in live.names[:1]:
        page.draw_rest(first, None)
    policy = page_policy([hash_of(START), *app.csp_hashes()])
    inner: ASGIApp = GZipMiddleware(server, minimum_size=2000) if compressed else server
    return Access(inner, policy=policy, token=token, hosts=hosts)


class _App(Dash):
    """Dash, but that a layout which stays the same is written once."""

    _written: tuple[Any, str] = (None, "")

    def write_layout(self) -> str:
        """The layout as JSON."""
        layout, (before, text) = self.get_layout(), self._written
        if layout is not before:
            text = to_json(layout)
            self._written = (layout, text)
        return text

    def serve_layout(self) -> Any:
        """Answer a page that asks for its layout."""
        return self.backend.make_response(self.write_layout(), mimetype="application/json")


def _read(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text("utf-8")
