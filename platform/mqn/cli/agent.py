"""`mqn agent`: serve this machine as a device."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_VARIABLE = "MQN_AGENT_TOKEN"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("agent", epilog=f"Example: {DEFAULT_VARIABLE}=... mqn agent --host 192.168.1.20 --port 8765")(agent)


def agent(
    host: Annotated[str, typer.Option(help="Address to listen on. Off loopback a token is required.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 picks a free one.")] = 8765,
    folder: Annotated[Path | None, typer.Option(help="Keeps uploaded models. Default: $MQN_HOME/agent.")] = None,
    variable: Annotated[str, typer.Option("--token-env", help="Variable that holds the token.")] = DEFAULT_VARIABLE,
) -> None:
    """Serve this machine as a device: models come in over HTTP, measurements go out."""
    from mqn.device.agent.server import serve
    from mqn.home import home

    serve(host, port, folder or home() / "agent", token=os.environ.get(variable) or None)
