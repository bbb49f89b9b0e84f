"""Commands that messages advise a user to type."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mqn.records import TrialRecord


def resume_command(
    study: str,
    space: str,
    *,
    profile: str = "default",
    trials: int | None = None,
    retry_failed: bool = False,
    accept: Sequence[str] = (),
    budget: Mapping[str, float] = MappingProxyType({}),
    stall: str | None = None,
    confirm: int | None = None,
) -> str:
    """The command that resumes a study. The study remembers its data, settings, seed and checkpoint."""
    words = ["mqn", "search", space, "--study", study, "--resume", *_profile(profile)]
    if trials is not None:
        words += ["--trials", str(trials)]
    for name, number in budget.items():
        words += ["--hours", f"{number:g}"] if name == "hours" else ["--budget", f"{name}={number:g}"]
    if stall is not None:
        words += ["--stall", stall]
    if confirm is not None:
        words += ["--confirm", str(confirm)]
    if retry_failed:
        words += ["--retry-failed"]
    for verdict in accept:
        words += ["--accept", verdict]
    return shlex.join(words)


def search_command(space: str, *, profile: str = "default", data: str | None = None) -> str:
    """The command that starts a study."""
    words = ["mqn", "search", space, *_profile(profile)]
    return shlex.join([*words, "--data", data] if data else words)


def resend_command(profile: str = "default") -> str:
    """The command that sends again what the tracking server did not take."""
    return shlex.join(["mqn", "track", "resend", *_profile(profile)])


def say_held(records: Sequence[TrialRecord], command: str) -> tuple[str, ...]:
    """Say which trials wait, what they wait for, and how to resume them.

    Returns:
        A line for trials whose measurement was disturbed, and a line for the others; empty where no trial waits.
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
