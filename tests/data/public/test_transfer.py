"""Downloads over connections and servers of every kind."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import threading
from pathlib import Path

import pytest
from tests.data.public.site import Site

from mqn.data.public.catalogue import RemoteFile
from mqn.data.public.partial_file import PartialFile, Version
from mqn.data.public.transfer import Arrived, Patience, Stopped, Transfer
from mqn.errors import FetchError


def get(transfer: Transfer, site: Site, folder: Path, **expected: object) -> Arrived:
    folder.mkdir(exist_ok=True)
    remote = RemoteFile(url=f"{site.url}/a.zip", name="a.zip", **expected)  # type: ignore[arg-type]
    return transfer.download(remote, folder / "a.zip", folder / "a.zip.part")


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_file_arrives_with_its_checksum(transfer: Transfer, site: Site, folder: Path, body: bytes) -> None:
    site.put("/a.zip", body)
    arrived = get(transfer, site, folder, sha256=sha256(body))
    assert (folder / "a.zip").read_bytes() == body
    assert arrived == Arrived(
        sha256=sha256(body), size_bytes=100_000, etag='"v1"', last_modified="Mon, 02 Jan 2023 03:04:05 GMT"
    )
    assert [path.name for path in folder.iterdir()] == ["a.zip"]


def test_connection_dropped_ten_times(transfer: Transfer, site: Site, folder: Path, body: bytes) -> None:
    site.put("/a.zip", body, drops=10, drop_after=8192)
    get(transfer, site, folder)
    assert (folder / "a.zip").read_bytes() == body
    # Every try goes on where the one before ended: nothing is sent twice.
    assert site.ranges("/a.zip") == ["", *(f"bytes={8192 * count}-" for count in range(1, 11))]
    assert site.statuses("/a.zip") == [200, *[206] * 10]


@pytest.mark.parametrize(("etag", "last_modified"), [("", ""), ("", "Mon, 02 Jan 2023 03:04:05 GMT"), ('W/"v1"', "")])
def test_resumes_whatever_marks_the_server_gives(
    transfer: Transfer, site: Site, folder: Path, body: bytes, etag: str, last_modified: str
) -> None:
    site.put("/a.zip", body, drops=2, drop_after=30_000, etag=etag, last_modified=last_modified)
    get(transfer, site, folder)
    assert (folder / "a.zip").read_bytes() == body
    assert site.statuses("/a.zip") == [200, 206, 206]


def test_server_that_ignores_ranges_starts_over(transfer: Transfer, site: Site, folder: Path, body: bytes) -> None:
    heard: list[int] = []
    transfer = dataclasses.replace(transfer, on_bytes=heard.append)
    site.put("/a.zip", body, ranges=False, drops=2, drop_after=30_000)
    get(transfer, site, folder)
    assert (folder / "a.zip").read_bytes() == body
    assert site.statuses("/a.zip") == [200, 200, 200]
    assert sum(heard) == 100_000


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"etag": '"v1"'}, {"etag": '"v2"'}),
        ({"etag": ""}, {"etag": "", "last_modified": "Tue, 03 Jan 2023 03:04:05 GMT"}),
    ],
)
def test_file_changed_between_tries_starts_over(
    transfer: Transfer, site: Site, folder: Path, body: bytes, before: dict[str, str], after: dict[str, str]
) -> None:
    site.put("/a.zip", b"old" * 20_000, drops=1, drop_after=20_000, **before)
    with pytest.raises(FetchError, match="The 20000 bytes that have arrived are kept"):
        get(dataclasses.replace(transfer, patience=Patience(tries=1)), site, folder)
    site.put("/a.zip", body, **after)
    get(transfer, site, folder)
    assert (folder / "a.zip").read_bytes() == body
    assert site.statuses("/a.zip") == [200, 200]


def test_range_answered_with_another_version_starts_over(
    transfer: Transfer, site: Site, folder: Path, body: bytes
) -> None:
    # The server honours the range, though its file is another one by now: no condition could be sent.
    folder.mkdir()
    part = PartialFile(folder / "a.zip.part")
    part.begin(Version(url=f"{site.url}/a.zip", total=90_000))
    part.path.write_bytes(b"x" * 500)
    site.put("/a.zip", body, etag="", last_modified="")
    get(transfer, site, folder)
    assert (folder / "a.zip").read_bytes() == body
    assert site.statuses("/a.zip") == [206, 200]


def test_part_of_unknown_origin_is_not_trusted(transfer: Transfer, site: Site, folder: Path, body: bytes) -> None:
    folder.mkdir()
    (folder / "a.zip.part").write_bytes(b"whatever")
    site.put("/a.zip", body)
    get(transfer, site, folder)
    assert (folder / "a.zip").read_bytes() == body
    assert site.ranges("/a.zip") == [""]


def test_part_that_is_whole_already_asks_for_nothing(transfer: Transfer, site: Site, folder: Path, body: bytes) -> None:
    folder.mkdir()
    part = PartialFile(folder / "a.zip.part")
    part.begin(Version(url=f"{site.url}/a.zip", total=len(body)))
    part.path.write_bytes(body)
    get(transfer, site, folder, sha256=sha256(body))
    assert (folder / "a.zip").read_bytes() == body
    assert site.asked == []


def test_part_larger_than_the_file_starts_over(transfer: Transfer, site: Site, folder: Path, body: bytes) -> None:
    folder.mkdir()
    part = PartialFile(folder / "a.zip.part")
    part.begin(Version(url=f"{site.url}/a.zip"))
    part.path.write_bytes(body * 2)
    site.put("/a.zip", body, etag="")
    get(transfer, site, folder)
    assert (folder / "a.zip").read_bytes() == body
    assert site.statuses("/a.zip") == [416, 200]


def test_wrong_checksum_is_fetched_once_more(transfer: Transfer, site: Site, folder: Path, body: bytes) -> None:
    site.put("/a.zip", body)
    with pytest.raises(FetchError, match=r"has SHA-256 .*, expected 00.*twice; kept as .*a\.zip\.wrong") as error:
        get(transfer, site, folder, sha256="00")
    assert "\n" not in str(error.value)
    assert site.statuses("/a.zip") == [200, 200]
    assert [path.name for path in folder.iterdir()] == ["a.zip.wrong"]


def test_damage_on_the_way_is_repaired(transfer: Transfer, site: Site, folder: Path, body: bytes) -> None:
    folder.mkdir()
    part = PartialFile(folder / "a.zip.part")
    part.begin(Version(url=f"{site.url}/a.zip", etag='"v1"', total=len(body)))
    part.path.write_bytes(b"damaged!" + body[8:50_000])
    site.put("/a.zip", body)
    get(transfer, site, folder, md5=hashlib.md5(body).hexdigest())
    assert (folder / "a.zip").read_bytes() == body
    assert site.statuses("/a.zip") == [206, 200]


@pytest.mark.slow
@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_refusal_is_final(transfer: Transfer, site: Site, folder: Path, body: bytes, status: int) -> None:
    site.put("/a.zip", body, answers=[status])
    with pytest.raises(FetchError, match=rf"a\.zip: the server answers {status} .*--from"):
        get(transfer, site, folder)
    assert site.statuses("/a.zip") == [status]


@pytest.mark.slow
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_trouble_passes(transfer: Transfer, site: Site, folder: Path, body: bytes, status: int) -> None:
    site.put("/a.zip", body, answers=[status, status])
    get(transfer, site, folder)
    assert site.statuses("/a.zip") == [status, status, 200]


def test_trouble_that_does_not_pass_ends(transfer: Transfer, site: Site, folder: Path, body: bytes) -> None:
    site.put("/a.zip", body, answers=[503] * 9)
    with pytest.raises(FetchError, match=r"503 Service Unavailable; 3 tries brought nothing"):
        get(transfer, site, folder)
    assert site.statuses("/a.zip") == [503] * 3


def test_nobody_there(transfer: Transfer, folder: Path) -> None:
    folder.mkdir()
    remote = RemoteFile(url="http://127.0.0.1:9/a.zip", name="a.zip")
    with pytest.raises(FetchError, match=r"the connection failed .*3 tries"):
        transfer.download(remote, folder / "a.zip", folder / "a.zip.part")


def test_shorter_than_announced_is_not_whole(transfer: Transfer, site: Site, folder: Path, body: bytes) -> None:
    site.put("/a.zip", body[:60_000], announced=100_000, ranges=False)
    with pytest.raises(FetchError, match="tries brought nothing"):
        get(transfer, site, folder)
    assert not (folder / "a.zip").exists()


def test_shorter_than_listed_is_not_whole(transfer: Transfer, site: Site, folder: Path, body: bytes) -> None:
    site.put("/a.zip", body)
    with pytest.raises(FetchError, match="ended after 100000 of the 123456 bytes that it lists"):
        get(transfer, site, folder, size_bytes=123_456)
    assert not (folder / "a.zip").exists()


def test_login_page_is_no_archive(transfer: Transfer, site: Site, folder: Path) -> None:
    site.put("/a.zip", b"<html>Please fill in this form</html>", kind="text/html; charset=utf-8")
    with pytest.raises(FetchError, match=r"a web page instead of a\.zip; open the address"):
        get(transfer, site, folder)


def test_archive_said_to_be_encoded_is_not_decoded(transfer: Transfer, site: Site, folder: Path, body: bytes) -> None:
    packed = gzip.compress(body)
    site.put("/a.zip", packed, encoding="gzip")
    get(transfer, site, folder)
    assert (folder / "a.zip").read_bytes() == packed


def test_stop_ends_a_download_and_keeps_what_came(site: Site, transfer: Transfer, folder: Path, body: bytes) -> None:
    stop = threading.Event()
    heard: list[int] = []

    def on_bytes(count: int) -> None:
        heard.append(count)
        if sum(heard) > 20_000:
            stop.set()

    site.put("/a.zip", body, pause_s=0.002)
    with pytest.raises(Stopped):
        get(dataclasses.replace(transfer, stop=stop, on_bytes=on_bytes), site, folder)
    assert 20_000 < (folder / "a.zip.part").stat().st_size < 100_000
    get(transfer, site, folder)
    assert (folder / "a.zip").read_bytes() == body
    assert site.statuses("/a.zip") == [200, 206]


def test_waits_double_up_to_the_longest() -> None:
    patience = Patience(first_wait_s=0.5, longest_wait_s=3.0)
    assert [patience.wait_s(failures) for failures in (1, 2, 3, 4, 5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert patience.wait_s(1, asked_s=2.0) == 2.0
    assert patience.wait_s(1, asked_s=3600.0) == 3.0
