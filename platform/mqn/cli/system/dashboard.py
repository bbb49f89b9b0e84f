"""`mqn dashboard`: a live page of studies, in the browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName
from mqn.profile import load_profile

EXAMPLE = "mqn dashboard smoke"


def dashboard(
    studies: Annotated[
        list[str] | None, typer.Argument(help="Names of studies. Without one: all of them, the newest first.")
    ] = None,
    board: Annotated[
        str, typer.Option("--board", "--dashboard", help="What the page shows: a file in dashboards/ or a .toml file.")
    ] = "default",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8050,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Any but loopback needs a token: MQN_DASHBOARD_TOKEN.")
    ] = "127.0.0.1",
    token_file: Annotated[
        Path | None, typer.Option(help="File that holds the token that visitors need.", show_default=False)
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Certificate (PEM), to serve HTTPS.", show_default=False)
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Its key, where another file holds it.", show_default=False)] = None,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = False,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Watch studies while they run, ask why, choose a model and write its bundle. New trials appear by themselves.

    Nothing is fetched from elsewhere, and other machines are not let in unless --host says so. Ctrl-C ends it.
    """
    from mqn.dashboard.app import make_app
    from mqn.dashboard.serving import TOKEN_VARIABLE, find_token, open_port, serve
    from mqn.dashboard.studies.live import Live
    from mqn.device import wire
    from mqn.device.agent.trust.hosts import Hosts
    from mqn.errors import UsageError
    from mqn.home import home
    from mqn.report.pages.dashboard import load_dashboard
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.storage.store import connect, is_absent

    shown = load_dashboard(board)
    token = find_token(host, os.environ.get(TOKEN_VARIABLE), token_file)
    settings = load_profile(profile)
    if is_absent(settings.study_url):
        raise UsageError("there is no study yet; start one with: mqn search smoke")
    live = Live(connect(settings.study_url), ArtifactStore.of(settings.storage), studies or ())
    local = wire.is_loopback(host)
    listener, place = open_port(host, port)
    app = make_app(
        live,
        shown,
        home() / "bundles",
        token=token,
        hosts=Hosts([host]) if local else None,
        compressed=not local,
        devices=settings.devices,
    )
    address = f"{'http' if certificate is None else 'https'}://{place}/"

    def ready() -> None:
        if json:
            output.document({"address": address, "studies": live.names, "token": bool(token)})
        else:
            output.line(f"dashboard: {address}  (Ctrl-C ends it)")
        sys.stdout.flush()
        if not local and certificate is None:
            output.note("plain HTTP: the token can be read on its way; give --certificate and --key, or use a tunnel")
        if open_page:
            webbrowser.open(address)

    serve(app, listener, certificate=certificate, key=key, on_ready=ready)
