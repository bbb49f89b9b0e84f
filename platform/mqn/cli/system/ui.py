"""`mqn ui`: MLflow's pages on the store that studies log to."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from mqn.cli import output
from mqn.cli.options import ProfileName
from mqn.cli.system.tracking import load_tracked
from mqn.errors import TrackingError, UnknownNameError, UsageError
from mqn.home import home

_MOST_LINKS = 10

EXAMPLE = "mqn ui smoke --port 5000"


def ui(
    study: Annotated[str | None, typer.Argument(help="A study's name. Without one: the newest ones.")] = None,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    profile: ProfileName = "default",
) -> None:
    """Serve MLflow's pages, and say where they show each study's trials with its objectives as columns.

    Further lines say where its front and its bundles are. The server is the profile's `tracking.uri`; without one,
    `MLFLOW_TRACKING_URI`; without either, `mlflow.db` in `MQN_HOME`.
    """
    from mqn.text.redaction import without_credentials
    from mqn.track.connection import away_line, check_uri, connect, failures, is_database
    from mqn.track.ui.links import further_links
    from mqn.track.ui.pages import study_links
    from mqn.track.ui.server import PagesServer

    settings = load_tracked(profile)
    uri, registry = settings.tracking_uri, settings.registry_uri
    if not uri:
        raise UsageError(f"profile {profile!r} logs nowhere: its tracking.uri is empty")
    check_uri(uri)
    try:
        if not is_database(uri):
            output.line(f"MLflow's pages: {without_credentials(uri)}")
            _tell(study_links(uri, uri), study, lambda name: further_links(uri, uri, name, registry=registry))
            return
        connect(uri)  # Makes the database whole before a server looks at it.
        with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
            with output.spinner("MLflow starts"):
                server = stack.enter_context(PagesServer(uri, host, port, home()))
            output.line(f"MLflow's pages: {server.address}  (Ctrl-C ends it)")
            links = study_links(uri, server.address)
            _tell(links, study, lambda name: further_links(uri, server.address, name, registry=registry))
            sys.stdout.flush()
            server.wait()
    except failures() as error:
        raise TrackingError(f"MLflow cannot be used: {away_line(uri, error)}") from error


def _tell(links: Mapping[str, str], study: str | None, further: Callable[[str], Mapping[str, str]]) -> None:
    if study is not None and study not in links:
        raise UnknownNameError("study in MLflow", study, links)
    shown = {study: links[study]} if study is not None else dict(itertools.islice(links.items(), _MOST_LINKS))
    for name, link in shown.items():
        output.line(f"{name}: {link}")
        for what, where in further(name).items():
            output.line(f"  {what}: {where}")
    if not links:
        output.line("no study is logged there yet; start one with: mqn search smoke")
    if len(links) > len(shown) and study is None:
        output.line(f"... and {len(links) - len(shown)} more; name one: mqn ui STUDY")
