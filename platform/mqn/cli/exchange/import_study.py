"""`mqn import-study`: takes a study from a file that `mqn export-study` wrote.

Not `mqn import`: `mqn export` makes models of checkpoints, and these two would not be each other's opposites.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName
from mqn.errors import StudyError
from mqn.profile import Profile, load_profile

if TYPE_CHECKING:
    from mqn.search.exchange.archive import Archive
    from mqn.search.exchange.importing import Parcel
    from mqn.search.study.study import Study

EXAMPLE = "mqn import-study smoke.zip --study smoke-of-berlin --data photos"


def import_study(
    file: Annotated[Path, typer.Argument(help="A file that `mqn export-study` wrote.")],
    study: Annotated[
        str | None, typer.Option("--study", help="What it is to be called here. Default: as in the file.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Where the study's pictures lie here, for select and search --resume.")
    ] = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Take a study from a file, into this home or the profile's database; the file is checked first.

    `mqn front`, `status`, `trials`, `timeline` and `select` work as where it was made. Nothing is written to MLflow:
    `mqn track resend STUDY --rebuild` logs it there. Import files of people whom you trust: later studies take
    artifacts of the same hash from them.
    """
    from mqn.home import home
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.exchange.archive import open_archive
    from mqn.search.exchange.importing import (
        already_there,
        check_archive,
        check_room,
        insert_study,
        keep_space,
        store_artifacts,
        with_about,
    )
    from mqn.search.storage.store import connect
    from mqn.search.study.planning import kept_data
    from mqn.search.study.studies import list_studies, open_study

    settings = load_profile(profile)
    with open_archive(file) as archive:
        if (study or archive.contents.study) in list_studies(settings.study_url):
            raise already_there(study or archive.contents.study)
        with output.progress(of_bytes=True) as bar:
            task = bar.add_task(f"checking {file.name}", total=archive.size_bytes)
            parcel = check_archive(archive, study, lambda size: bar.update(task, advance=size))
        if data is not None:
            _check_data(data, parcel)
            parcel = with_about(parcel, data=kept_data(data))
        store = ArtifactStore.of(settings.storage)
        total = sum(size for manifest in parcel.artifacts.values() for size in manifest.sizes.values())
        check_room(home(), total)
        with output.progress(of_bytes=True) as bar:
            task = bar.add_task("storing artifacts", total=total)
            stored = store_artifacts(archive, parcel, store, lambda size: bar.update(task, advance=size))
        parcel = keep_space(archive, parcel)
        store.note_database(settings.study_url)
        insert_study(archive, parcel, connect(settings.study_url))
        opened = open_study(parcel.name, settings.study_url)
        lacking = _lacking(archive, parcel)
    if json:
        plain = {"study": parcel.name, "from": archive.contents.study, "trials": archive.contents.trials}
        output.document({**plain, "artifacts": len(parcel.artifacts), "stored": stored, "lacking": lacking})
        return
    output.line(
        f"imported: {parcel.name}, {len(parcel.trials)} trials, {len(parcel.artifacts)} artifacts ({stored} new)"
    )
    for line in lacking:
        output.line(line)
    for line in _next(opened, settings, profile):
        output.line(line)


def _check_data(data: str, parcel: Parcel) -> None:
    from mqn.data.location import locate

    dataset = locate(data)
    if dataset.hash != parcel.about.data_hash:
        raise StudyError(
            f"--data {data} has the hash {dataset.hash[:12]}, and the study was scored on "
            f"{parcel.about.data_hash[:12]}: these are other pictures; give the study's own, or leave --data out"
        )


def _lacking(archive: Archive, parcel: Parcel) -> list[str]:
    """What did not travel with a study, and what that means, in lines."""
    contents, about = archive.contents, parcel.about
    lines = []
    pictures = about.data if about.data is not None and not Path(about.data).is_absolute() else None
    if pictures is not None:
        licence = f", licence: {contents.pictures.licence}" if contents.pictures.licence else ""
        lines.append(
            f"its pictures, {pictures!r} (hash {about.data_hash[:12]}{licence}), are not here: select and search "
            "--resume need their folder: --data FOLDER"
        )
    if contents.artifacts == "none":
        lines.append("it has no artifacts but curves: select finds no model")
    elif contents.artifacts == "front" or contents.missing:
        lines.append("it has the models of its front's trials: select finds those, and no others")
    if contents.artifacts != "all" or contents.missing:
        lines.append(
            "search --resume makes no artifact of its trials again, and trains anew for a further plan of theirs"
        )
    if (unfinished := contents.trials.get("RUNNING", 0)) > 0:
        lines.append(f"{unfinished} of its trials had not ended: search --resume takes them up from the beginning")
    return lines


def _next(study: Study, settings: Profile, profile: str) -> list[str]:
    """What can be done with it, in lines."""
    from mqn.search.study.commands import resume_command

    devices = study.optuna.user_attrs.get("devices", {})
    where = ", ".join(f"{target} = {identity}" for target, identity in devices.items())
    lines = [f"resume it with: {resume_command(study.name, study.about.space_name, profile=profile)}"]
    if where:
        lines.append(f"it is measured on {where}: on another device of that name it is not resumed")
    if settings.tracking_uri:
        lines.append(f"log it to MLflow with: mqn track resend {study.name} --rebuild")
    return lines
