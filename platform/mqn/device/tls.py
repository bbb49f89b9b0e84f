"""The host's side of TLS: which certificates to trust, and plain words for failed handshakes."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx

from mqn.errors import DeviceRefusedError

PROBE_SECONDS = 2.0

# OpenSSL's verification results, by what to do about them.
_TIME = {9: "is the clock right, on both machines?", 10: "make another with: mqn agent init --renew"}
_NAME = frozenset({62, 64})
# How OpenSSL names an answer that is not TLS at all.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})


def trust(ca: Path | None) -> ssl.SSLContext:
    """Trust certificates signed by `ca`; None: by the system's authorities.

    Raises:
        DeviceRefusedError: the file cannot be read, or holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca.expanduser()))
    except ssl.SSLError as error:
        raise DeviceRefusedError(f"ca {ca}: holds no certificate in PEM format; give ca.pem") from error
    except OSError as error:
        raise DeviceRefusedError(f"cannot read ca {ca}: {error.strerror}; `mqn agent init` says where it is") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def check(error: httpx.TransportError, url: httpx.URL, *, answered: bool) -> None:
    """Raise for a failed request if another try does not help.

    `answered` says whether that agent has answered before.

    Raises:
        DeviceRefusedError: the certificate is not to be believed, or only one side speaks TLS.
    """
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise DeviceRefusedError(
                f"the certificate of {url} cannot be trusted: {cause.verify_message.rstrip('.')}; {_advice(cause)}"
            ) from error
        if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
            raise DeviceRefusedError(
                f"{url} does not speak TLS; on loopback give an http:// address, elsewhere serve it with a certificate"
            ) from error
    cut_short = isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError))
    if url.scheme == "http" and cut_short and not answered and _speaks_tls(url):
        raise DeviceRefusedError(f"{url} speaks TLS; give it as https://") from error


def _advice(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _TIME:
        return _TIME[error.verify_code]
    if error.verify_code in _NAME:
        return "give the address as the certificate has it, or make one for this address with: mqn agent init --renew"
    return "give the ca.pem of whoever ran `mqn agent init` as 'ca' in the profile"


def _speaks_tls(url: httpx.URL) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Nothing is sent and nothing believed: all that counts is whether a handshake comes about.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((url.host, url.port or 80), timeout=PROBE_SECONDS) as plain,
            context.wrap_socket(plain),
        ):
            return True
    except OSError:
        return False


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # httpx hides its cause from tracebacks (`raise ... from None`): the context counts all the same.
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
