"""Commands that a user is advised to type, written so that they do what is said of them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from mqn.records import TrialRecord


def resume_command(
    study: str,
    space: str,
    *,
    profile: str = "default",
    trials: int | None = None,
    retry_failed: bool = False,
    accept: Sequence[str] = (),
) -> str:
    """The command that goes on with a study. Data, settings, seed and checkpoint are the study's own, and remembered.

    Args:
        study: its name.
        space: as given, or as the study remembers it.
        profile: the one whose database holds the study.
        trials: how many it is to have in the end; None: as many as its space or profile says.
        retry_failed: whether failed trials are tried again.
        accept: verdicts that make a measurement count.
    """
    words = ["mqn", "search", space, "--study", study, "--resume", *_profile(profile)]
    if trials is not None:
        words += ["--trials", str(trials)]
    if retry_failed:
        words += ["--retry-failed"]
    for verdict in accept:
        words += ["--accept", verdict]
    return shlex.join(words)


def search_command(space: str, *, profile: str = "default", data: str | None = None) -> str:
    """The command that begins a study.

    Args:
        space: a name or a file.
        profile: where it runs.
        data: its data; None: the procedural scenes.
    """
    words = ["mqn", "search", space, *_profile(profile)]
    return shlex.join([*words, "--data", data] if data else words)


def resend_command(profile: str = "default") -> str:
    """The command that sends what the tracking server has not taken.

    Args:
        profile: names the server.
    """
    return shlex.join(["mqn", "track", "resend", *_profile(profile)])


def say_held(records: Sequence[TrialRecord], command: str) -> tuple[str, ...]:
    """Say which trials wait, for what, and how to go on with them.

    Args:
        records: a study's.
        command: that goes on with it.

    Returns:
        A line for those whose measurement the machine disturbed, a line for all others; none where no trial waits.
    """
    held = [record for record in records if record.state == "held"]
    unsteady = [record for record in held if record.unaccepted]
    lines = []
    if unsteady:
        verdicts = sorted({record.verdicts[device] for record in unsteady for device in record.unaccepted})
        accept = " ".join(f"--accept {verdict}" for verdict in verdicts)
        lines.append(
            f"{_trials(len(unsteady))} for a steady device: resume when it is quiet ({command}), or accept "
            f"{' and '.join(verdicts)} figures with: {command} {accept}"
        )
    others = [record for record in held if not record.unaccepted]
    if others:
        lines.append(f"{_trials(len(others))} for another try ({others[0].waits}): {command}")
    return tuple(lines)


def _profile(profile: str) -> list[str]:
    return [] if profile == "default" else ["--profile", profile]


def _trials(count: int) -> str:
    return "1 trial waits" if count == 1 else f"{count} trials wait"
