"""`mqn track resend`: sends what the tracking server has not taken."""

from __future__ import annotations

from typing import Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName
from mqn.cli.tracking import load_tracked
from mqn.errors import TrackingError, UnknownNameError, UsageError
from mqn.home import home


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="What is logged to MLflow.", epilog="Example: mqn track resend smoke", no_args_is_help=True
    )
    # Without a callback, Typer would take a group's only command for the group.
    group.callback()(lambda: None)
    group.command("resend", epilog="Example: mqn track resend smoke --profile lab.toml")(resend)
    app.add_typer(group, name="track")


def resend(
    study: Annotated[str | None, typer.Argument(help="A study's name. Without one: all studies.")] = None,
    profile: ProfileName = "default",
    timeout: Annotated[float, typer.Option(min=0.0, help="Seconds to wait at most.")] = 600.0,
    json: Json = False,
) -> None:
    """Send what waits for the profile's tracking server, what it refused, and files that it could not store."""
    from mqn.redaction import redact_url
    from mqn.track.spool import other_queues
    from mqn.track.tracker import Tracker

    uri = load_tracked(profile).tracking_uri
    if not uri:
        raise UsageError(f"profile {profile!r} logs nowhere: its tracking.uri is empty")
    root = home() / "spool"
    tracker = Tracker(uri, root)
    try:
        if study is not None and study not in tracker.studies():
            raise UnknownNameError("waiting study", study, tracker.studies())
        before = tracker.waiting(study)
        with output.progress() as bar:
            task = bar.add_task(f"sending to {redact_url(uri)}", total=before.entries)
            backlog = tracker.flush(timeout, study=study, sent=lambda count: bar.update(task, advance=count))
    finally:
        tracker.close(send=False)
    elsewhere = other_queues(root, uri)
    sent = max(0, before.entries - backlog.entries)
    if json:
        output.document({"server": redact_url(uri), "sent": sent, "backlog": backlog, "elsewhere": elsewhere})
    else:
        output.line(f"sent: {sent} of {before.entries}" if before.entries else f"nothing waits for {redact_url(uri)}")
        for server, count in elsewhere.items():
            waits = "1 entry waits" if count == 1 else f"{count} entries wait"
            output.note(f"{waits} for {server}: give a profile that names it")
    if backlog:
        raise TrackingError(f"not sent: {backlog}")
