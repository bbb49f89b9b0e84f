"""A certificate's expiry and names, read from the file itself: a board has no library for certificates."""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from mqn.errors import DeviceRefusedError

SOON_SECONDS = 30 * 86_400
_EXTENSIONS, _BOOLEAN, _DNS_NAME, _ADDRESS, _ALTERNATIVES = 0xA3, 0x01, 0x82, 0x87, bytes((0x55, 0x1D, 0x11))
_SEQUENCE, _CONTEXT_0, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


def expiry(path: Path) -> float:
    """Read when a PEM file's first certificate expires, in seconds since 1970. A `DeviceRefusedError` without one."""
    with _reading(path) as der:
        return _not_after(der)


def hosts(path: Path) -> tuple[str, ...]:
    """The names and addresses that the first certificate of a PEM file is for."""
    with _reading(path) as der:
        return tuple(_alternatives(der))


def expiry_warning(expires: float | None, now: float | None = None) -> str:
    """Warn of a certificate that expires soon; empty while there is time. Times are seconds since 1970."""
    left = None if expires is None else expires - (time.time() if now is None else now)
    if left is None or left > SOON_SECONDS:
        return ""
    told = "has expired" if left <= 0 else f"expires in {left / 86_400:.0f} days"
    return f"the certificate {told}; make another with: mqn agent init --renew"


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[bytes]:
    try:
        text = path.read_text(encoding="ascii")
        begin, end = text.index(ssl.PEM_HEADER), text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
        yield ssl.PEM_cert_to_DER_cert(text[begin:end])
    except OSError as error:
        raise DeviceRefusedError(f"cannot read certificate {path}: {error.strerror}") from error
    except (ValueError, IndexError) as error:
        raise DeviceRefusedError(f"{path} holds no certificate; make one with: mqn agent init") from error


def _alternatives(der: bytes) -> Iterator[str]:
    # RFC 5280, section 4.2.1.6: the field [3] holds Extension { id, critical, OCTET STRING { GeneralName, ... } }
    _, certificate, _ = _read(der)
    _, rest, _ = _read(certificate)
    while rest:
        tag, content, rest = _read(rest)
        if tag != _EXTENSIONS:
            continue
        _, extensions, _ = _read(content)
        while extensions:
            _, extension, extensions = _read(extensions)
            _, identity, value = _read(extension)
            if identity != _ALTERNATIVES:
                continue
            tag, octets, value = _read(value)
            if tag == _BOOLEAN:
                _, octets, _ = _read(value)
            _, names, _ = _read(octets)
            while names:
                tag, name, names = _read(names)
                if tag == _DNS_NAME:
                    yield name.decode("ascii")
                elif tag == _ADDRESS:
                    yield str(ipaddress.ip_address(name))


def _not_after(der: bytes) -> float:
    # X.509 (RFC 5280, section 4.1): Certificate { TBSCertificate { [0] version, serialNumber, signature, issuer,
    # Validity { notBefore, notAfter }, ... } ... }
    _, certificate, _ = _read(der)
    _, fields, _ = _read(certificate)
    tag, _, rest = _read(fields)
    for _ in range(4 if tag == _CONTEXT_0 else 3):
        tag, content, rest = _read(rest)
    if tag != _SEQUENCE:
        raise ValueError("no validity")
    _, _, rest = _read(content)
    tag, moment, _ = _read(rest)
    # Years of two digits are of 1950 to 2049, which strptime does not do.
    digits = moment.decode("ascii")
    if tag == _UTC_TIME:
        digits = ("19" if int(digits[:2]) >= 50 else "20") + digits
    elif tag != _GENERALIZED_TIME:
        raise ValueError("no time")
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _read(der: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element, and what follows it."""
    length, begin = der[1], 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(der[2:begin], "big")
    return der[0], der[begin : begin + length], der[begin + length :]
