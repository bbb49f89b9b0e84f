"""`mqn ui`: MLflow's pages on the store that studies log to."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from mqn.cli import output
from mqn.cli.options import ProfileName
from mqn.errors import UsageError
from mqn.profile import load_profile


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ui", epilog="Example: mqn ui --port 5000")(ui)


def ui(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    profile: ProfileName = "default",
) -> None:
    """Open MLflow's UI on the runs of all studies, to compare trials."""
    uri = load_profile(profile).tracking_uri
    if not uri:
        raise UsageError(f"profile {profile!r} logs nowhere: its tracking.uri is empty")
    if uri.startswith(("http://", "https://")):
        output.line(f"the runs are served at {uri}")
        return
    output.note(f"MLflow's UI: http://{host}:{port}  (Ctrl-C ends it)")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", host, "--port", str(port)]
    # MLflow takes this process over, so that whoever ends it ends MLflow.
    os.execv(command[0], command)  # noqa: S606 - an argument list of our own, no shell
