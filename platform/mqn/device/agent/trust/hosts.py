"""The host names that an agent answers to: a request for another host is refused."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

LOOPBACK = "localhost"


class Hosts:
    """Names and addresses; those of loopback are always among them, for only this machine can mean them."""

    def __init__(self, names: Iterable[str]) -> None:
        """Remember names, of certificates or as bound; a first label `*` stands for any."""
        self._names = {_plain(name) for name in (LOOPBACK, *names)}

    def allow(self, header: str) -> bool:
        """Whether a request with this `Host` is meant for this agent.

        Args:
            header: a name or address, an IPv6 one in brackets, with any port or none.
        """
        host, separator, port = header.strip().rpartition(":")
        if not separator or "]" in port:
            host, port = header.strip(), "0"
        if not (port.isascii() and port.isdecimal()):
            return False
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if (":" in bare) != (bare != host):
            return False
        name = _plain(bare)
        if name in self._names or f"*.{name.partition('.')[2]}" in self._names:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def refusal(self, header: str) -> str:
        """The line for who asked for something else."""
        return f"host {header[:100]!r} is not this agent's; it answers to {', '.join(sorted(self._names))}"


def _plain(name: str) -> str:
    text = name.strip().lower().removesuffix(".")
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text
