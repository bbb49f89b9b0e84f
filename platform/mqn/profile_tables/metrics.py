"""The part of a runner profile that says where a driver tells machines how it is doing."""

from __future__ import annotations

from dataclasses import dataclass

_LARGEST_PORT = 65535
_LEAST_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsProfile:
    """Where a driver serves `/metrics` (Prometheus) and `/healthz`.

    Attributes:
        port: of the driver's machine; None: it serves nothing. 0: any that is free, which the driver tells.
        host: the address that it listens at. Whoever reaches it can read names of studies and devices, and errors.
        stale_seconds: the driver counts as unhealthy when its loop has made no step for so long.
    """

    port: int | None = None
    host: str = "127.0.0.1"
    stale_seconds: float = 120.0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a field is out of its range.
        """
        if self.port is not None and not 0 <= self.port <= _LARGEST_PORT:
            raise ValueError(f"port must be 0 to {_LARGEST_PORT}, not {self.port}")
        if not self.host:
            raise ValueError("host must name an address, such as 127.0.0.1")
        if self.stale_seconds < _LEAST_SECONDS:
            raise ValueError(f"stale_seconds must be at least {_LEAST_SECONDS:g}, not {self.stale_seconds:g}")
