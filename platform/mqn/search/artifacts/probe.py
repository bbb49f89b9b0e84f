"""Whether this machine sees the store as the driver does: asked before trial 0, and where a job begins."""

from __future__ import annotations

import contextlib
import errno
import secrets
import socket
from collections.abc import Iterator

from mqn.errors import MqnError, NetworkError, StudyError
from mqn.faults import line_of
from mqn.search.artifacts.contract import Place
from mqn.text.redaction import redact

IDENTITY = "identity.txt"
"""A random word beside the artifacts: two folders of one name on two machines have not the same."""

_ADVICE = "check storage.artifacts in the profile"


def identify(place: Place) -> str:
    """The word that tells this store from every other; the first driver writes it.

    Raises:
        MqnError: the store cannot be written to; says why.
    """
    with _explained(place):
        known = place.read_note(IDENTITY).strip()
        if not known:
            place.create_note(IDENTITY, secrets.token_hex(16) + "\n")
            known = place.read_note(IDENTITY).strip()
    return known


def check_identity(place: Place, identity: str) -> None:
    """Make sure that this machine sees the store that the driver sees.

    Raises:
        NetworkError: it sees another, or none.
    """
    with _explained(place):
        known = place.read_note(IDENTITY).strip()
    if known != identity:
        what = "another folder than the driver" if known else "no artifacts of the study"
        raise NetworkError(
            f"node {socket.gethostname()} sees {what} at {place.shown}; mount the same folder there, or let "
            "storage.artifacts be a URL"
        )


def check_writing(place: Place) -> None:
    """Write a small object, read it back and remove it.

    Raises:
        MqnError: it cannot be done; says why, and what to do.
    """
    name, content = f".probe-{socket.gethostname()}-{secrets.token_hex(4)}", secrets.token_hex(16)
    with _explained(place):
        try:
            place.write_note(name, content)
            same = place.read_note(name) == content
        finally:
            with contextlib.suppress(Exception):  # What is told is why it could not be written.
                place.remove_note(name)
    if not same:
        raise StudyError(f"{place.shown} gives back other bytes than were written; {_ADVICE}")


@contextlib.contextmanager
def _explained(place: Place) -> Iterator[None]:
    """Say of every failure what it is, in a line."""
    try:
        yield
    except FileNotFoundError as error:
        raise StudyError(f"{place.shown} is not there (no such bucket or folder); make it, or {_ADVICE}") from error
    except MqnError as error:
        raise type(error)(f"{redact(str(error))}; {_ADVICE}") from error
    except OSError as error:
        known = {errno.EROFS: "mount it for writing, or ", errno.EACCES: "give this user the right to write, or "}
        advice = known.get(error.errno or 0, "")
        raise StudyError(f"{place.shown}: {error.strerror or line_of(error)}; {advice}{_ADVICE}") from error
