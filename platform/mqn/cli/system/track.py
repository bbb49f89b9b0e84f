"""`mqn track resend`: sends what the tracking server has not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName
from mqn.cli.system.tracking import load_tracked
from mqn.errors import TrackingError, UnknownNameError, UsageError
from mqn.home import home

if TYPE_CHECKING:
    from mqn.profile import Profile
    from mqn.track.tracker import Tracker


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
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild",
            help="Also log what another machine's driver finished and never sent, from the study's database and "
            "artifacts.",
        ),
    ] = False,
    timeout: Annotated[float, typer.Option(min=0.0, help="Seconds to wait at most.")] = 600.0,
    json: Json = False,
) -> None:
    """Send what waits for the profile's tracking server, what it refused, and files that it could not store."""
    from mqn.text.redaction import redact_url
    from mqn.track.spool import other_queues
    from mqn.track.tracker import Tracker

    settled = load_tracked(profile)
    uri = settled.tracking_uri
    if not uri:
        raise UsageError(f"profile {profile!r} logs nowhere: its tracking.uri is empty")
    if rebuild and study is None:
        raise UsageError("--rebuild needs a study: mqn track resend STUDY --rebuild")
    root = home() / "spool"
    tracker = Tracker(uri, root)
    try:
        if rebuild and study is not None:
            _rebuild(study, settled, profile, tracker)
        elif study is not None and study not in tracker.studies():
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


def _rebuild(name: str, profile: Profile, profile_name: str, tracker: Tracker) -> None:
    """Put into the spool what MLflow lacks of a study. A driver that lives keeps its own latest trials."""
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.retracking import Retracking
    from mqn.search.stages.logged import logged
    from mqn.search.study.commands import resume_command
    from mqn.search.study.description import run_tags, track_study
    from mqn.search.study.studies import open_study
    from mqn.search.study.trials import count_trainings, records

    study = open_study(name, profile.study_url)
    drivers = study.store.drivers(name)
    track_study(tracker, study, resume_command(name, study.about.space_name, profile=profile_name))
    store = ArtifactStore.of(profile.storage)
    mending = Retracking(
        study,
        tracker,
        store,
        lambda _, made: logged(made),
        tags=run_tags(study),
        others=lambda: drivers,
        say=output.note,
    )
    if not mending.mend(strict=True):
        output.note("no finished trial of the study is missing")
    if not drivers:
        found = records(study)
        tracker.end_study(name, {"trials": len(found), "trainings": count_trainings(found)})
