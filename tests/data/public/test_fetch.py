"""Whole fetches against a site on loopback."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from filelock import FileLock
from tests.data.public.site import Site

from mqn.cli.app import run
from mqn.data.public import archive, fetch
from mqn.data.public.catalogue import Layout, Listing, PublicDataset, RemoteFile
from mqn.data.public.transfer import Patience, Transfer
from mqn.errors import FetchError

Listed = Callable[[PublicDataset], str]


def entry(**settings: object) -> PublicDataset:
    values: dict[str, object] = {
        "title": "Thing",
        "page": "https://example.org/thing",
        "licence": "CC0",
        "access": "archive",
        "checked": "invented for a test",
        "pictures": 2,
        "layout": Layout(
            hdr=r"(?P<at>(?:.*/)?)(?P<scene>\w+)\.hdr",
            source="{scene}",
            ldr=("{at}{scene}.jpg",),
            beside=r".*\.jpg",
        ),
    }
    return PublicDataset(**{**values, **settings})  # type: ignore[arg-type]


def archived(site: Site, **settings: object) -> PublicDataset:
    return entry(files=(RemoteFile(url=f"{site.url}/set.zip", name="set.zip"),), **settings)


def gallery(site: Site, names: list[str], **settings: object) -> PublicDataset:
    site.put("/list.html", "".join(f"<a href='{name}'>{name}</a>" for name in names), kind="text/html")
    for name in names:
        site.put(f"/{name}", name.encode() * 2000)
    return entry(access="gallery", listing=Listing(url=f"{site.url}/list.html", match=r".*\.hdr"), **settings)


@pytest.fixture
def packed(body: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name in ("set/a.hdr", "set/a.jpg", "set/b.hdr", "set/c.tif"):
            file.writestr(name, name.encode() + body[:20_000])
    return stream.getvalue()


def test_archive(site: Site, listed: Listed, folder: Path, patience: Patience, packed: bytes) -> None:
    site.put("/set.zip", packed, drops=10, drop_after=4096)
    heard: list[tuple[int, int | None, str]] = []
    name = listed(archived(site))

    outcome = fetch.fetch(name, output=folder, patience=patience, progress=lambda *told: heard.append(told))

    assert (outcome.pictures, outcome.expected, outcome.pairs, outcome.sources) == (2, 2, 1, 2)
    assert outcome.shortfall == 0
    assert not outcome.already
    assert (folder / "manifest.csv").read_text().split() == [
        "file,source,ldr",
        "set/set/a.hdr,a,a.jpg",
        "set/set/b.hdr,b,",
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["fetched.json", "manifest.csv", "set"]
    lock = json.loads((folder / "fetched.json").read_text())
    assert (lock["dataset"], lock["licence"], lock["complete"]) == ("thing", "CC0", True)
    assert lock["files"][0]["sha256"] == hashlib.sha256(packed).hexdigest()
    assert heard[-1][0] == len(packed)
    assert heard[-1][2] == "set.zip"

    again = fetch.fetch(name, output=folder, patience=patience)
    assert again.already
    assert len(site.asked) == 11


def test_gallery_survives_drops_in_every_file(site: Site, listed: Listed, folder: Path, patience: Patience) -> None:
    names = [f"p{number}.hdr" for number in range(12)]
    name = listed(gallery(site, names, pictures=14))
    for picture in names:
        site.pages[f"/{picture}"].drops, site.pages[f"/{picture}"].drop_after = 2, 3000
    outcome = fetch.fetch(name, output=folder, patience=patience)
    assert (outcome.pictures, outcome.shortfall) == (12, 2)
    assert all((folder / picture).read_bytes() == picture.encode() * 2000 for picture in names)


def test_only_what_is_missing_is_fetched_again(site: Site, listed: Listed, folder: Path, patience: Patience) -> None:
    name = listed(gallery(site, ["a.hdr", "b.hdr"]))
    fetch.fetch(name, output=folder, patience=patience)
    (folder / "b.hdr").unlink()
    site.asked.clear()
    assert not fetch.is_fetched(name, folder)
    fetch.fetch(name, output=folder, patience=patience)
    assert [path for path, _, _ in site.asked] == ["/list.html", "/b.hdr"]


def test_one_missing_picture_does_not_keep_the_others(
    site: Site, listed: Listed, folder: Path, patience: Patience
) -> None:
    name = listed(gallery(site, [f"p{number}.hdr" for number in range(6)], pictures=6))
    gone = site.pages.pop("/p3.hdr")
    with pytest.raises(FetchError, match=r"p3\.hdr: the server answers 404"):
        fetch.fetch(name, output=folder, patience=patience)
    assert sorted(path.name for path in folder.glob("*.hdr")) == [f"p{number}.hdr" for number in (0, 1, 2, 4, 5)]
    assert not (folder / "manifest.csv").exists()
    site.pages["/p3.hdr"] = gone
    site.asked.clear()
    assert fetch.fetch(name, output=folder, patience=patience).pictures == 6
    assert [path for path, _, _ in site.asked] == ["/list.html", "/p3.hdr"]


def test_site_that_is_gone_is_not_asked_for_every_picture(
    site: Site, listed: Listed, folder: Path, patience: Patience
) -> None:
    name = listed(gallery(site, [f"p{number}.hdr" for number in range(60)]))
    for number in range(60):
        site.pages.pop(f"/p{number}.hdr")
    with pytest.raises(FetchError, match=r"404 .* \(and \d+ more that failed\)"):
        fetch.fetch(name, output=folder, patience=patience)
    assert len(site.asked) < 20


def test_wrong_checksum_is_never_unpacked(
    site: Site, listed: Listed, folder: Path, patience: Patience, packed: bytes
) -> None:
    site.put("/set.zip", packed)
    wrong = RemoteFile(url=f"{site.url}/set.zip", name="set.zip", sha256="0" * 64)
    with pytest.raises(FetchError, match=r"has SHA-256 .* twice; kept as .*set\.zip\.wrong"):
        fetch.fetch(listed(entry(files=(wrong,))), output=folder, patience=patience)
    assert site.statuses("/set.zip") == [200, 200]
    assert not (folder / "set").exists()
    assert not (folder / "manifest.csv").exists()


def test_file_that_changed_since_the_first_fetch_is_refused(
    site: Site, listed: Listed, folder: Path, patience: Patience
) -> None:
    name = listed(gallery(site, ["a.hdr", "b.hdr"]))
    fetch.fetch(name, output=folder, patience=patience)
    (folder / "b.hdr").unlink()
    site.put("/b.hdr", b"something else", etag='"v2"')
    with pytest.raises(FetchError, match=r"b\.hdr: has SHA-256 .*seen at an earlier fetch: fetched\.json"):
        fetch.fetch(name, output=folder, patience=patience)
    assert not (folder / "b.hdr").exists()


def test_damaged_archive_is_not_half_used(
    site: Site, listed: Listed, folder: Path, patience: Patience, packed: bytes
) -> None:
    site.put("/set.zip", packed[:-500])
    with pytest.raises(FetchError, match=r"damaged or cut short|neither a zip nor a tar"):
        fetch.fetch(listed(archived(site)), output=folder, patience=patience)
    assert list(folder.glob("**/*.hdr")) == []
    # What is wrong for sure is not kept either: the next fetch begins anew.
    site.put("/set.zip", packed, etag='"v2"')
    assert fetch.fetch("thing", output=folder, patience=patience).pictures == 2


def test_killed_while_unpacking_does_not_download_again(
    site: Site, listed: Listed, folder: Path, patience: Patience, packed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put("/set.zip", packed)
    name = listed(archived(site))
    take = archive._take

    def killed(member, target: Path, budget: int, path: Path) -> int:
        if member.name.endswith("b.hdr"):
            raise SystemExit
        return take(member, target, budget, path)

    monkeypatch.setattr(archive, "_take", killed)
    with pytest.raises(SystemExit):
        fetch.fetch(name, output=folder, patience=patience)
    monkeypatch.setattr(archive, "_take", take)
    assert (folder / "set.partial" / "set" / "a.hdr").is_file()
    assert fetch.fetch(name, output=folder, patience=patience).pictures == 2
    assert site.statuses("/set.zip") == [200]
    assert sorted(path.name for path in folder.iterdir()) == ["fetched.json", "manifest.csv", "set"]


def test_form_names_page_and_next_step(listed: Listed, folder: Path) -> None:
    name = listed(entry(access="hand", hand="its page asks for an e-mail"))
    with pytest.raises(
        FetchError, match=r"asks for an e-mail; see https://example\.org/thing, then: mqn data fetch thing --from FILE"
    ):
        fetch.fetch(name, output=folder)
    assert not folder.exists()


def test_folder_is_taken_in_without_copying(listed: Listed, folder: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    for name in ("a.hdr", "a.jpg", "b.hdr", "other.bin"):
        (given / name).write_text(name)
    outcome = fetch.fetch(listed(entry(access="hand", hand="ask")), source=given, output=folder)
    assert (outcome.pictures, outcome.pairs) == (2, 1)
    assert (folder / "a.hdr").stat().st_ino == (given / "a.hdr").stat().st_ino
    assert not (folder / "other.bin").exists()


def test_file_that_was_replaced_in_a_given_folder_is_taken_in_anew(
    listed: Listed, folder: Path, tmp_path: Path
) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "a.hdr").write_text("broken")
    name = listed(entry(access="hand", hand="ask"))
    fetch.fetch(name, source=given, output=folder)
    (given / "a.hdr").unlink()
    (given / "a.hdr").write_text("mended by now")
    fetch.fetch(name, source=given, output=folder)
    assert (folder / "a.hdr").read_text() == "mended by now"


def test_folder_of_something_else(listed: Listed, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    with pytest.raises(FetchError, match=r"holds no file like .*; is it Thing\?"):
        fetch.fetch(listed(entry(access="hand", hand="ask")), source=tmp_path / "given", output=folder)


def test_folder_cannot_be_taken_into_itself(listed: Listed, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="choose another with --output"):
        fetch.fetch(listed(entry(access="hand", hand="ask")), source=tmp_path, output=tmp_path / "below")


def test_given_archive_is_compared_with_the_publishers(
    site: Site, listed: Listed, folder: Path, tmp_path: Path, packed: bytes
) -> None:
    (tmp_path / "set.zip").write_bytes(packed)
    file = RemoteFile(url=f"{site.url}/set.zip", name="set.zip", md5="0" * 32)
    with pytest.raises(FetchError, match=r"is not the set\.zip that its publisher has"):
        fetch.fetch(listed(entry(files=(file,))), source=tmp_path / "set.zip", output=folder)


def test_table_that_a_form_gives(site: Site, listed: Listed, folder: Path, tmp_path: Path, patience: Patience) -> None:
    site.put("/NEF/a.hdr", b"raw")
    (tmp_path / "list.csv").write_text("File,NEF\na,http://gone.example/NEF/a.hdr\n")
    listing = Listing(column="NEF", replace=("http://gone.example", site.url))
    name = listed(entry(access="table", listing=listing, hand="fill in the form", pictures=1))
    outcome = fetch.fetch(name, source=tmp_path / "list.csv", output=folder, patience=patience)
    assert (outcome.pictures, outcome.shortfall) == (1, 0)


def test_no_room_is_said_before_anything_is_fetched(site: Site, listed: Listed, folder: Path) -> None:
    huge = RemoteFile(url=f"{site.url}/set.zip", name="set.zip", size_bytes=10**18)
    with pytest.raises(FetchError, match=r"GB are needed and .* free"):
        fetch.fetch(listed(entry(files=(huge,))), output=folder)
    assert site.asked == []


def test_two_fetches_into_one_folder(site: Site, listed: Listed, folder: Path) -> None:
    (folder / ".fetch").mkdir(parents=True)
    with FileLock(folder / ".fetch" / "lock"), pytest.raises(FetchError, match="another process is fetching"):
        fetch.fetch(listed(archived(site)), output=folder)


def test_folder_of_another_dataset(site: Site, listed: Listed, folder: Path) -> None:
    folder.mkdir()
    (folder / "fetched.json").write_text('{"dataset": "ward", "licence": "", "complete": true, "files": []}')
    with pytest.raises(FetchError, match=r"holds 'ward'; choose another folder for 'thing'"):
        fetch.fetch(listed(archived(site)), output=folder)
    assert not fetch.is_fetched("thing", folder)


def test_disk_that_fills_up_keeps_what_has_arrived(
    site: Site, listed: Listed, folder: Path, patience: Patience, packed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put("/set.zip", packed)
    name = listed(archived(site))
    receive = Transfer._receive

    def full(transfer: Transfer, response: httpx.Response, path: Path, most: int | None) -> None:
        path.write_bytes(packed[:5000])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Transfer, "_receive", full)
    with pytest.raises(FetchError, match=r"the disk of .* is full; what is there is kept: make room"):
        fetch.fetch(name, output=folder, patience=patience)
    monkeypatch.setattr(Transfer, "_receive", receive)
    assert fetch.fetch(name, output=folder, patience=patience).pictures == 2
    assert site.ranges("/set.zip") == ["", "bytes=5000-"]


def test_lock_file_that_cannot_be_read(site: Site, listed: Listed, folder: Path) -> None:
    folder.mkdir()
    (folder / "fetched.json").write_text("{")
    (folder / "manifest.csv").write_text("file,source\n")
    name = listed(archived(site))
    assert not fetch.is_fetched(name, folder)
    with pytest.raises(FetchError, match=r"fetched\.json: not valid JSON.*; delete it to fetch anew"):
        fetch.fetch(name, output=folder)


def test_commands(site: Site, listed: Listed, folder: Path, packed: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    site.put("/set.zip", packed)
    listed(archived(site, pictures=5))
    assert run(["data", "fetch", "thing", "--output", str(folder)]) == 0
    said = capsys.readouterr().out
    assert f"{folder}: fetched: 2 HDR pictures of 2 sources, 1 with LDR pictures of their camera" in said
    assert "3 pictures fewer than the 5 that thing should have" in said

    assert run(["data", "fetch", "thing", "--output", str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["already"], document["pictures"], document["shortfall"]) == (True, 2, 3)

    assert run(["data", "list", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["datasets"][0]
    assert (shown["name"], shown["licence"], shown["fetched"]) == ("thing", "CC0", False)
    assert run(["data", "list"]) == 0
    assert "thing" in capsys.readouterr().out

    site.pages.clear()
    assert run(["data", "fetch", "thing", "--output", str(folder.with_name("other"))]) == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert error[-1].startswith("mqn: http://127.0.0.1")
    assert "404" in error[-1]


def test_interrupted_command_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(name: str, **settings: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "fetch", interrupted)
    assert run(["data", "fetch", "ward"]) == 130
    assert "what has arrived is kept: the same command goes on from there" in capsys.readouterr().err
