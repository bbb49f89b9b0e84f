"""An event of a study, and the document that tells it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mqn.distribution import __version__
from mqn.parsing import to_plain
from mqn.text.redaction import redact, shortened

TEST = "test"
"""The event that tries whether a target is reached."""

_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened.

    Attributes:
        kind: `end`, `stall`, `failures`, `front`, or `test`.
        key: names it among all events of the study; each is told once.
        text: one line for people. It holds no errors of others, for these name files and addresses.
        facts: the same for programs: numbers, names of figures and of trials.
    """

    kind: str
    key: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def document(self, study: str, at: float | None = None) -> bytes:
        """The event as JSON, without secrets.

        Args:
            study: its name.
            at: seconds since 1970; None: now.
        """
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        told = {"mqn": __version__, "event": self.kind, "study": study, "at": moment}
        told |= {"text": shortened(self.text, _CHARACTERS), **to_plain(dict(self.facts))}
        return redact(json.dumps(told)).encode()
