"""Which files a dataset consists of, where that is not fixed: web pages, buckets and interfaces that list them."""

from __future__ import annotations

import base64
import csv
import html.parser
import re
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import httpx

from mqn.data.public.catalogue import Listing, PublicDataset, RemoteFile
from mqn.data.public.transfer import Patience
from mqn.errors import FetchError

_WORKERS = 4


def files_of(dataset: PublicDataset, http: httpx.Client, patience: Patience) -> list[RemoteFile]:
    """List a dataset's files.

    Args:
        dataset: of any access but "hand" and "table".
        http: a client.
        patience: how long to go on.

    Returns:
        Its files, sorted by name; each name once.

    Raises:
        FetchError: a page cannot be had, or what it holds is not understood, or it lists nothing.
    """
    if dataset.listing is None:
        return list(dataset.files)
    listing = dataset.listing
    try:
        found = list(_READERS[dataset.access](listing, _Reader(http, patience)))
    except (KeyError, TypeError, ValueError) as error:
        raise FetchError(
            f"{listing.url}: answers in another form than this program knows ({type(error).__name__}: {error}); see "
            f"{dataset.page}, and give what you get there with --from"
        ) from error
    if not found:
        raise FetchError(f"{listing.url}: lists no file like {listing.match}; see {dataset.page}, and use --from")
    for file in found:
        if ".." in PurePosixPath(file.name).parts or PurePosixPath(file.name).is_absolute():
            raise FetchError(f"{listing.url}: lists {file.name!r}, which would leave the folder; nothing is fetched")
    return sorted({file.name: file for file in found}.values(), key=lambda file: file.name)


def files_in_table(table: Path, listing: Listing) -> list[RemoteFile]:
    """List the files that a CSV table names, an address in each row.

    Raises:
        FetchError: the table cannot be read or has no such column.
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
    if listing.replace:
        old, new = listing.replace
        addresses = [address.replace(old, new) for address in addresses]
    return [RemoteFile(url=address, name=_last_part(address)) for address in addresses if address]


class _Reader:
    """Gets pages, patiently."""

    def __init__(self, http: httpx.Client, patience: Patience) -> None:
        self._http, self._patience = http, patience

    def get(self, url: str) -> httpx.Response:
        for failures in range(1, self._patience.tries + 1):
            try:
                response = self._http.get(url, headers={"Accept-Encoding": "gzip, deflate"})
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
    links = _links(listing.url, reader)
    if listing.follow is not None:
        pages = sorted({link for link in links if re.fullmatch(listing.follow, link)})
        with ThreadPoolExecutor(_WORKERS) as pool:
            for more in pool.map(lambda page: _links(page, reader), pages):
                links += more
    for link in links:
        if re.fullmatch(listing.match, link):
            yield RemoteFile(url=link, name=_last_part(link))


def _links(url: str, reader: _Reader) -> list[str]:
    response = reader.get(url)
    parser = _Links(str(response.url))
    parser.feed(response.text)
    return parser.found


def _bucket(listing: Listing, reader: _Reader) -> Iterator[RemoteFile]:
    prefix = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(listing.url).query)).get("prefix", "")
    token: str | None = ""
    while token is not None:
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


def _polyhaven(listing: Listing, reader: _Reader) -> Iterator[RemoteFile]:
    def variant(asset: str) -> RemoteFile | None:
        file = reader.json(f"{listing.url}/files/{urllib.parse.quote(asset)}")
        for key in listing.keys:
            if key not in file:
                return None
            file = file[key]
        return RemoteFile(
            url=file["url"], name=_last_part(file["url"]), md5=file.get("md5"), size_bytes=file.get("size")
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
                    name=PurePosixPath(file["name"]).name,
                    md5=checksum.get("value") if checksum.get("checkSumAlgorithm") == "MD5" else None,
                    size_bytes=file["sizeBytes"],
                )


def _pages(url: str, kind: str, reader: _Reader) -> Iterator[dict[str, Any]]:
    address: str | None = url
    while address:
        page = reader.json(address)
        yield from page.get("_embedded", {}).get(kind, [])
        address = page.get("_links", {}).get("next", {}).get("href")


def _last_part(url: str) -> str:
    name = PurePosixPath(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
    if not name or name == "..":
        raise FetchError(f"{url}: is no address of a file")
    return name


_READERS: dict[str, Callable[[Listing, _Reader], Iterator[RemoteFile]]] = {
    "gallery": _gallery,
    "bucket": _bucket,
    "polyhaven": _polyhaven,
    "dspace": _dspace,
}
