"""Lists a dataset's files from web pages, buckets and web interfaces, where the catalogue does not list them."""

from __future__ import annotations

import base64
import csv
import html.parser
import re
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from mqn.data.public.catalogue import Listing, PublicDataset, RemoteFile
from mqn.data.public.naming import checked
from mqn.data.public.transfer import Patience
from mqn.errors import FetchError, LocalNameError
from mqn.files.local_names import name_of_url, safe_name
from mqn.net.web_addresses import require_address, require_listed

_WORKERS = 4
_LARGEST_PAGE_BYTES = 64 << 20
_MOST_PAGES = 10_000


def files_of(dataset: PublicDataset, http: httpx.Client, patience: Patience) -> list[RemoteFile]:
    """List a dataset's files.

    Returns:
        Its files, sorted by name; each name once.

    Raises:
        FetchError: a page cannot be had, or what it holds is not understood, or it lists nothing, or a name or an
            address that is not safe.
    """
    if dataset.listing is None:
        return checked(dataset.files, "the catalogue")
    listing = dataset.listing
    try:
        found = list(_READERS[dataset.access](listing, _Reader(http, patience)))
    except LocalNameError as error:
        raise FetchError(f"{listing.url}: {error}; nothing is fetched") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise FetchError(
            f"{listing.url}: answers in another form than this program knows ({type(error).__name__}: {error}); see "
            f"{dataset.page}, and give what you get there with --from"
        ) from error
    if not found:
        raise FetchError(f"{listing.url}: lists no file like {listing.match}; see {dataset.page}, and use --from")
    for file in found:
        require_listed(file.url, listing.url, hashed=bool(file.sha256 or file.md5))
    return checked(found, listing.url)


def files_in_table(table: Path, listing: Listing) -> list[RemoteFile]:
    """List the files that a CSV table names, an address in each row.

    Raises:
        FetchError: the table cannot be read, has no such column, or an address in it is not safe.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            addresses = [(row.get(listing.column) or "").strip() for row in reader]
            columns = reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FetchError(f"cannot read {table}: {error}") from error
    if listing.column not in columns:
        raise FetchError(f"{table} has no column {listing.column!r}; it has {', '.join(columns)}")
    addresses = [_replaced(address, listing) for address in addresses if address]
    for address in addresses:
        require_listed(address, "")
    try:
        return checked((RemoteFile(url=address, name=name_of_url(address)) for address in addresses), str(table))
    except LocalNameError as error:
        raise FetchError(f"{table}: {error}; nothing is fetched") from error


class _Reader:
    """Gets pages, patiently."""

    def __init__(self, http: httpx.Client, patience: Patience) -> None:
        self._http, self._patience = http, patience

    def get(self, url: str) -> httpx.Response:
        require_address(url)
        for failures in range(1, self._patience.tries + 1):
            try:
                response = self._get(url)
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise FetchError(f"{url}: {error}") from error
            else:
                if response.is_success:
                    return response
                reason = f"the server answers {response.status_code} {response.reason_phrase}"
                if response.status_code < httpx.codes.INTERNAL_SERVER_ERROR and response.status_code != 429:
                    break
            if failures < self._patience.tries:
                time.sleep(self._patience.wait_s(failures))
        raise FetchError(f"{url}: {reason}; open it in a browser, and give what you get there with --from")

    def _get(self, url: str) -> httpx.Response:
        """One page, read up to a size."""
        with self._http.stream("GET", url, headers={"Accept-Encoding": "gzip, deflate"}) as response:
            content = bytearray()
            for block in response.iter_bytes():
                content += block
                if len(content) > _LARGEST_PAGE_BYTES:
                    raise FetchError(f"{url}: lists more than {_LARGEST_PAGE_BYTES >> 20} MiB; that is no listing")
        return httpx.Response(
            response.status_code, headers=_plain(response.headers), content=bytes(content), request=response.request
        )

    def json(self, url: str) -> dict[str, Any]:
        answer = self.get(url).json()
        if not isinstance(answer, dict):
            raise TypeError(f"a list of {len(answer)}" if isinstance(answer, list) else repr(answer))
        return answer


class _Links(html.parser.HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href")
        if tag == "a" and address:
            self.found.append(urllib.parse.urldefrag(urllib.parse.urljoin(self.base, address.strip())).url)


def _gallery(listing: Listing, reader: _Reader) -> Iterator[RemoteFile]:
    links = _links(listing, listing.url, reader)
    if listing.follow is not None:
        pages = sorted({link for link in links if re.fullmatch(listing.follow, link)})[:_MOST_PAGES]
        for page in pages:
            require_listed(page, listing.url)
        with ThreadPoolExecutor(_WORKERS) as pool:
            for more in pool.map(lambda page: _links(listing, page, reader), pages):
                links += more
    for link in links:
        if re.fullmatch(listing.match, link):
            yield RemoteFile(url=link, name=name_of_url(link))


def _links(listing: Listing, url: str, reader: _Reader) -> list[str]:
    response = reader.get(url)
    parser = _Links(str(response.url))
    parser.feed(response.text)
    return [_replaced(link, listing) for link in parser.found]


def _replaced(address: str, listing: Listing) -> str:
    if not listing.replace:
        return address
    old, new = listing.replace
    return address.replace(old, new)


def _bucket(listing: Listing, reader: _Reader) -> Iterator[RemoteFile]:
    prefix = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(listing.url).query)).get("prefix", "")
    token: str | None = ""
    seen: set[str] = set()
    while token is not None:
        seen.add(token)
        page = reader.json(listing.url + (f"&pageToken={urllib.parse.quote(token)}" if token else ""))
        for item in page.get("items", []):
            if re.fullmatch(listing.match, item["name"]):
                yield RemoteFile(
                    url=listing.media + urllib.parse.quote(item["name"]),
                    name=item["name"].removeprefix(prefix).lstrip("/"),
                    md5=base64.b64decode(item["md5Hash"]).hex() if "md5Hash" in item else None,
                    size_bytes=int(item["size"]),
                )
        token = page.get("nextPageToken")
        if token in seen or len(seen) > _MOST_PAGES:
            raise ValueError(f"page {token!r} leads to itself, or there are too many")


def _polyhaven(listing: Listing, reader: _Reader) -> Iterator[RemoteFile]:
    def variant(asset: str) -> RemoteFile | None:
        file = reader.json(f"{listing.url}/files/{urllib.parse.quote(asset)}")
        for key in listing.keys:
            if key not in file:
                return None
            file = file[key]
        return RemoteFile(
            url=file["url"], name=name_of_url(file["url"]), md5=file.get("md5"), size_bytes=file.get("size")
        )

    with ThreadPoolExecutor(_WORKERS) as pool:
        files = pool.map(variant, sorted(reader.json(f"{listing.url}/assets?t=hdris")))
        yield from (file for file in files if file is not None)


def _dspace(listing: Listing, reader: _Reader) -> Iterator[RemoteFile]:
    for bundle in _pages(listing.url, "bundles", reader):
        if bundle["name"] != "ORIGINAL":
            continue
        for file in _pages(bundle["_links"]["bitstreams"]["href"], "bitstreams", reader):
            if re.fullmatch(listing.match, file["name"]):
                checksum = file.get("checkSum") or {}
                yield RemoteFile(
                    url=file["_links"]["content"]["href"],
                    name=safe_name(file["name"]),
                    md5=checksum.get("value") if checksum.get("checkSumAlgorithm") == "MD5" else None,
                    size_bytes=file["sizeBytes"],
                )


def _pages(url: str, kind: str, reader: _Reader) -> Iterator[dict[str, Any]]:
    address: str | None = url
    seen: set[str] = set()
    while address:
        if address in seen or len(seen) > _MOST_PAGES:
            raise ValueError(f"page {address!r} leads to itself, or there are too many")
        seen.add(address)
        page = reader.json(address)
        yield from page.get("_embedded", {}).get(kind, [])
        address = page.get("_links", {}).get("next", {}).get("href")


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """The headers of a content that is decoded by now."""
    return {name: value for name, value in headers.items() if name not in ("content-encoding", "content-length")}


_READERS: dict[str, Callable[[Listing, _Reader], Iterator[RemoteFile]]] = {
    "gallery": _gallery,
    "bucket": _bucket,
    "polyhaven": _polyhaven,
    "dspace": _dspace,
}
