"""Makes what an agent on another machine needs: certificate, token, configuration, service."""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
import shlex
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqn.device.agent.service.config import CONFIG_FILE, PORT, Limits, read_config
from mqn.device.agent.service.unit import PROGRAM, SERVICE_FOLDER, SERVICE_USER, UNIT_FILE, service_unit
from mqn.device.agent.trust.authority import CA_FILE, MAX_DAYS, hosts_of, issue, open_authority, write_private
from mqn.device.agent.trust.tokens import OWNER, TOKENS_FILE, Token, TokenFile, date, hash_secret
from mqn.distribution import WHEEL, clone, find_wheel
from mqn.errors import UsageError
from mqn.parsing import read_json, to_plain

CERTIFICATE_FILE, KEY_FILE = "certificate.pem", "key.pem"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", re.ASCII)
HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9-]{1,63})*", re.ASCII)
SECRET_BYTES = 32
# In the installing user's home: the key must not lie where others could read it.
COPY = "mqn-agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What was made, and where.

    Attributes:
        name: of the agent.
        folder: to be copied to the device.
        token_file: the token's secret, for the host only.
        ca: certificate of the authority, for the host.
        url: where the host finds the agent.
        certificate_expires: ISO 8601.
        token_expires: likewise.
        profile: the device's table for the host's profile, TOML.
        steps: what to do on the device, one command a line.
    """

    name: str
    folder: Path
    token_file: Path
    ca: Path
    url: str
    certificate_expires: str
    token_expires: str
    profile: str
    steps: tuple[str, ...]


def install(
    name: str,
    hosts: Sequence[str],
    *,
    folder: Path,
    authority_folder: Path,
    tokens_folder: Path,
    port: int = PORT,
    days: int = MAX_DAYS,
    token_days: int = 365,
    renew: bool = False,
) -> Installation:
    """Make what an agent needs.

    Args:
        name: of the agent: the device's name in a profile.
        hosts: addresses and names that it is reached under, the one to bind first; may be empty to renew.
        folder: gets what the device needs.
        authority_folder: of the certificate authority; it is made if absent.
        tokens_folder: gets the token's secret, which the device does not need.
        port: to listen on.
        days: how long the certificate is valid.
        token_days: how long the token is.
        renew: make certificate and token anew; the configuration stays as it is.

    Raises:
        UsageError: a name or number cannot be, the folder holds an agent already, or none to renew, or a folder cannot
            be written to.
        MissingLibraryError: certificates cannot be made here.
        DeviceRefusedError: the authority cannot be used.
    """
    _check(name, hosts, days, token_days, port)
    certificate, made = folder / CERTIFICATE_FILE, (folder / CONFIG_FILE).exists()
    if made and not renew:
        raise UsageError(
            f"{folder} holds an agent already; --renew makes a new certificate and token, --output another"
        )
    if renew and not made:
        raise UsageError(f"no agent in {folder} to renew; leave --renew out to make one")
    names = list(dict.fromkeys(hosts)) or (hosts_of(certificate) if renew else [])
    if not names:
        raise UsageError("no --host given; name the address or name that the agent is reached under")
    secret, token = _make_token(name, token_days)
    try:
        authority = open_authority(authority_folder)
        pem, key = issue(authority, names, days)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(folder / KEY_FILE, key)
        write_private(certificate, pem)
        shutil.copyfile(authority_folder / CA_FILE, folder / CA_FILE)
        _write_token(folder / TOKENS_FILE, token)
        tokens_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(tokens_folder / name, f"{secret}\n".encode())
        if not made:
            (folder / CONFIG_FILE).write_text(_config(names, port), encoding="utf-8")
            (folder / UNIT_FILE).write_text(service_unit(Limits().drain_seconds), encoding="utf-8")
            if (wheel := find_wheel()) is not None:  # No index has the package: the device gets it with the rest.
                shutil.copyfile(wheel, folder / WHEEL)
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}; choose --output or --ca") from error
    config = read_config(folder)
    until = min(time.time() + days * 86_400, authority.certificate.not_valid_after_utc.timestamp())
    url = f"https://{f'[{names[0]}]' if ':' in names[0] else names[0]}:{config.port}"
    token_file, ca = (tokens_folder / name).absolute(), (authority_folder / CA_FILE).absolute()
    return Installation(
        name=name,
        folder=folder,
        token_file=token_file,
        ca=ca,
        url=url,
        certificate_expires=date(until),
        token_expires=token.expires,
        profile=_profile(name, url, token_file, ca),
        steps=_steps(folder, names[0], renew=renew),
    )


def _check(name: str, hosts: Sequence[str], days: int, token_days: int, port: int) -> None:
    if name == OWNER:
        raise UsageError(f"--name {name!r} means whoever starts an agent; choose another, for example board")
    if not NAME.fullmatch(name):
        raise UsageError(f"--name {name!r}: use letters, digits, - and _, for example board")
    for host in hosts:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            if not HOST.fullmatch(host):
                raise UsageError(
                    f"--host {host!r} is neither an address nor a host's name; write 10.77.0.2 or board.lan"
                ) from None
    if not 1 <= days <= MAX_DAYS:
        raise UsageError(f"--days {days} must be between 1 and {MAX_DAYS}")
    if not 1 <= token_days <= 3650:
        raise UsageError(f"--token-days {token_days} must be between 1 and 3650")
    if not 1 <= port <= 65_535:
        raise UsageError(f"--port {port} must be between 1 and 65535")


def _make_token(name: str, days: int) -> tuple[str, Token]:
    secret, now = secrets.token_urlsafe(SECRET_BYTES), time.time()
    token = Token(name=name, sha256=hash_secret(secret), issued=date(now), expires=date(now + days * 86_400))
    return secret, token


def _write_token(path: Path, token: Token) -> None:
    others = read_json(TokenFile, path).tokens if path.exists() else ()
    kept = TokenFile(tokens=(*(other for other in others if other.name != token.name), token))
    write_private(path, (json.dumps(to_plain(kept), indent=1) + "\n").encode())


def _config(hosts: Sequence[str], port: int) -> str:
    bound = next((host for host in hosts if _is_address(host)), hosts[0])
    limits = Limits()
    return f"""\
# An agent, as `mqn agent serve --config` reads it. Paths are relative to this file's folder.
host = {json.dumps(bound)} # the address to bind
port = {port}
backend = "local" # what drives the device: "local", "adb:SERIAL", "ssh:USER@HOST"
certificate = "{CERTIFICATE_FILE}"
key = "{KEY_FILE}"

[limits]
quota_bytes = {limits.quota_bytes} # what the uploaded models may take together
capacity = {limits.capacity} # how many jobs may wait
drain_seconds = {limits.drain_seconds} # how long the running job may go on when the agent is asked to end
"""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _profile(name: str, url: str, token_file: Path, ca: Path) -> str:
    return f"""\
[devices.{name}]
url = {json.dumps(url)}
token_file = {json.dumps(str(token_file))}
ca = {json.dumps(str(ca))}
"""


def _steps(folder: Path, host: str, *, renew: bool) -> tuple[str, ...]:
    files = [CERTIFICATE_FILE, KEY_FILE, TOKENS_FILE, CA_FILE, *(() if renew else (CONFIG_FILE, UNIT_FILE))]
    copied = " ".join(f"{COPY}/{file}" for file in files if file != UNIT_FILE)
    place = f"sudo install -o {SERVICE_USER} -m 0600 {copied} {SERVICE_FOLDER}/"
    copy = f"scp -r {shlex.quote(str(folder))} {f'[{host}]' if ':' in host else host}:{COPY}"
    tidy = f"rm -r {COPY}"
    if renew:
        return (copy, place, tidy, "sudo systemctl restart mqn-agent")
    return (
        *_wheel_steps(folder),
        copy,
        f"sudo python3 -m venv {Path(PROGRAM).parents[1]}",
        f"sudo {Path(PROGRAM).parent}/pip install '{COPY}/{WHEEL}[agent]'",
        f"sudo useradd --system --home-dir {SERVICE_FOLDER} --shell /usr/sbin/nologin {SERVICE_USER}",
        f"sudo install -d -o {SERVICE_USER} -m 0700 {SERVICE_FOLDER}",
        place,
        f"sudo install -m 0644 {COPY}/{UNIT_FILE} /etc/systemd/system/",
        tidy,
        "sudo systemctl enable --now mqn-agent",
    )


def _wheel_steps(folder: Path) -> tuple[str, ...]:
    """How the wheel comes into the folder, where it was not there to be copied."""
    if (folder / WHEEL).is_file():
        return ()
    root = clone()
    built = root / "dist" if root is not None else Path("dist")
    make = f"make -C {shlex.quote(str(root))} wheel" if root is not None else "make wheel  # in a clone of the project"
    return make, f"cp {shlex.quote(str(built / WHEEL))} {shlex.quote(str(folder))}/"
