"""Which addresses data is fetched from: HTTPS, or plain HTTP where the file's hash is known from a safe source.

Plain HTTP lets anybody on the way put other bytes in the place of a file, or other names into a listing. A server on
this machine (loopback) is asked as it is: nobody stands between.
"""

from __future__ import annotations

import ipaddress
import urllib.parse
from typing import TYPE_CHECKING

from mqn.errors import FetchError
from mqn.text.redaction import shortened

if TYPE_CHECKING:
    import httpx

_LONGEST = 2000


def require_address(url: str, *, hashed: bool = False) -> None:
    """Check an address from a catalogue.

    `hashed` says that its file will be compared with a hash that came over another way.

    Raises:
        FetchError: it is no address, is not HTTP, carries a password, or is plain HTTP without a hash.
    """
    parts = _parts(url)
    if parts.scheme == "http" and not hashed and not is_loopback(parts.hostname):
        raise FetchError(
            f"{_shown(url)}: plain http without a SHA-256 is not used, anybody on the way could change it; give an "
            "https address, or the file's sha256"
        )


def require_listed(url: str, listing: str, *, hashed: bool = False) -> None:
    """Check an address from a listing.

    `listing` is the listing's own address; empty for one that a person gave as a file.

    Raises:
        FetchError: as `require_address`; or it leads from the network to a server on this machine.
    """
    require_address(url, hashed=hashed)
    if listing and is_loopback(_parts(url).hostname) and not is_loopback(_parts(listing).hostname):
        raise FetchError(f"{_shown(url)}: {_shown(listing)} must not lead to a server on this machine")


def check_redirect(response: httpx.Response) -> None:
    """A hook of the client: a redirect may lead to HTTPS, or stay where it is as safe as before.

    Raises:
        FetchError: it leads from HTTPS to plain HTTP, from the network to this machine, or to no web address.
    """
    if not response.has_redirect_location:
        return
    before = str(response.request.url)
    after = urllib.parse.urljoin(before, response.headers["location"])
    was, becomes = _parts(before), _parts(after)
    if becomes.scheme == "http" and was.scheme == "https":
        raise FetchError(f"{_shown(before)}: redirects from https to plain http, {_shown(after)}; it is not followed")
    if is_loopback(becomes.hostname) != is_loopback(was.hostname) and (
        becomes.scheme == "http" or is_loopback(becomes.hostname)
    ):
        raise FetchError(f"{_shown(before)}: redirects to {_shown(after)}, which is less safe; it is not followed")


def _parts(url: str) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise FetchError(f"{_shown(url)} is no web address: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise FetchError(f"{_shown(url)} is no web address; https://... is needed")
    if parts.username is not None or parts.password is not None:
        raise FetchError(f"the address at {host} carries a user name or password; that is not supported, leave it out")
    if len(url) > _LONGEST or not url.isprintable():
        raise FetchError(f"{_shown(url)} is no web address: it is too long, or holds control characters")
    return parts


def is_loopback(host: str | None) -> bool:
    """Whether a host's name or address means this machine."""
    if host is None:
        return False
    if host.rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(url: str) -> str:
    shown = url if url.isprintable() else repr(url)
    return shortened(shown, 200)
