"""`mqn agent`: set an agent up, serve a device, inspect an agent."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json

if TYPE_CHECKING:
    from mqn.device.agent.service.config import AgentConfig
    from mqn.device.agent.service.inspection import Inspection

TOKEN_VARIABLE = "MQN_AGENT_TOKEN"  # noqa: S105  (a name, not a secret)

_INIT = "Example: mqn agent init --name board --host 10.77.0.2 --host board.lan"
_SERVE = f"Example: mqn agent serve --config ~/board, or {TOKEN_VARIABLE}=... mqn agent serve --port 8765"
_STATUS = "Example: mqn agent status --config ~/board, or mqn agent status --url https://board.lan:8765 --ca ca.pem"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Lend a device to studies, on this machine or behind it.", epilog=_SERVE, no_args_is_help=True
    )
    group.command("init", epilog=_INIT)(init)
    group.command("serve", epilog=_SERVE)(serve)
    group.command("status", epilog=_STATUS)(status)
    app.add_typer(group, name="agent")


def init(
    name: Annotated[str, typer.Option(help="The device's name in profiles.")],
    host: Annotated[
        list[str] | None,
        typer.Option(help="Address or name that it is reached under, the one to bind first. May be repeated."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8765,
    days: Annotated[int, typer.Option(help="How long the certificate is valid.")] = 825,
    token_days: Annotated[int, typer.Option(help="How long the token is valid.")] = 365,
    ca: Annotated[
        Path | None, typer.Option(help="Folder of the certificate authority. Default: $MQN_HOME/ca, made if absent.")
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the device. Default: $MQN_HOME/agents/NAME.")
    ] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="A new certificate and token for an agent made before.")
    ] = False,
    json: Json = False,
) -> None:
    """Make what an agent on another machine needs: certificate, token, configuration, service."""
    from mqn.device.agent.service.installation import install
    from mqn.home import home

    made = install(
        name,
        host or (),
        folder=target or home() / "agents" / name,
        authority_folder=ca or home() / "ca",
        tokens_folder=home() / "tokens",
        port=port,
        days=days,
        token_days=token_days,
        renew=renew,
    )
    if json:
        output.document(made)
        return
    output.line(
        f"made in {made.folder}: certificate until {made.certificate_expires}, token until {made.token_expires}"
    )
    output.line("\nfor the profile of the studies (the token stays here, the device has only its hash):\n")
    output.line(made.profile)
    output.line("on the device:\n")
    for step in made.steps:
        output.line(f"  {step}")


def serve(
    config: Annotated[
        Path | None, typer.Option(help="The agent's folder, with its agent.toml if any. Default: $MQN_HOME/agent.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; off loopback it needs a token and a certificate.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one. Default: 8765.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Keeps models and jobs. Default: that of --config.")] = None,
    backend: Annotated[
        str | None, typer.Option(help="What drives the device: local, adb:SERIAL, ssh:USER@HOST[:PORT].")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Whom root becomes once the address is bound.")] = None,
    allow_root: Annotated[
        bool, typer.Option("--allow-root", help="Serve other machines as root all the same.")
    ] = False,
    variable: Annotated[str, typer.Option("--token-env", help="Variable that holds a token.")] = TOKEN_VARIABLE,
) -> None:
    """Serve a device: models come in over HTTP, measurements go out. Ctrl-C lets the running job finish."""
    from mqn.device.agent.http.server import serve as run
    from mqn.device.agent.service.config import read_config
    from mqn.home import home

    found = read_config(config or home() / "agent")
    given = {"host": host, "port": port, "folder": folder, "backend": backend, "user": user}
    told: AgentConfig = dataclasses.replace(
        found,
        **{key: value for key, value in given.items() if value is not None},  # type: ignore[arg-type]
        allow_root=allow_root or found.allow_root,
    )
    run(
        told,
        # Removed: programs that the agent starts, such as adb's server, must not have it.
        os.environ.pop(variable, None) or None,
        on_ready=lambda url: output.note(f"serving {told.backend} at {url}"),
        on_warning=lambda line: output.note(f"warning: {line}"),
    )


def status(
    url: Annotated[str | None, typer.Option(help="The agent's address.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Or its folder on this machine. Default: $MQN_HOME/agent.")
    ] = None,
    ca: Annotated[Path | None, typer.Option(help="Certificate that the agent's own is signed by.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="File that holds a token.")] = None,
    variable: Annotated[str, typer.Option("--token-env", help="Or variable that holds one.")] = TOKEN_VARIABLE,
    json: Json = False,
) -> None:
    """Whether an agent is up, whom it serves, what waits, and what expires when."""
    from mqn.device.agent.service.inspection import inspect_folder, inspect_url
    from mqn.errors import ConfigError, UsageError
    from mqn.home import home

    if url is not None and config is not None:
        raise UsageError("--url and --config given; choose one")
    token = os.environ.get(variable) or None
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise ConfigError(f"cannot read {token_file}: {reason}") from error
    found = inspect_url(url, token, ca) if url is not None else inspect_folder(config or home() / "agent", token)
    if json:
        output.document(found)
    else:
        _show(found)
    for warning in found.warnings:
        output.note(f"warning: {warning}")
    if not found.up:
        raise typer.Exit(1)


def _show(found: Inspection) -> None:
    output.line(f"{found.url}: {'up' if found.up else 'down'}{f' ({found.trouble})' if found.trouble else ''}")
    if found.device is not None:
        output.line(f"device: {found.device.model}, {found.device.soc}, {found.device.os} ({found.device.backend})")
    for guard in found.isolation:
        output.line(f"isolation of passes: {guard.text}")
    for what, states in (("jobs", found.jobs), ("leases", found.leases)):
        if states:
            output.line(f"{what}: {', '.join(f'{number} {state}' for state, number in states.items())}")
    if found.holder:
        output.line(f"lent to: {found.holder}{f' (token {found.holder_token})' if found.holder_token else ''}")
    if found.certificate_expires:
        output.line(f"certificate: until {found.certificate_expires}")
    for name, expires in found.tokens.items():
        output.line(f"token {name}: until {expires}")
