"""Takes out of a study's records what tells of the machine that they were made on.

Paths become the names of their files, hosts become `machine-1`, `machine-2`, ..., addresses in messages go. Ids of
devices stay, because they say whose latency a figure is. Names of one file or host mean the same all over an export.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from mqn.text.redaction import MASK, redact_url

_FREE = ("error", "waits", "line", "label")
"""Fields that hold sentences, or several words in a line: what a failure said, what a trial is called."""
_ADDRESS = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://)[^\s'\"<>|,;)\]]+")
_ACCOUNT = re.compile(r"[\w.+-]+@[\w.-]+(?::\d+)?")
_NUMBERS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b")
# A name with a blank in it ends there: what is left of it is no path any more.
_PATH = re.compile(r"(?<![\w./~-])(?:~[\w.-]*)?/(?!/)[^\s'\"`<>|:;,()\[\]{}]+")


class Veil:
    """What stands for the paths and hosts of one machine."""

    def __init__(self) -> None:
        """Begin with no path and no host known."""
        self._names: dict[str, str] = {}
        self._hosts: dict[str, str] = {}

    def host(self, name: str) -> str:
        """What stands for a host; an empty name stays empty."""
        return self._hosts.setdefault(name, f"machine-{len(self._hosts) + 1}") if name else name

    def name(self, path: str) -> str:
        """What stands for a path: the name of its file or folder, with a number where two paths end alike."""
        if path not in self._names:
            bare = PurePosixPath(path)
            taken, name, count = set(self._names.values()), bare.name or "root", 1
            while name in taken:
                count += 1
                name = f"{bare.stem}-{count}{bare.suffix}"
            self._names[path] = name
        return self._names[path]

    def place(self, place: str) -> str:
        """What stands for a path or URL of data: the last part of it."""
        return self.name(re.sub(r"^[A-Za-z][\w+.-]*:/+", "/", redact_url(place).split("?")[0].rstrip("/")))

    def note_hosts(self, value: Any) -> None:
        """Learn the hosts that records name, so that they are found in sentences too."""
        if isinstance(value, Mapping):
            for key, item in value.items():
                if key == "host" and isinstance(item, str):
                    self.host(item)
                else:
                    self.note_hosts(item)
        elif isinstance(value, list):
            for item in value:
                self.note_hosts(item)

    def plain(self, value: Any, field: str = "") -> Any:
        """Plain values with names in place of paths and hosts; `field` is the name of the field that holds them."""
        if isinstance(value, Mapping):
            return {str(key): self.plain(item, str(key)) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.plain(item, field) for item in value]
        if not isinstance(value, str):
            return value
        if field == "host":
            return self.host(value)
        if field in _FREE:
            return self.sentence(value)
        if value.startswith(("/", "~/")) and len(value) > 1 and "\n" not in value:
            return self.name(value)
        return redact_url(value) if "://" in value else value

    def sentence(self, text: str) -> str:
        """A message without addresses, accounts, paths and hosts."""
        text = _ADDRESS.sub(rf"\1{MASK}", text)
        text = _ACCOUNT.sub(MASK, text)
        text = _NUMBERS.sub(MASK, text)
        text = _PATH.sub(lambda match: self.name(match[0]), text)
        for host in sorted(self._hosts, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", self._hosts[host], text)
        return text
