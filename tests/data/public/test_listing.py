"""Galleries, buckets, interfaces and tables, as their sites answer."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.data.public.site import Site

from mqn.data.public.catalogue import Access, Layout, Listing, PublicDataset, RemoteFile, load
from mqn.data.public.listing import files_in_table, files_of
from mqn.data.public.transfer import Patience, client
from mqn.errors import FetchError


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with client() as running:
        yield running


def entry(access: Access, listing: Listing) -> PublicDataset:
    return PublicDataset(
        title="Thing",
        page="https://example.org/thing",
        licence="CC0",
        access=access,
        listing=listing,
        checked="invented for a test",
        layout=Layout(hdr=r"(?P<scene>[^/]+)\.hdr", source="{scene}"),
    )


def test_gallery_takes_relative_and_absolute_links_once(site: Site, http: httpx.Client, patience: Patience) -> None:
    site.put(
        "/pages/list.html",
        f"""<html><a href="img/one.hdr">one</a> <A HREF='{site.url}/pages/img/two%20b.hdr#top'>two</A>
        <a href="img/one.hdr"><img src="one.gif"></a> <a href="one.jpg">no</a> <a name="x">no</a>""",
        kind="text/html",
    )
    found = files_of(entry("gallery", Listing(url=f"{site.url}/pages/list.html", match=r".*\.hdr")), http, patience)
    assert found == [
        RemoteFile(url=f"{site.url}/pages/img/one.hdr", name="one.hdr"),
        RemoteFile(url=f"{site.url}/pages/img/two%20b.hdr", name="two b.hdr"),
    ]


def test_gallery_follows_pages_one_step(site: Site, http: httpx.Client, patience: Patience) -> None:
    site.put("/thumbs.html", "<a href='Scenes/A.html'>A</a><a href='Scenes/B.html'>B</a><a href='/else.html'>no</a>")
    site.put("/Scenes/A.html", "<a href='../EXRs/A.exr'>A</a><a href='C.html'>too deep</a>")
    site.put("/Scenes/B.html", "<a href='../EXRs/B(2).exr'>B</a>")
    listing = Listing(url=f"{site.url}/thumbs.html", match=r".*/EXRs/.*\.exr", follow=r".*/Scenes/[^/]+\.html")
    assert [file.name for file in files_of(entry("gallery", listing), http, patience)] == ["A.exr", "B(2).exr"]


def test_bucket_is_read_page_by_page(site: Site, http: httpx.Client, patience: Patience) -> None:
    def item(name: str) -> dict[str, str]:
        return {"name": name, "size": "5", "md5Hash": base64.b64encode(hashlib.md5(b"hello").digest()).decode()}

    listing = Listing(
        url=f"{site.url}/o?prefix=2017/results/&fields=items",
        match=r"2017/results/[^/]+/merged\.dng",
        media=site.url + "/m/",
    )
    first = {"items": [item("2017/results/b1/merged.dng"), item("2017/results/b1/final.jpg")], "nextPageToken": "x/y="}
    site.put("/o?prefix=2017/results/&fields=items", json.dumps(first), kind="application/json")
    site.put(
        "/o?prefix=2017/results/&fields=items&pageToken=x/y%3D",
        json.dumps({"items": [item("2017/results/b 2/merged.dng")]}),
    )
    assert files_of(entry("bucket", listing), http, patience) == [
        RemoteFile(
            url=f"{site.url}/m/2017/results/{quoted}/merged.dng",
            name=f"{name}/merged.dng",
            md5="5d41402abc4b2a76b9719d911017c592",
            size_bytes=5,
        )
        for name, quoted in (("b 2", "b%202"), ("b1", "b1"))
    ]


def test_polyhaven_gives_one_variant_of_each_asset(site: Site, http: httpx.Client, patience: Patience) -> None:
    site.put("/assets?t=hdris", json.dumps({"alps": {}, "barn": {}, "odd": {}}))
    for name in ("alps", "barn"):
        file = {"url": f"{site.url}/dl/{name}_2k.hdr", "size": 7, "md5": "0" * 32}
        site.put(f"/files/{name}", json.dumps({"hdri": {"2k": {"hdr": file, "exr": {}}, "4k": {}}, "tonemapped": {}}))
    site.put("/files/odd", json.dumps({"hdri": {"16k": {}}}))
    found = files_of(entry("polyhaven", Listing(url=site.url, keys=("hdri", "2k", "hdr"))), http, patience)
    assert [(file.name, file.md5, file.size_bytes) for file in found] == [
        ("alps_2k.hdr", "0" * 32, 7),
        ("barn_2k.hdr", "0" * 32, 7),
    ]


def test_dspace_gives_the_original_files(site: Site, http: httpx.Client, patience: Patience) -> None:
    def bundle(name: str) -> dict[str, object]:
        return {"name": name, "_links": {"bitstreams": {"href": f"{site.url}/bundles/{name}/bitstreams"}}}

    def bitstream(name: str, algorithm: str = "MD5") -> dict[str, object]:
        return {
            "name": name,
            "sizeBytes": 9,
            "checkSum": {"checkSumAlgorithm": algorithm, "value": "ab"},
            "_links": {"content": {"href": f"{site.url}/{name}/content"}},
        }

    site.put("/items/1/bundles", json.dumps({"_embedded": {"bundles": [bundle("LICENSE"), bundle("ORIGINAL")]}}))
    site.put(
        "/bundles/ORIGINAL/bitstreams",
        json.dumps(
            {
                "_embedded": {"bitstreams": [bitstream("reference.zip"), bitstream("paper.pdf")]},
                "_links": {"next": {"href": f"{site.url}/bundles/ORIGINAL/bitstreams?page=1"}},
            }
        ),
    )
    site.put(
        "/bundles/ORIGINAL/bitstreams?page=1", json.dumps({"_embedded": {"bitstreams": [bitstream("input.zip", "X")]}})
    )
    listing = Listing(url=f"{site.url}/items/1/bundles", match=r".*\.zip")
    assert files_of(entry("dspace", listing), http, patience) == [
        RemoteFile(url=f"{site.url}/input.zip/content", name="input.zip", size_bytes=9),
        RemoteFile(url=f"{site.url}/reference.zip/content", name="reference.zip", md5="ab", size_bytes=9),
    ]


@pytest.mark.parametrize("answer", ["{}", "[]", "not JSON", '{"items": [{"name": "2017/a"}]}'])
def test_interface_that_changed_is_named(site: Site, http: httpx.Client, patience: Patience, answer: str) -> None:
    site.put("/o", answer)
    with pytest.raises(FetchError, match=r"/o: (answers in another form|lists no file).* --from") as error:
        files_of(entry("bucket", Listing(url=f"{site.url}/o")), http, patience)
    assert "\n" not in str(error.value)


def test_listing_that_leads_out_of_the_folder(site: Site, http: httpx.Client, patience: Patience) -> None:
    site.put("/o", json.dumps({"items": [{"name": "a/../../../etc/x.hdr", "size": "1"}]}))
    with pytest.raises(FetchError, match=r"/o: '\.\.' cannot be the name of a file.*; nothing is fetched"):
        files_of(entry("bucket", Listing(url=f"{site.url}/o", media=f"{site.url}/")), http, patience)


def test_page_that_cannot_be_had(site: Site, http: httpx.Client, patience: Patience) -> None:
    site.put("/list", "", answers=[403])
    with pytest.raises(FetchError, match=r"/list: the server answers 403 Forbidden; open it in a browser"):
        files_of(entry("gallery", Listing(url=f"{site.url}/list")), http, patience)
    assert site.statuses("/list") == [403]


def test_page_after_trouble(site: Site, http: httpx.Client, patience: Patience) -> None:
    site.put("/list", "<a href='a.hdr'>a</a>", answers=[503, 500])
    assert len(files_of(entry("gallery", Listing(url=f"{site.url}/list", match=r".*\.hdr")), http, patience)) == 1
    assert site.statuses("/list") == [503, 500, 200]


def test_table_of_raise(tmp_path: Path) -> None:
    table = tmp_path / "RAISE_1k.csv"
    table.write_text(
        "File,NEF,TIFF,Device\n"
        "r000da54ft,http://193.205.194.113/RAISE/NEF/r000da54ft.NEF,http://193.205.194.113/RAISE/TIFF/r000da54ft.TIF,D7000\n"
    )
    listing = load()["raise-1k"].listing
    assert listing is not None
    assert files_in_table(table, listing) == [
        RemoteFile(url="https://loki.disi.unitn.it/RAISE/NEF/r000da54ft.NEF", name="r000da54ft.NEF")
    ]
    table.write_text("File,RAW\na,b\n")
    with pytest.raises(FetchError, match=r"has no column 'NEF'; it has File, RAW"):
        files_in_table(table, listing)
