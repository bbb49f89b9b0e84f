"""`mqn agent`: serve this machine as a device."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("agent", epilog="Example: MQN_AGENT_TOKEN=... mqn agent --host 192.168.1.20 --port 8765")(agent)


def agent(
    host: Annotated[str, typer.Option(help="Address to listen on. Off loopback a token is required.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 picks a free one.")] = 8765,
    folder: Annotated[Path | None, typer.Option(help="Where uploaded models are kept. Default: $MQN_HOME/agent.")] = None,
    token_env: Annotated[str, typer.Option(help="Environment variable that holds the token.")] = "MQN_AGENT_TOKEN",
) -> None:
    """Serve this machine as a device: models come in over HTTP, measurements go out."""
    from mqn.device.agent import serve
    from mqn.home import home

    serve(host, port, folder or home() / "agent", token=os.environ.get(token_env) or None)
