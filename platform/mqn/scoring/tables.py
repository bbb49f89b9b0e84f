"""Every picture's figures as Parquet and CSV files: one row for each method and picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mqn.errors import DataError
from mqn.files.publishing import publish_file
from mqn.parsing import to_plain
from mqn.scoring.judging.ledger import Line

PARQUET = "pictures.parquet"
CSV = "pictures.csv"


def write_tables(
    folder: Path, lines: Mapping[str, Mapping[int, Line]], metrics: Sequence[str], protocol: Mapping[str, Any]
) -> None:
    """Write `pictures.parquet`, which keeps the protocol in its metadata, and `pictures.csv`.

    Columns: method, picture, source, condition, height, width, then each metric; empty if it does not apply.

    Raises:
        DataError: a file cannot be written.
    """
    import pyarrow
    from pyarrow import csv, parquet

    rows = [(name, line) for name, by_index in lines.items() for _, line in sorted(by_index.items())]
    columns: dict[str, Any] = {
        "method": pyarrow.array([name for name, _ in rows], pyarrow.string()),
        "picture": pyarrow.array([_unicode(line.name) for _, line in rows], pyarrow.string()),
        "source": pyarrow.array([_unicode(line.source) for _, line in rows], pyarrow.string()),
        "condition": pyarrow.array([line.condition for _, line in rows], pyarrow.string()),
        "height": pyarrow.array([line.height for _, line in rows], pyarrow.int32()),
        "width": pyarrow.array([line.width for _, line in rows], pyarrow.int32()),
    }
    for metric in metrics:
        columns[metric] = pyarrow.array([line.figures[metric] for _, line in rows], pyarrow.float64())
    table = pyarrow.table(columns, metadata={"mqn.protocol": json.dumps(to_plain(protocol))})
    writers = {PARQUET: parquet.write_table, CSV: csv.write_csv}
    for name, write in writers.items():
        temporary = folder / f".{name}.new"
        try:
            write(table, str(temporary))
            publish_file(temporary, folder / name)
        except OSError as error:
            raise DataError(f"cannot write {folder / name}: {error.strerror or error}") from error


def _unicode(name: str) -> str:
    """Make a file name readable for every program: bytes that are not UTF-8 become escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
