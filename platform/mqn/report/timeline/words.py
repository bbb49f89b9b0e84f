"""A timeline in words."""

from __future__ import annotations

from datetime import UTC, datetime

from mqn.report.timeline.summary import Summary
from mqn.report.timeline.timeline import Timeline

_WAITS = 4


def title(timeline: Timeline) -> str:
    """The study, and when its first job began."""
    when = datetime.fromtimestamp(timeline.zero, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{timeline.study}: {duration(timeline.seconds)} from {when}"


def busy_line(summary: Summary) -> str:
    """How busy the trainers were, and what they waited for."""
    trainers = summary.trainers
    if trainers is None:
        return "Nothing was trained."
    text = (
        f"Between the first and the last of {trainers.trainings} trainings ({duration(trainers.end - trainers.begin)}) "
        f"a training ran {trainers.busy:.1%} of the time"
    )
    if trainers.at_once > 1:
        text += f"; {trainers.at_once} ran at a time at most, and these places were filled {trainers.filled:.1%}"
    waits = [f"{kind} {seconds:.1f} s" for kind, seconds in list(trainers.waits.items())[:_WAITS]]
    return f"{text}. None ran during: {', '.join(waits)}." if waits else f"{text}."


def duration(seconds: float) -> str:
    """A length of time: `42.0 s`, `12:30 min`, `3:05:10 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02} h" if hours else f"{minutes}:{left:02} min"


def clock(seconds: float) -> str:
    """A time since the timeline's begin: `0:42.0`, `1:02:03.5`."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    short = f"{minutes:02}:{rest / 10:04.1f}" if hours else f"{minutes}:{rest / 10:04.1f}"
    return f"{hours}:{short}" if hours else short
