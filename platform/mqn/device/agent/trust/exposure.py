"""What an agent needs before other machines may reach it, and warnings for its owner."""

from __future__ import annotations

import os

from mqn.device import wire
from mqn.device.agent.service.config import AgentConfig
from mqn.device.agent.trust.certificate import SOON_SECONDS, expiry_warning
from mqn.device.agent.trust.tokens import Tokens
from mqn.device.backends.local.isolation import TOKEN_VARIABLE
from mqn.errors import DeviceRefusedError, UsageError


def check_exposure(config: AgentConfig, tokens: Tokens) -> None:
    """Make sure that an agent which other machines can reach is protected.

    Raises:
        DeviceRefusedError: a token or a certificate is missing.
        UsageError: it would run as root.
    """
    if wire.is_loopback(config.host):
        return
    reached = f"{config.host} can be reached from other machines"
    if not tokens.all:
        raise DeviceRefusedError(
            f"{reached}; make a token with: mqn agent init, or set {TOKEN_VARIABLE}, or bind 127.0.0.1"
        )
    if config.certificate is None:
        raise DeviceRefusedError(
            f"{reached}, and plain HTTP shows the token to all of them; make a certificate with: mqn agent init, "
            "or bind 127.0.0.1"
        )
    if os.geteuid() == 0 and not config.user and not config.allow_root:
        raise UsageError(f"{reached}, and strangers' models would run as root; give --user NAME, or --allow-root")


def warnings(tokens: Tokens, certificate_expires: float | None) -> list[str]:
    """What expires soon or has expired, a line each.

    Args:
        tokens: that let clients in.
        certificate_expires: seconds since 1970; None where there is no certificate.
    """
    found = [expiry_warning(certificate_expires)]
    now = tokens.now(tokens.all)
    for token in tokens.all:
        left = token.seconds_left(now)
        if left is not None and left < SOON_SECONDS:
            told = "has expired" if left <= 0 else f"expires in {left / 86_400:.0f} days"
            found.append(f"token {token.name!r} {told}; make another with: mqn agent init --renew")
    return [line for line in found if line]
