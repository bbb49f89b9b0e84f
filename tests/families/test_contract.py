from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mqn.errors import DiskError, UsageError
from mqn.families.contract import find_family

FAILING = "raise OSError({number}, {words!r})\n"


@pytest.mark.parametrize(("number", "kind"), [(errno.EIO, DiskError), (errno.ENOENT, UsageError)])
def test_a_disk_that_fails_while_a_family_is_imported_is_no_wrong_usage(
    number: int, kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"own_{number}"
    (tmp_path / f"{name}.py").write_text(FAILING.format(number=number, words=os.strerror(number)))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(kind, match=os.strerror(number)):
        find_family(f"{name}:FAMILY")
