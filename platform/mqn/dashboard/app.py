"""Puts the dashboard together: the page as a Dash app, its policy, and who may see it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from string import Template

from dash import Dash
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from mqn.dashboard.access import Access, page_policy
from mqn.dashboard.following import follow_page
from mqn.dashboard.page import Page
from mqn.dashboard.panels.selection_panel import follow_selection
from mqn.dashboard.panels.table_panel import follow_table
from mqn.dashboard.studies.bundles import BundleMaker
from mqn.dashboard.studies.live import Live
from mqn.device.agent.trust.hosts import Hosts
from mqn.errors import ConfigError
from mqn.look.palette import LIGHT
from mqn.report.pages.dashboard import Dashboard


def make_app(
    live: Live,
    board: Dashboard,
    bundles: Path,
    *,
    token: str = "",
    hosts: Hosts | None = None,
    compressed: bool = False,
) -> ASGIApp:
    """Make the app.

    Args:
        live: the studies.
        board: the panels.
        bundles: the folder that bundles are written into.
        token: what visitors must know; empty: nothing.
        hosts: names that it answers to; None: any. Without a token there must be some.
        compressed: whether answers are sent compressed; on loopback that costs more than it saves.

    Raises:
        ConfigError: the board has two panels of which a page can have one.
    """
    if [panel.kind for panel in board.panels].count("selection") > 1:
        raise ConfigError("a board has two panels of kind 'selection'; a page can have one")
    page, maker = Page(live, board), BundleMaker(live.artifacts, bundles)
    # FastAPI's own pages load their scripts from elsewhere.
    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    style = _read("mqn.look", "page.css") + _read("mqn.dashboard", "dashboard.css")
    colors = "".join(f"--{name}:{color};" for name, color in LIGHT.items())
    app = Dash(
        "mqn.dashboard",
        server=server,
        title="mqn dashboard",
        update_title="",
        index_string=Template(_read("mqn.dashboard", "index.html")).substitute(colors=colors, style=style),
        suppress_callback_exceptions=True,
        include_assets_files=False,
        add_log_handler=False,
    )
    app.backend.websocket_capability = False  # The page asks over HTTP; without this it tries a connection of its own.
    app.layout = page.lay_out
    follow_page(app, page)
    follow_table(app, live)
    follow_selection(app, live, maker)
    page.lay_out()  # Reads the first study and imports what draws, before anybody waits for it.
    policy = page_policy(app.csp_hashes())
    inner: ASGIApp = GZipMiddleware(server, minimum_size=2000) if compressed else server
    return Access(inner, policy=policy, token=token, hosts=hosts)


def _read(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text("utf-8")
