"""Sites and archives that mean harm: nothing is written outside the dataset's folder, nothing of the user's goes."""

from __future__ import annotations

import contextlib
import html
import io
import json
import random
import tarfile
import urllib.parse
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.data.public.site import Site
from tests.data.public.test_fetch import entry

from mqn.data.public import archive, fetch
from mqn.data.public.catalogue import Listing, PublicDataset, RemoteFile, read
from mqn.data.public.transfer import Patience, client
from mqn.errors import ConfigError, DataError, FetchError, LocalNameError

Listed = Callable[[PublicDataset], str]

ROUNDS = 250
PARTS = [
    "..", "../", "..\\", "/", "//", "\\", "%2e%2e%2f", "%2e%2e/", "%252e%252e%252f", "%00", "\0", "\n", "\x1b[2J",
    "C:", "c:\\", "NUL", "con.hdr",
    ".", "...", "....", " ", "a", "b.hdr", "A", "x" * 260, "～", "．．", "／", "\u202e", "e\u0301", "é",
    "~", "-rf", "$HOME", ";", "?", "#", "|",
    ".zip", ".hdr", ".tar.gz", ".fetch", "fetched.json", "manifest.csv", "link", "deep/" * 40, "file:///etc/", "ftp://x/",
]  # fmt: skip


def hostile(generator: random.Random, ending: str = ".hdr") -> str:
    return "".join(generator.choice(PARTS) for _ in range(generator.randint(1, 5))) + ending


def state(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def zipped(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of the user's, with a file beside the dataset that is to be."""
    folder = tmp_path / "user"
    folder.mkdir()
    (folder / "sentinel.txt").write_text("mine")
    return folder


def test_a_listed_name_of_dots_removes_nothing(site: Site, listed: Listed, home: Path, patience: Patience) -> None:
    site.put("/list.html", "<a href='good.hdr'>a</a> <a href='...zip?.hdr'>b</a>", kind="text/html")
    site.put("/good.hdr", b"good" * 1000)
    name = listed(entry(access="gallery", listing=Listing(url=f"{site.url}/list.html", match=r".*\.hdr")))
    for content in (b"first", b"second"):
        # The second fetch sees another checksum: what the first unpacked would go.
        site.put("/...zip", zipped("a.hdr", content), etag=f'"{content.decode()}"')
        with pytest.raises(
            FetchError, match=r"/list\.html: .*\.\.\.zip.* is no address of a file: .*; nothing is fetched"
        ):
            fetch.fetch(name, output=home / "dataset", patience=patience)
        assert (home / "sentinel.txt").read_text() == "mine"
        assert not list(home.rglob("*.hdr"))
    assert site.statuses("/...zip") == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "...zip",
        "....zip",
        "../../x.zip",
        "/x.zip",
        "a/../../x.zip",
        ".fetch.zip",
        "fetched.json.zip",
        "manifest.csv",
        "C:x.zip",
        "nul.zip",
        "..\\x.zip",
        ".zip",
    ],
)
def test_a_catalogues_name_that_leads_elsewhere_is_refused(
    site: Site, listed: Listed, home: Path, patience: Patience, name: str
) -> None:
    site.put("/x.zip", zipped("a.hdr", b"x"))
    with pytest.raises(FetchError, match="nothing is fetched"):
        fetch.fetch(
            listed(entry(files=(RemoteFile(url=f"{site.url}/x.zip", name=name),))),
            output=home / "dataset",
            patience=patience,
        )
    assert site.asked == []
    assert (home / "sentinel.txt").read_text() == "mine"


def test_an_archive_that_a_person_gives_is_named_safely_too(listed: Listed, home: Path) -> None:
    (home / "...zip").write_bytes(zipped("a.hdr", b"x"))
    before = state(home)
    with pytest.raises(LocalNameError, match="cannot be the name of a file"):
        fetch.fetch(listed(entry(access="hand", hand="ask")), source=home / "...zip", output=home / "dataset")
    assert {path: content for path, content in state(home).items() if not path.startswith("dataset")} == before


@pytest.mark.parametrize(
    "pair", [("a.zip", "a.tar.gz"), ("a.zip", "A.zip"), ("a.hdr", "A.hdr"), ("a.zip", "a"), ("é.hdr", "e\u0301.hdr")]
)
def test_two_that_would_be_one_are_refused(
    site: Site, listed: Listed, home: Path, patience: Patience, pair: tuple[str, str]
) -> None:
    files = tuple(RemoteFile(url=f"{site.url}/{number}", name=name) for number, name in enumerate(pair))
    with pytest.raises(FetchError, match="would be one file"):
        fetch.fetch(listed(entry(files=files)), output=home / "dataset", patience=patience)


def test_archives_of_one_name_in_two_folders_are_both_unpacked(
    site: Site, listed: Listed, home: Path, patience: Patience
) -> None:
    files = []
    for folder in ("x", "y"):
        site.put(f"/{folder}/set.zip", zipped(f"{folder}.hdr", b"data"))
        files.append(RemoteFile(url=f"{site.url}/{folder}/set.zip", name=f"{folder}/set.zip"))
    outcome = fetch.fetch(listed(entry(files=tuple(files))), output=home / "dataset", patience=patience)
    assert outcome.pictures == 2
    assert (home / "dataset" / "y" / "set" / "y.hdr").read_bytes() == b"data"


def test_a_changed_archive_replaces_what_was_unpacked_and_nothing_else(
    site: Site, listed: Listed, home: Path, patience: Patience
) -> None:
    folder = home / "dataset"

    def put(content: bytes) -> RemoteFile:
        data = zipped("a.hdr", content)
        site.put("/set.zip", data, etag=f'"{content.decode()}"')
        return RemoteFile(url=f"{site.url}/set.zip?{content.decode()}", name="set.zip")

    fetch.fetch(listed(entry(files=(put(b"first"),))), output=folder, patience=patience)
    assert (folder / "set" / "a.hdr").read_bytes() == b"first"
    (folder / "fetched.json").write_text(
        (folder / "fetched.json").read_text().replace('"complete": true', '"complete": false')
    )
    fetch.fetch(listed(entry(files=(put(b"second"),))), output=folder, patience=patience)
    assert (folder / "set" / "a.hdr").read_bytes() == b"second"
    assert sorted(path.name for path in folder.iterdir()) == ["fetched.json", "manifest.csv", "set"]
    assert (home / "sentinel.txt").read_text() == "mine"


def test_a_folder_that_no_fetch_made_is_not_replaced(
    site: Site, listed: Listed, home: Path, patience: Patience
) -> None:
    folder = home / "dataset"
    (folder / "set").mkdir(parents=True)
    (folder / "set" / "notes.txt").write_text("mine")
    note = {"name": "set.zip", "url": "", "sha256": "0" * 64, "size_bytes": 1, "unpacked": "set"}
    fetched = {"dataset": "thing", "licence": "CC0", "complete": False, "files": [note]}
    (folder / "fetched.json").write_text(json.dumps(fetched))
    site.put("/set.zip", zipped("a.hdr", b"x"))
    with pytest.raises(DataError, match="was not unpacked by this program, so it is not replaced"):
        fetch.fetch(
            listed(entry(files=(RemoteFile(url=f"{site.url}/set.zip", name="set.zip"),))),
            output=folder,
            patience=patience,
        )
    assert (folder / "set" / "notes.txt").read_text() == "mine"


def test_a_folder_of_the_users_is_not_fetched_into(site: Site, listed: Listed, home: Path, patience: Patience) -> None:
    before = state(home)
    with pytest.raises(FetchError, match="is not empty and holds no fetched dataset; choose a new folder"):
        fetch.fetch(
            listed(entry(files=(RemoteFile(url=f"{site.url}/set.zip", name="set.zip"),))),
            output=home,
            patience=patience,
        )
    assert state(home) == before
    (home / ".fetch").symlink_to(home)
    with pytest.raises(LocalNameError, match="is not inside"):
        fetch.fetch(
            listed(entry(files=(RemoteFile(url=f"{site.url}/set.zip", name="set.zip"),))),
            output=home,
            patience=patience,
        )


def test_a_file_of_the_users_is_not_overwritten(site: Site, listed: Listed, home: Path, patience: Patience) -> None:
    folder = home / "dataset"
    site.put("/list.html", "<a href='a.hdr'>a</a>", kind="text/html")
    site.put("/a.hdr", b"theirs")
    name = listed(entry(access="gallery", listing=Listing(url=f"{site.url}/list.html", match=r".*\.hdr"), pictures=2))
    fetch.fetch(name, output=folder, patience=patience)
    (folder / "a.hdr").unlink()
    (folder / "b.hdr").write_text("mine")
    site.put("/list.html", "<a href='a.hdr'>a</a><a href='b.hdr'>b</a>", kind="text/html")
    site.put("/b.hdr", b"theirs")
    with pytest.raises(FetchError, match=r"b\.hdr is there already and was not fetched"):
        fetch.fetch(name, output=folder, patience=patience)
    assert (folder / "b.hdr").read_text() == "mine"


def test_a_page_that_leads_to_itself_ends(site: Site, listed: Listed, home: Path, patience: Patience) -> None:
    site.put("/o", json.dumps({"items": [], "nextPageToken": "again"}))
    name = listed(entry(access="bucket", listing=Listing(url=f"{site.url}/o?a=b", media=f"{site.url}/")))
    with pytest.raises(FetchError, match="answers in another form"):
        fetch.fetch(name, output=home / "dataset", patience=patience)


@pytest.mark.parametrize(
    "answer",
    [
        '{"items": 5}',
        '{"items": ["a"]}',
        '{"items": [{"name": 5}]}',
        '{"items": [{"name": "a", "size": "1e999"}]}',
        '{"items": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
)
def test_an_answer_that_makes_no_sense_is_one_line(
    site: Site, listed: Listed, home: Path, patience: Patience, answer: str
) -> None:
    site.put("/o", answer)
    name = listed(entry(access="bucket", listing=Listing(url=f"{site.url}/o", media=f"{site.url}/")))
    with pytest.raises(FetchError, match="answers in another form") as told:
        fetch.fetch(name, output=home / "dataset", patience=patience)
    assert len(str(told.value)) < 400


def test_a_catalogue_names_no_folder_elsewhere_and_no_plain_http(tmp_path: Path) -> None:
    text = """
[{name}]
title = "Thing"
page = "https://example.org/"
licence = "CC0"
checked = "invented"
access = "archive"
files = [{{ url = "{url}", name = "a.zip" }}]
layout = {{ hdr = '(?P<scene>.*)', source = "{{scene}}" }}
"""
    for number, (name, url, words) in enumerate(
        [
            ('"../../x"', "https://example.org/a.zip", "a dataset's name is also its folder's"),
            ("thing", "http://example.org/a.zip", "plain http without a SHA-256"),
            ("thing", "file:///a.zip", "is no web address"),
        ]
    ):
        path = tmp_path / f"{number}.toml"
        path.write_text(text.format(name=name, url=url))
        with pytest.raises(ConfigError, match=words):
            read(path)


@pytest.mark.slow
def test_generated_listings_write_nothing_outside(
    site: Site, listed: Listed, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mqn.files.publishing._sync", lambda descriptor: None)
    shared = client()  # To make one takes longer than a fetch.
    monkeypatch.setattr(fetch, "client", lambda: contextlib.nullcontext(shared))
    generator = random.Random(4)
    patience = Patience(tries=1, first_wait_s=0.001)
    fetched = 0
    outside = state(home)
    for number in range(ROUNDS):
        kind = generator.choice(["gallery", "bucket"])
        names = [
            hostile(generator, generator.choice([".hdr", ".zip", ".zip?.hdr"])) for _ in range(generator.randint(0, 2))
        ]
        names += ["good.hdr", "sub folder/good.hdr"][: generator.randint(0, 2)]
        content = zipped(f"z{hostile(generator)}", b"x") if generator.random() < 0.5 else b"x"
        for name in names:
            for path in (
                name,
                urllib.parse.quote(name),
                urllib.parse.urlsplit(f"http://x/{name}".replace("[", "")).path,
            ):
                site.put(path if path.startswith("/") else f"/{path}", content)
        if kind == "gallery":
            quote = generator.choice([str, urllib.parse.quote])
            site.put("/l", "".join(f'<a href="{html.escape(quote(name))}">x</a>' for name in names), kind="text/html")
        else:
            site.put("/l", json.dumps({"items": [{"name": name, "size": str(len(content))} for name in names]}))
        listing = Listing(url=f"{site.url}/l", match=r"(?s).*(?:\.hdr|\.zip)", media=f"{site.url}/")
        with contextlib.suppress(DataError):
            fetch.fetch(
                listed(entry(access=kind, listing=listing)),
                output=home / "out" / str(number),
                patience=patience,
                workers=1,
            )
            fetched += 1
    assert fetched > 5
    assert {path: content for path, content in state(home).items() if path.partition("/")[0] != "out"} == outside
    assert all(path.name.isdigit() for path in (home / "out").iterdir())
    assert [path.name for path in home.parent.iterdir()] == ["user"]


@pytest.mark.slow
def test_generated_archives_write_nothing_outside(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mqn.files.publishing._sync", lambda descriptor: None)
    generator = random.Random(5)
    outside = state(home)
    kinds = [tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
    taken = 0
    for number in range(ROUNDS):
        packed = home.parent / "packed"
        names = [hostile(generator) for _ in range(generator.randint(0, 2))] + ["good.hdr"]
        generator.shuffle(names)
        if generator.random() < 0.5:
            with zipfile.ZipFile(packed, "w") as file:
                for name in names:
                    info = zipfile.ZipInfo(name)
                    info.external_attr = generator.choice([0o100644, 0o120777, 0o040755]) << 16
                    file.writestr(info, generator.choice([b"x", b"../../sentinel.txt"]))
        else:
            with tarfile.open(packed, generator.choice(["w", "w:gz"])) as tar:
                for name in names:
                    head = tarfile.TarInfo(name)
                    head.type, head.linkname = (
                        generator.choice(kinds),
                        generator.choice(["../../sentinel.txt", "/etc/passwd", ".."]),
                    )
                    head.size = 1 if head.type == tarfile.REGTYPE else 0
                    tar.addfile(head, io.BytesIO(b"x"))
        with contextlib.suppress(DataError):
            archive.extract(packed, home / "out" / str(number), bool)
            taken += 1
    assert taken > 5
    assert {path: content for path, content in state(home).items() if path.partition("/")[0] != "out"} == outside
    assert sorted(path.name for path in home.parent.iterdir()) == ["packed", "user"]
    assert all(path.name.isdigit() and not path.is_symlink() for path in (home / "out").iterdir())


def test_a_note_that_swells_is_not_read(tmp_path: Path) -> None:
    head = tarfile.TarInfo("././@PaxHeader")
    head.type, head.size = tarfile.XHDTYPE, 1 << 40
    (tmp_path / "bomb.tar").write_bytes(head.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(FetchError, match=r"damaged or cut short|neither a zip nor a tar"):
        archive.extract(tmp_path / "bomb.tar", tmp_path / "out", bool)


def test_what_nobody_wants_may_not_swell_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_ALWAYS_ALLOWED", 1000)
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as tar:
        head = tarfile.TarInfo("unwanted.txt")
        head.size = 3_000_000
        tar.addfile(head, io.BytesIO(bytes(head.size)))
    with pytest.raises(FetchError, match="unpacks to more than 100 times its size"):
        archive.extract(tmp_path / "bomb.tar.gz", tmp_path / "out", lambda name: name.endswith(".hdr"))
