"""A folder's manifest.csv: what each picture shows and where it belongs, as editors and spreadsheets write such tables.

Understood are commas, semicolons and tabs between the columns, UTF-8 and UTF-16 with or without a mark at the begin,
every kind of line end, blanks around values, blank lines and columns, backslashes in paths, and columns and splits in
any case. What is still not understood is told with its line and column.
"""

from __future__ import annotations

import csv
import io
import posixpath
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mqn.data.storage.catalogue import Split
from mqn.errors import DataError, LocalNameError
from mqn.files.local_names import below

_NEEDED = ("file", "source")
_KNOWN = (*_NEEDED, "split", "ldr")
_SEPARATORS = (",", ";", "\t")
_SPLITS: dict[str, Split] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
}  # fmt: skip
_SHOWN = 200
_DRIVE = re.compile(r"[A-Za-z]:/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line.

    Attributes:
        line: its number in the file, from 1.
        file: the picture's path in the folder, with `/`; as the folder spells it, where it is there.
        source: what it shows; empty where the line does not say.
        split: None likewise.
        inputs: paths in the folder of the camera's own pictures of it.
    """

    line: int
    file: str
    source: str
    split: Split | None
    inputs: tuple[str, ...]


def parse(content: bytes, place: str, files: Collection[str]) -> tuple[dict[str, Row], bool]:
    """Read a manifest: its lines by their file, and whether there are splits at all.

    `place` is its path, for errors. `files` are the paths of all files of the folder.

    Raises:
        DataError: it cannot be understood; names the line and the column.
    """
    text = _text(content, place)
    try:
        table = _table(text)
    except csv.Error as error:
        raise DataError(f"cannot read {place}: {error}") from error
    columns = _columns(place, table)
    spelling = _Spelling(files)
    rows: dict[str, Row] = {}
    for line, cells in table[1:]:
        values = _values(place, line, columns, cells)
        row = _row(place, line, values, spelling)
        other = rows.setdefault(row.file, row)
        if (other.source, other.split, other.inputs) != (row.source, row.split, row.inputs):
            raise DataError(
                f"{place}, line {line}: {row.file} stands there for the second time (line {other.line}), with other "
                "values; leave one line"
            )
    return rows, "split" in columns


def _text(content: bytes, place: str) -> str:
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16")
        if content[:64:2].count(0) > 8 or content[1:64:2].count(0) > 8:
            return content.decode("utf-16-be" if content[:1] == b"\0" else "utf-16-le")
    except UnicodeDecodeError as error:
        raise DataError(f"cannot read {place}: {error}; save it as UTF-8") from error
    # Bytes that are not UTF-8 may be those of a file's name.
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _table(text: str) -> list[tuple[int, list[str]]]:
    """Lines that are not blank, by their numbers, with their cells; the first has the columns' names."""
    told = re.match(r'"?sep=(.)"?(?:\r\n|\r|\n)', text)
    separators = (told[1],) if told else _SEPARATORS
    tables = [_cells(text, separator, skipped=1 if told else 0) for separator in separators]
    # The one under which the columns are there, or else most of them: a name may hold another's sign.
    return max(tables, key=lambda table: (_named(table), len(table[0][1]) if table else 0))


def _cells(text: str, separator: str, *, skipped: int) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    table, before = [], 0
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        if before >= skipped and any(stripped):
            table.append((before + 1, stripped))
        before = reader.line_num
    return table


def _named(table: list[tuple[int, list[str]]]) -> int:
    return len({cell.casefold() for cell in table[0][1]} & set(_KNOWN)) if table else 0


def _columns(place: str, table: list[tuple[int, list[str]]]) -> list[str]:
    line, cells = table[0] if table else (1, [])
    columns = [cell.casefold() for cell in cells]
    lacking = [column for column in _NEEDED if column not in columns]
    if lacking:
        has = ", ".join(cell for cell in cells if cell) or "none"
        shown = has if len(has) <= _SHOWN else f"{has[:_SHOWN]}..."
        raise DataError(f"{place} has no column {' and no column '.join(map(repr, lacking))}; it has {shown}")
    for column in _KNOWN:
        if columns.count(column) > 1:
            raise DataError(f"{place}, line {line}: the column {column!r} stands there twice; leave one")
    return columns


def _values(place: str, line: int, columns: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if any(cells[len(columns) :]):
        raise DataError(
            f"{place}, line {line}: has {len(cells)} values, there are {len(columns)} columns; put a value that holds "
            "the columns' separator between quotation marks"
        )
    return {column: cells[index] if index < len(cells) else "" for index, column in enumerate(columns) if column}


def _row(place: str, line: int, values: Mapping[str, str], spelling: _Spelling) -> Row:
    if not values["file"]:
        raise DataError(f"{place}, line {line}, column 'file': is empty; name a file, or leave the line out")
    said = values.get("split", "")
    split = _SPLITS.get(said.casefold())
    if said and split is None:
        raise DataError(f"{place}, line {line}: split {said!r}; allowed: train, val, or nothing")
    file = _path(values["file"], "", place, line, "file", spelling)
    folder = posixpath.dirname(file)
    own = filter(None, map(str.strip, values.get("ldr", "").split(";")))
    inputs = [_path(one, folder, place, line, "ldr", spelling) for one in own]
    return Row(line=line, file=file, source=values["source"], split=split, inputs=tuple(dict.fromkeys(inputs)))


def _path(value: str, folder: str, place: str, line: int, column: str, spelling: _Spelling) -> str:
    """A path in the whole folder, of a value that is relative to a folder in it."""
    for name in _readings(value):
        path = posixpath.normpath(posixpath.join(folder, name))
        found = spelling.of(path)
        if found is not None:
            return found
    name = value.replace("\\", "/")
    path = posixpath.normpath(posixpath.join(folder, name))
    try:
        if _DRIVE.match(name):
            raise LocalNameError("it is absolute")
        return below(path).as_posix()
    except LocalNameError as error:
        raise DataError(
            f"{place}, line {line}, column {column!r}: {value!r} leads out of the folder; name a file in it"
        ) from error


def _readings(value: str) -> Iterator[str]:
    """What a value may stand for: itself, with the separators of Windows, in its old encoding."""
    yield value
    yield value.replace("\\", "/")
    if any("\udc80" <= character <= "\udcff" for character in value):
        old = value.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
        yield old.replace("\\", "/")


class _Spelling:
    """How the folder spells its files."""

    def __init__(self, files: Collection[str]) -> None:
        self._files = frozenset(files)
        self._folded: dict[str, str | None] = {}
        for file in files:
            # Two files of one folded name: neither is meant by it.
            self._folded[_folded(file)] = None if _folded(file) in self._folded else file

    def of(self, path: str) -> str | None:
        """The file of this path, or the only one that differs in case or in its form of Unicode alone."""
        return path if path in self._files else self._folded.get(_folded(path))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", PurePosixPath(name).as_posix()).casefold()
