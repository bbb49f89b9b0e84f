"""Names from outside: taken as they are, or refused in one line. Only folders that the program made are removed."""

import contextlib
import random
import unicodedata
from pathlib import Path

import pytest

from mqn.errors import LocalNameError
from mqn.files.local_names import (
    LONGEST_NAME_BYTES,
    MARK,
    DistinctNames,
    beginning_of,
    inside,
    is_own,
    make_own,
    name_of_url,
    remove_own,
    require_local,
    safe_name,
    safe_path,
)

UNSAFE = [
    "", ".", "..", "...", " ", ". .", "．．",
    "a/b", "a\\b", "/a", "..\\a", "a／b", "c:a", "a:stream", "a?b", "a*", "<a>", 'a"b', "a|b",
    "a\0b", "a\nb", "a\x1b[2Jb", "a\x7fb", "a\u202efdh.exe", "a\u2028b", "a\udcffb", ".hidden",
    " a", "a ", "a.", "CON", "nul.hdr", "Com1.tar.gz",
    "LPT9", "con .hdr", "CONIN$", "com¹", "x" * (LONGEST_NAME_BYTES + 1), "ü" * LONGEST_NAME_BYTES,
]  # fmt: skip
SAFE = [
    "a",
    "a.hdr",
    "...a"[3:],
    "memorial (1).hdr",
    "Büro-Süd.exr",
    "写真.hdr",
    "a..b",
    "a%2F..%2Fb",
    "console.hdr",
    "com10",
    "{home}",
    "x" * 200,
]


@pytest.mark.parametrize("name", UNSAFE)
def test_a_name_that_some_system_takes_for_something_else_is_refused(name: str) -> None:
    with pytest.raises(LocalNameError, match="cannot be the name of a file") as told:
        safe_name(name)
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 250


@pytest.mark.parametrize("name", SAFE)
def test_an_ordinary_name_stays_as_it_is(name: str) -> None:
    assert safe_name(name) == name


def test_a_decomposed_name_is_composed() -> None:
    assert safe_name(unicodedata.normalize("NFD", "Büro.hdr")) == "Büro.hdr"


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../a", "a/../b", "a//b", "a/./b", "a/", "C:/a", "a/NUL/b", "/".join(["x" * 100] * 11)]
)
def test_a_path_that_leaves_or_is_odd_is_refused(path: str) -> None:
    with pytest.raises(LocalNameError):
        safe_path(path)


def test_a_path_of_safe_names_stays_as_it_is() -> None:
    assert safe_path("2019/büro/a.dng") == "2019/büro/a.dng"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://x.org/a/memorial.hdr", "memorial.hdr"),
        ("https://x.org/a/b%C3%BCro%20s.hdr?download=1#top", "büro s.hdr"),
        ("https://x.org/%252e%252e%252fa.hdr", "%2e%2e%2fa.hdr"),
    ],
)
def test_the_name_of_a_url_is_its_last_part_decoded_once(url: str, name: str) -> None:
    assert name_of_url(url) == name


@pytest.mark.parametrize(
    "url",
    [
        "https://x.org/", "https://x.org", "https://x.org/..", "https://x.org/a/%2e%2e",
        "https://x.org/%2e%2e%2fa.hdr", "https://x.org/a%5Cb.hdr",
        "https://x.org/...zip?.hdr", "https://x.org/a%00.hdr", "https://x.org/%ff.hdr", "https://[x/a.hdr",
    ],
)  # fmt: skip
def test_a_url_without_a_safe_name_is_refused(url: str) -> None:
    with pytest.raises(LocalNameError, match="is no address of a file"):
        name_of_url(url)


@pytest.mark.parametrize(
    "pair", [("a.hdr", "A.HDR"), ("ü.hdr", unicodedata.normalize("NFD", "Ü.hdr")), ("straße", "STRASSE"), ("a", "a")]
)
def test_two_names_of_one_file_are_told(pair: tuple[str, str]) -> None:
    names = DistinctNames()
    names.add("other")
    names.add(pair[0])
    with pytest.raises(LocalNameError, match="would be one file"):
        names.add(pair[1])


def test_distinct_names_are_distinct() -> None:
    names = DistinctNames()
    for name in ("a.hdr", "b.hdr", "a.exr", "ä.hdr"):
        names.add(name)


def test_a_readable_beginning_is_short_and_safe() -> None:
    assert beginning_of("photos", "dataset") == "photos"
    assert len(beginning_of("x" * 1000, "dataset")) == 50
    assert beginning_of("..", "dataset") == beginning_of("a\0", "dataset") == "dataset"


@pytest.mark.parametrize("place", ["s3://b/x", "file:///x", "https://x/y", "S3:/b", Path("gs://b")])
def test_a_url_is_no_path(place: str | Path) -> None:
    with pytest.raises(LocalNameError, match=r"--model '.*' is a URL; only a path on this machine"):
        require_local(place, "--model ")


@pytest.mark.parametrize("place", ["a/b", "/a:/b", "./s3:/b", "a:b", "", "C:", Path("x")])
def test_a_path_is_no_url(place: str | Path) -> None:
    require_local(place)


def test_a_path_inside_is_below_its_folder(tmp_path: Path) -> None:
    assert inside(tmp_path / "not yet", "a/b") == tmp_path / "not yet" / "a" / "b"


@pytest.mark.parametrize("relative", ["..", "../b", "a/../../b", "/etc", "", ".", "a\0b"])
def test_a_path_that_leaves_is_refused(tmp_path: Path, relative: str) -> None:
    with pytest.raises(LocalNameError, match="no path inside"):
        inside(tmp_path, relative)


def test_a_path_that_leaves_through_a_link_is_refused(tmp_path: Path) -> None:
    folder, other = tmp_path / "folder", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    (folder / "link").symlink_to(other)
    (folder / "ring").symlink_to("ring")
    for relative in ("link/a", "link", "ring/a"):
        with pytest.raises(LocalNameError):
            inside(folder, relative)


def test_only_a_folder_that_was_made_here_is_removed(tmp_path: Path) -> None:
    made, given = make_own(tmp_path / "data" / "made"), tmp_path / "data" / "given"
    (made / "file").write_text("x")
    given.mkdir()
    with pytest.raises(LocalNameError, match="was not made by this program"):
        remove_own(given, within=tmp_path / "data")
    remove_own(made, within=tmp_path / "data")
    remove_own(made, within=tmp_path / "data")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["given"]


def test_a_folder_is_removed_only_inside_the_one_that_is_named(tmp_path: Path) -> None:
    outer = make_own(tmp_path / "outer")
    inner = make_own(outer / "inner")
    link = inner / "link"
    link.symlink_to(make_own(tmp_path / "elsewhere"))
    for folder, within in (
        (outer, inner),
        (inner, inner),
        (inner / "..", inner),
        (link, inner),
        (outer, tmp_path / "x"),
    ):
        with pytest.raises(LocalNameError, match="is not inside"):
            remove_own(folder, within=within)
    assert is_own(outer)
    assert is_own(inner)
    assert is_own(tmp_path / "elsewhere")


def test_a_folder_of_the_users_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(make_own(tmp_path / "made"))
    for name in ("notes", "file", "link"):
        with pytest.raises(LocalNameError, match="was not made by this program"):
            make_own(tmp_path / name)
    assert make_own(tmp_path / "made") == tmp_path / "made"


def test_a_mark_must_be_a_file_with_the_right_words(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / MARK).write_text("something else")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / MARK).symlink_to(make_own(tmp_path / "made") / MARK)
    assert not is_own(tmp_path / "a")
    assert not is_own(tmp_path / "b")


@pytest.mark.slow
def test_no_generated_path_writes_outside_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "sentinel").write_text("safe")
    generator = random.Random(11)
    parts = [
        "..",
        ".",
        "",
        "a",
        "b.hdr",
        "/",
        "\\",
        "%2e%2e",
        "~",
        "\0",
        "C:",
        "NUL",
        " ",
        "…",
        "．．",
        "e\u0301",
        "link",
        "\u202e",
        "x" * 300,
        "-rf",
    ]
    (folder / "link").symlink_to(tmp_path)
    written = 0
    for _ in range(2000):
        name = "".join(generator.choice([*parts, "/"]) for _ in range(generator.randint(1, 6)))
        try:
            target = inside(folder, safe_path(name))
        except LocalNameError:
            continue
        with contextlib.suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("x")
            written += 1
    assert written
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "sentinel"]
    assert (tmp_path / "sentinel").read_text() == "safe"


def test_no_key_of_a_url_is_told_in_part() -> None:
    with pytest.raises(LocalNameError) as told:
        require_local(f"s3://key:{'marked' * 30}@bucket/x", "storage.artifacts = ")
    assert "marked" not in str(told.value)
