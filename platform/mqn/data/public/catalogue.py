"""The public datasets that single-image HDR reconstruction is trained and judged on, as `catalogue.toml` tells them."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mqn.errors import ConfigError, FetchError, LocalNameError, UnknownNameError
from mqn.files.local_names import safe_name
from mqn.net.web_addresses import require_address
from mqn.parsing import from_mapping, read_toml

Access = Literal["archive", "gallery", "bucket", "polyhaven", "dspace", "table", "hand"]
"""How a dataset is had.

`archive`: files at fixed addresses. `gallery`: web pages that link the pictures. `bucket`: a Google storage bucket.
`polyhaven`: Poly Haven's interface. `dspace`: a university's repository. `table`: a CSV file that its site gives out
against a form, with an address in every row. `hand`: a person has to fetch it.
"""

CATALOGUE_VARIABLE = "MQN_CATALOGUE"

_PATH = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file to download.

    Attributes:
        url: its address.
        name: its path below the dataset's folder, with `/`.
        sha256: its publisher's SHA-256, 64 hexadecimal digits, where there is one.
        md5: its publisher's MD5, 32 hexadecimal digits, where there is one.
        size_bytes: its size as its publisher tells it.
    """

    url: str
    name: str
    sha256: str | None = None
    md5: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Where a dataset's files are listed.

    Attributes:
        url: the page, or the interface's address.
        match: regular expression of the addresses (gallery) or names (bucket, dspace) to take, matched as a whole.
        follow: gallery: of the linked pages to read too, one step deep.
        media: bucket: what a name is appended to for its address.
        keys: polyhaven: which of an asset's variants, for example ("hdri", "2k", "hdr").
        column: table: the column that holds addresses.
        replace: gallery, table: a part of the addresses and what to put in its place.
    """

    url: str = ""
    match: str = ".*"
    follow: str | None = None
    media: str = ""
    keys: tuple[str, ...] = ()
    column: str = ""
    replace: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the expressions; raises `ValueError` if one is not a regular expression, or `replace` is not a pair."""
        _require_expression("match", self.match)
        _require_expression("follow", self.follow or "")
        if len(self.replace) not in (0, 2):
            raise ValueError(f"replace = {list(self.replace)} must be what to replace, and by what")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What lies where in a dataset. Paths are relative to an archive's root, with `/`.

    Attributes:
        hdr: regular expression of the HDR files, matched as a whole. Its named groups fill the templates below.
        source: template of what a picture shows: pictures of one source never stand on both sides of a split.
        ldr: templates of the camera's own LDR pictures of an HDR file; `*` and `?` as in a shell.
        beside: regular expression of the files to keep beside the HDR files. Whatever matches neither is left out.
        splits: what the group `split` says, to "train" or "val".
        encoding: of the HDR files, where they are not linear light: what `mqn.data.public.conversion` makes it of.
    """

    hdr: str
    source: str
    ldr: tuple[str, ...] = ()
    beside: str | None = None
    splits: dict[str, Literal["train", "val"]] = field(default_factory=dict)
    encoding: Literal["", "pq-bt2020", "ntire2021"] = ""

    def __post_init__(self) -> None:
        """Check the expressions, and templates against the groups of `hdr`; raises `ValueError` if one is wrong."""
        groups = _require_expression("hdr", self.hdr)
        _require_expression("beside", self.beside or "")
        for template in (self.source, *self.ldr):
            try:
                template.format_map(dict.fromkeys(groups, "x"))
            except (KeyError, ValueError, IndexError) as error:
                raise ValueError(f"template {template!r} does not fit the groups {groups}: {error}") from error
        if self.splits and "split" not in groups:
            raise ValueError("splits are given, but hdr has no group named 'split'")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDataset:
    """One dataset.

    Attributes:
        title: its name in full.
        page: where a person reads about it.
        licence: what its publisher allows, in a few words; "not stated" where nothing was found.
        access: how it is had.
        role: what the paper uses it for: "training", "test", or "" where it does not.
        layout: what lies where.
        checked: what of this entry was verified, and from where.
        pictures: how many HDR pictures its publisher or its users count; None where that is not known.
        size_bytes: of what is downloaded, where it is known.
        files: for `archive`.
        listing: for the others.
        hand: what a person has to do, where one has to.
        note: what its user should know.
    """

    title: str
    page: str
    licence: str
    access: Access
    layout: Layout
    checked: str
    role: Literal["training", "test", ""] = ""
    pictures: int | None = None
    size_bytes: int | None = None
    files: tuple[RemoteFile, ...] = ()
    listing: Listing | None = None
    hand: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        """Check that the entry says what its kind of access needs; raises `ValueError` if it does not."""
        if self.access == "archive" and not self.files:
            raise ValueError("access = 'archive' needs files")
        if self.access not in ("archive", "hand") and self.listing is None:
            raise ValueError(f"access = {self.access!r} needs a listing")
        if self.access in ("hand", "table") and not self.hand:
            raise ValueError(f"access = {self.access!r} needs 'hand': what a person has to do")
        try:
            for file in self.files:
                require_address(file.url, hashed=file.sha256 is not None)
            if self.listing is not None and self.listing.url:
                require_address(self.listing.url)
        except FetchError as error:
            raise ValueError(str(error)) from error


def load() -> Mapping[str, PublicDataset]:
    """Every dataset by its name: the catalogue's, then those of the file that `$MQN_CATALOGUE` names.

    That file has the catalogue's form. Its entries replace those of the same name in the catalogue: by a mirror in the
    own network, or a dataset of the own house.

    Raises:
        ConfigError: a catalogue is missing, or wrong at a named place.
    """
    own = os.environ.get(CATALOGUE_VARIABLE)
    return {**read(_PATH), **(read(Path(own)) if own else {})}


@functools.cache
def read(path: Path) -> Mapping[str, PublicDataset]:
    """Read one catalogue; raises `ConfigError` if it is missing, or wrong at a named place."""
    datasets = {}
    for name, table in read_toml(path).items():
        try:
            datasets[safe_name(name)] = from_mapping(PublicDataset, table, source=f"{path.name}: [{name}]")
        except LocalNameError as error:
            raise ConfigError(f"{path.name}: a dataset's name is also its folder's: {error}") from error
    return datasets


def dataset(name: str) -> PublicDataset:
    """One dataset of the catalogue; raises `UnknownNameError` if there is none of that name."""
    known = load()
    if name not in known:
        raise UnknownNameError("public dataset", name, known, "mqn data list shows them")
    return known[name]


def _require_expression(what: str, expression: str) -> list[str]:
    try:
        return list(re.compile(expression).groupindex)
    except re.error as error:
        raise ValueError(f"{what} = {expression!r} is no regular expression: {error}") from error
