"""How a device is reached, in a form that can be sent to a worker process."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from mqn.device.client import Client
from mqn.errors import DeviceRefusedError
from mqn.profile import DeviceProfile
from mqn.text.redaction import hide

# An agent started by this program is on this machine: if it does not answer, it has died.
OWN_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """How a device is reached.

    Attributes:
        url: its agent's.
        token: what that wants to be shown.
        ca: certificate that the agent's own is signed by.
        own: whether the agent is ours, on this machine.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    ca: Path | None = None
    own: bool = False

    def connect(self) -> Client:
        """Make a client; nothing is sent yet.

        Raises:
            DeviceRefusedError: the address, the token or the certificate cannot be used.
        """
        patience = {"patience_seconds": OWN_PATIENCE_SECONDS} if self.own else {}
        return Client(self.url, self.token, ca=self.ca, **patience)


def read_address(name: str, device: DeviceProfile) -> Address:
    """Read the address of a device with its own agent from the profile.

    Raises:
        DeviceRefusedError: its token is not where the profile says.
    """
    # Workers run in other folders.
    ca = None if device.ca is None else device.ca.expanduser().absolute()
    return Address(url=device.url, token=_read_token(name, device), ca=ca)


def _read_token(name: str, device: DeviceProfile) -> str | None:
    if device.token_env:
        token = os.environ.get(device.token_env, "").strip()
        if not token:
            raise DeviceRefusedError(f"device {name!r} needs its token in ${device.token_env}, which is not set")
        hide(token)
        return token
    if device.token_file is not None:
        path = device.token_file.expanduser()
        try:
            token = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise DeviceRefusedError(f"device {name!r} needs its token in {path}: {reason}") from error
        if not token:
            raise DeviceRefusedError(f"device {name!r} needs its token in {path}, which is empty")
        hide(token)
        return token
    return None
