"""A private certificate authority on the host, which signs the devices' certificates."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mqn.errors import DeviceRefusedError, MissingLibraryError
from mqn.files.publishing import publish_file

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

CA_FILE, CA_KEY_FILE = "ca.pem", "ca.key"
AUTHORITY_DAYS = 3650
MAX_DAYS = 825
# A device whose clock is behind must not find its own certificate in the future.
BACKDATED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs: certificate and private key."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey


def open_authority(folder: Path) -> Authority:
    """The authority of a folder, made if there is none: `ca.pem`, which is public, and `ca.key`, which is secret.

    Raises:
        MissingLibraryError: certificates cannot be made here.
        DeviceRefusedError: what lies in the folder is no authority, or its time is over.
    """
    x509, _, serialization = _libraries()
    certificate_path, key_path = folder / CA_FILE, folder / CA_KEY_FILE
    if not certificate_path.exists() and not key_path.exists():
        _make_authority(folder)
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise DeviceRefusedError(f"{folder} holds no usable authority ({error}); give another --ca") from error
    if certificate.not_valid_after_utc <= datetime.now(UTC):
        raise DeviceRefusedError(f"the authority in {folder} has expired; move it away, and renew every agent")
    return Authority(certificate, key)


def issue(authority: Authority, hosts: Sequence[str], days: float) -> tuple[bytes, bytes]:
    """Make an agent's certificate and private key, in PEM.

    `hosts` are the names and addresses that the agent is reached under, at least one. The certificate is valid for
    `days`, but no longer than the authority's own.
    """
    x509, ec, serialization = _libraries()
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    until = min(datetime.now(UTC) + timedelta(days=days), authority.certificate.not_valid_after_utc)
    issuer_key = authority.certificate.public_key()
    certificate = (
        _builder(_name(hosts[0]), authority.certificate.subject, key, until, signs=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(host) for host in hosts]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), _private(key)


def hosts_of(certificate: Path) -> list[str]:
    """The names and addresses that a certificate is for.

    Raises:
        DeviceRefusedError: there is none in the file.
    """
    x509, _, _ = _libraries()
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        raise DeviceRefusedError(f"{certificate} is no certificate of an agent; give its --host again") from error
    return [str(name.value) for name in names]


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    publish_file(new, path)


def _make_authority(folder: Path) -> None:
    _, ec, serialization = _libraries()
    from cryptography.hazmat.primitives import hashes

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("mqn device lab")
    until = datetime.now(UTC) + timedelta(days=AUTHORITY_DAYS)
    certificate = _builder(name, name, key, until, signs=True).sign(key, hashes.SHA256())
    write_private(folder / CA_KEY_FILE, _private(key))
    (folder / CA_FILE).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, until: datetime, *, signs: bool
) -> x509.CertificateBuilder:
    """Begin a certificate with what the authority's and an agent's share; `signs` is true for the authority's."""
    x509, _, _ = _libraries()
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - BACKDATED)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=signs, path_length=0 if signs else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    x509, _, _ = _libraries()
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _alternative(host: str) -> x509.GeneralName:
    x509, _, _ = _libraries()
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private(key: EllipticCurvePrivateKey) -> bytes:
    _, _, serialization = _libraries()
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _libraries():  # type: ignore[no-untyped-def]
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise MissingLibraryError(
            "making certificates needs the package 'cryptography', which is not here; run mqn agent init on the host "
            "of the study, and copy the folder that it makes to the device"
        ) from error
    return x509, ec, serialization
