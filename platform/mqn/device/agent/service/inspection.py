"""An agent's state: asked over HTTP, and read from its folder where that is on this machine."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from mqn import faults
from mqn.device import tls, wire
from mqn.device.agent.service.assembly import DATABASE_FILE
from mqn.device.agent.service.config import read_config
from mqn.device.agent.trust.authority import CA_FILE
from mqn.device.agent.trust.certificate import expiry
from mqn.device.agent.trust.exposure import warnings
from mqn.device.agent.trust.tokens import TOKENS_FILE, Tokens, date
from mqn.device.connection import check_address, line_of, plain_texts
from mqn.errors import ConfigError
from mqn.parsing import from_mapping
from mqn.records import DeviceInfo

TIMEOUT_SECONDS = 5.0
_GAUGE = re.compile(r'^mqn_(jobs|leases)\{state="(\w+)"\} (\d+)(?:\.0)?$', re.MULTILINE | re.ASCII)
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was found.

    Attributes:
        url: where the agent was looked for.
        up: whether it answers.
        trouble: why it does not, or what it refuses.
        device: who it serves; None without a token.
        isolation: what passes are kept from; empty where that is not known.
        jobs: by state; empty where that is not known.
        leases: likewise.
        holder: who has the device, by its own name; empty where it is free, or that is not known.
        holder_token: the name of the token that it came with; empty without one.
        certificate_expires: ISO 8601; empty where there is none, or it is not known.
        tokens: when each expires, by name; only where its folder is here.
        warnings: what its owner should know.
    """

    url: str
    up: bool = False
    trouble: str = ""
    device: DeviceInfo | None = None
    isolation: tuple[wire.Guard, ...] = ()
    jobs: dict[str, int] = field(default_factory=dict)
    leases: dict[str, int] = field(default_factory=dict)
    holder: str = ""
    holder_token: str = ""
    certificate_expires: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def inspect_url(url: str, token: str | None = None, ca: Path | None = None) -> Inspection:
    """Ask an agent; without its token only whether it is up is learnt.

    Raises:
        DeviceRefusedError: the certificate of the authority cannot be read, the address is not valid, or
            the token would travel in clear.
    """
    secure, _ = check_address(url, token)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    found, verify = Inspection(url=url), tls.trust(ca) if secure else False
    try:
        with httpx.Client(
            base_url=url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False, verify=verify
        ) as http:
            with http.stream("GET", wire.HEALTH) as health:
                secured = health.extensions["network_stream"].get_extra_info("ssl_object")
                shown = secured.getpeercert() if secured is not None else None
            found = replace(
                found,
                up=health.is_success,
                certificate_expires=date(ssl.cert_time_to_seconds(shown["notAfter"])) if shown else "",
            )
            if not token:
                return replace(found, trouble="no token given, so no more than this can be told")
            device, metrics = http.get(wire.DEVICE), http.get(wire.METRICS)
            isolation = http.get(wire.ISOLATION)
    except httpx.HTTPError as error:
        return replace(found, trouble=faults.line_of(error))
    if not metrics.is_success:
        return replace(found, trouble=line_of(metrics))
    counts: dict[str, dict[str, int]] = {"jobs": {}, "leases": {}}
    for name, state, number in _GAUGE.findall(metrics.text):
        counts[name][state] = int(number)
    found = replace(found, jobs=counts["jobs"], leases=counts["leases"])
    try:
        if isolation.is_success:
            found = replace(
                found, isolation=from_mapping(wire.Isolation, plain_texts(isolation.json()), source=url).guards
            )
        return replace(found, device=from_mapping(DeviceInfo, plain_texts(device.json()), source=url))
    except (ValueError, ConfigError):
        return replace(found, trouble=line_of(device))


def inspect_folder(folder: Path, token: str | None = None) -> Inspection:
    """Ask the agent of a folder on this machine, and read the rest from its files.

    Raises:
        ConfigError: a file in it is wrong.
        DeviceRefusedError: its certificate cannot be read.
    """
    config = read_config(folder)
    host = _ANYWHERE.get(config.host, config.host)
    scheme, shown = ("https" if config.certificate else "http"), f"[{host}]" if ":" in host else host
    ca = folder / CA_FILE
    found = inspect_url(f"{scheme}://{shown}:{config.port}", token, ca if ca.exists() else None)
    kept = config.folder or folder
    tokens = Tokens(kept / TOKENS_FILE)
    expires = None if config.certificate is None else expiry(config.certificate)
    jobs, leases, holder, holder_token = _read_database(kept / DATABASE_FILE)
    return replace(
        found,
        jobs=found.jobs or jobs,
        leases=found.leases or leases,
        holder=holder,
        holder_token=holder_token,
        certificate_expires=found.certificate_expires or ("" if expires is None else date(expires)),
        tokens={kept_token.name: kept_token.expires or "never" for kept_token in tokens.all},
        warnings=tuple(warnings(tokens, expires)),
    )


def _read_database(path: Path) -> tuple[dict[str, int], dict[str, int], str, str]:
    if not path.exists():
        return {}, {}, "", ""
    counts = "select state, count(*) from {} where state in ('queued', 'running', 'waiting', 'held') group by state"
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as base:
            jobs, leases = (dict(base.execute(counts.format(table)).fetchall()) for table in ("jobs", "leases"))
            held = base.execute("select holder, client from leases where state = 'held'").fetchone()
    except sqlite3.DatabaseError:
        return {}, {}, "", ""
    return (
        {state: jobs.get(state, 0) for state in ("queued", "running")},
        {state: leases.get(state, 0) for state in ("held", "waiting")},
        *(held or ("", "")),
    )
