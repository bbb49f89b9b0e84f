"""Opens a bundle's folder as far as that goes, and says what it is where it is none."""

from __future__ import annotations

import zipfile
from pathlib import Path

from mqn.errors import ConfigError, ModelFileError
from mqn.infer.default import located
from mqn.infer.exported import BUNDLE, MANIFEST, lies_in
from mqn.parsing import read_json
from mqn.plain_values import shown
from mqn.records import Manifest
from mqn.report.bundle.filling import FORMAT


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle, whatever the state of the files that it names.

    Raises:
        ModelFileError: the folder is no bundle, or one of a later version of mqn.
    """
    folder = located(folder)
    if folder.is_file():
        if zipfile.is_zipfile(folder):
            raise ModelFileError(f"{folder} is a zip archive; unpack it and give the folder that it holds")
        raise ModelFileError(f"{folder} is a file; give a folder that `mqn select` wrote")
    if not folder.is_dir():
        raise ModelFileError(f"no bundle at {folder}; give a folder that `mqn select` wrote")
    if not (folder / MANIFEST).is_file():
        inner = next((path.parent for path in sorted(folder.glob(f"*/{MANIFEST}"))), None)
        advice = f"did you mean {inner}?" if inner else "give a folder that `mqn select` wrote"
        raise ModelFileError(f"{folder} has no {MANIFEST}, so it is no bundle; {advice}")
    try:
        manifest = read_json(Manifest, folder / MANIFEST)
    except ConfigError as error:
        raise ModelFileError(str(error)) from error
    if manifest.stage != BUNDLE:
        raise ModelFileError(
            f"{folder} holds what {shown(manifest.stage)} made, no bundle; give a folder that `mqn select` wrote"
        )
    found = format_of(manifest)
    if not isinstance(found, int) or found > FORMAT:
        raise ModelFileError(
            f"{folder} has the format {shown(found)}; this version of mqn knows formats up to {FORMAT}: take a later"
        )
    strange = next((name for name in manifest.files if not lies_in(name, manifest.stage)), None)
    if strange is not None:
        raise ModelFileError(
            f"{folder / MANIFEST} names {shown(strange)}, which is no file in its folder; select again"
        )
    return manifest


def format_of(manifest: Manifest) -> int:
    """Which format a bundle has; the first did not say."""
    found: int = manifest.details.get("format", 1)
    return found
