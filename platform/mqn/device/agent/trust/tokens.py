"""Tokens: names, hashes of secrets and expiry dates, in a file that may change at any time."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mqn.errors import ConfigError
from mqn.parsing import read_json

TOKENS_FILE = "tokens.json"
OWNER = "owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token, without its secret.

    Attributes:
        name: of its bearer, for the audit log.
        sha256: of the secret, hexadecimal.
        issued: when it was made: ISO 8601 with its offset from UTC.
        expires: when it ends, likewise; empty: never.
    """

    name: str
    sha256: str
    issued: str = ""
    expires: str = ""

    def __post_init__(self) -> None:
        for text in (self.issued, self.expires):
            if text and datetime.fromisoformat(text).tzinfo is None:
                raise ValueError(f"{text!r} must say its offset from UTC, like 2027-01-31T12:00:00+00:00")

    def seconds_left(self, now: float) -> float | None:
        """How long it is still valid at a time (seconds since 1970); None: without end."""
        return datetime.fromisoformat(self.expires).timestamp() - now if self.expires else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFile:
    """What `tokens.json` holds."""

    tokens: tuple[Token, ...] = ()

    def __post_init__(self) -> None:
        names = [token.name for token in self.tokens]
        for name in names:
            if name == OWNER or names.count(name) > 1:
                raise ValueError(f"the name {name!r} is another token's as well; each needs a name of its own")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Whether a request is let in.

    Attributes:
        client: the token's name; empty if it is unknown.
        reason: why not: `missing`, `wrong`, `expired`; empty if so.
        line: likewise, in words.
    """

    client: str = ""
    reason: str = ""
    line: str = ""


def hash_secret(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Tokens:
    """The tokens of a file, and one that exists in memory only."""

    def __init__(
        self,
        path: Path | None = None,
        owner_secret: str | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read `tokens.json`, if there is one, beside the secret of the user who started the agent, if any.

        Expiry is the one thing that a wall clock decides here; it is asked each time, so that a jump of the clock
        has no effect once it is over.

        Raises:
            ConfigError: the file is damaged.
        """
        self._path, self._clock = path, clock
        self._owner = (Token(name=OWNER, sha256=hash_secret(owner_secret)),) if owner_secret else ()
        self._mark: tuple[int, ...] | None = None
        self._kept: tuple[Token, ...] = ()
        self.trouble = ""
        """Why the file cannot be used; empty if it can. Without it only the owner is let in."""
        self._reread()
        if self.trouble:
            raise ConfigError(self.trouble)

    @property
    def all(self) -> tuple[Token, ...]:
        """Every token, as the file stands now."""
        self._reread()
        return (*self._owner, *self._kept)

    @property
    def required(self) -> bool:
        """Whether one is needed to come in: also where every token was taken out of the file."""
        return bool(self._owner) or (self._path is not None and self._path.exists())

    def admit(self, authorization: str) -> Entry:
        """Look at the header that a request came with.

        Args:
            authorization: `Bearer SECRET`; empty if there was none.
        """
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret:
            return Entry(reason="missing", line="a bearer token is needed: Authorization: Bearer ...")
        # A header is bytes, which the server reads as Latin-1.
        given = hashlib.sha256(secret.encode("latin-1", "replace")).hexdigest()
        found = None
        tokens = self.all
        for token in tokens:  # all of them, whichever fits: the time it takes tells nothing
            if hmac.compare_digest(token.sha256, given):
                found = token
        if found is None:
            return Entry(reason="wrong", line="this bearer token is not one of this agent's")
        left = found.seconds_left(self.now(tokens))
        if left is not None and left <= 0:
            line = f"token {found.name!r} expired on {found.expires}; make another with: mqn agent init --renew"
            return Entry(reason="expired", line=line)
        return Entry(client=found.name)

    def now(self, tokens: tuple[Token, ...]) -> float:
        """The time that tokens are judged by, in seconds since 1970.

        Not earlier than the latest token was made: a board without a battery wakes up in 1970, and must not let in
        then whom it would not let in today.
        """
        issued = [datetime.fromisoformat(token.issued).timestamp() for token in tokens if token.issued]
        return max(self._clock(), *issued, 0.0)

    def _reread(self) -> None:
        if self._path is None:
            return
        try:
            status = self._path.stat()
            mark: tuple[int, ...] = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            mark = ()
        if mark == self._mark:
            return
        self._mark, self._kept, self.trouble = mark, (), ""
        if mark:
            try:
                self._kept = read_json(TokenFile, self._path).tokens
            except ConfigError as error:
                self.trouble = str(error)


def date(seconds: float) -> str:
    """A moment as tokens write it: UTC, whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()
