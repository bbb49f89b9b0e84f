"""The catalogue, and a small archive of the real layout of every dataset in it."""

from __future__ import annotations

import csv
import dataclasses
import re
import zipfile
from pathlib import Path

import pytest

from mqn.data.public import catalogue
from mqn.data.public.catalogue import Layout, PublicDataset, dataset, load
from mqn.data.public.fetch import fetch
from mqn.data.public.layout import arrange, write_manifest
from mqn.errors import ConfigError, UnknownNameError
from mqn.files.local_names import MARK
from mqn.hdr.io.files import HDR_SUFFIXES

# What is in the archive or folder as it is got; HDR file -> (source, camera LDR pictures). All else must be left out.
LAYOUTS: dict[str, tuple[dict[str, tuple[str, list[str]]], list[str]]] = {
    "funt": (
        {"cs/chroma/data/Nikon_D700/HDR_MATLAB_3x3/S0010.hdr": ("S0010", [])},
        ["cs/chroma/data/Nikon_D700/HDR_MATLAB_3x3/S0010_CC.hdr", "__MACOSX/cs/._S0010.hdr"],
    ),
    "ward": ({"AtriumNight_oA9D.hdr": ("AtriumNight", []), "rend02_oC95.hdr": ("rend02", [])}, ["AtriumNight.gif"]),
    "pfstools": ({"memorial.hdr": ("memorial", [])}, ["memorial.jpg"]),
    "mpi": ({"AtriumNight.exr": ("AtriumNight", [])}, ["AtriumNight.jpg"]),
    "hdrplus": (
        {
            "0006_20160722_115157_431/merged.dng": ("0006_20160722_11", []),
            "0006_20160722_115901_002/merged.dng": ("0006_20160722_11", []),
            "5a9e_20150328_173812_141/merged.dng": ("5a9e_20150328_17", []),
        },
        ["0006_20160722_115157_431/final.jpg"],
    ),
    "hdrplus-subset": ({"0006_20160722_115157_431/merged.dng": ("0006_20160722_11", [])}, []),
    "hdr-eye": (
        {
            "HDREye/images/HDR/C40_HDR.hdr": (
                "C40",
                ["HDREye/images/Bracketed_images/C40/DSC01.JPG", "HDREye/images/Bracketed_images/C40/DSC02.JPG"],
            ),
            "HDREye/images/HDR/C04_HDR.hdr": ("C04", ["HDREye/images/Bracketed_images/C04/DSC01.JPG"]),
        },
        ["HDREye/images/LDR/C40_LDR.png", "HDREye/eye_tracking/C40.txt"],
    ),
    "hdr-eye-singlehdr": (
        {"HDR-Eye/C01/gt.hdr": ("C01", ["HDR-Eye/C01/input.jpg"])},
        ["HDR-Eye/C01/ours.hdr", "HDR-Eye/C01/ours.jpg"],
    ),
    "hdr-real": (
        {
            "HDR-Real/00001/gt.hdr": ("00001", ["HDR-Real/00001/input.jpg"]),
            "HDR-Real/00002/gt.hdr": ("00002", ["HDR-Real/00002/input.jpg"]),
        },
        ["HDR-Real/00001/ours.hdr"],
    ),
    "hdr-real-train": (
        {
            "SingleHDR_training_data/HDR-Real/HDR_gt/00007.hdr": (
                "00007",
                ["SingleHDR_training_data/HDR-Real/LDR_in/00007.jpg"],
            )
        },
        ["SingleHDR_training_data/HDR-Synth/x.hdr"],
    ),
    "raise-1k": ({"NEF/r000da54ft.NEF": ("r000da54ft", [])}, ["TIFF/r000da54ft.TIF", "RAISE_1k.csv"]),
    "si-hdr": (
        {
            "reference/015.exr": ("015", ["input/clip_95/015.png", "input/clip_97/015.png"]),
            "reference/016.exr": ("016", ["input/clip_95/016.png"]),
        },
        ["raw/015/_07A5960.CR2", "reconstructions/hdrcnn/clip_95/015.exr"],
    ),
    "polyhaven": ({"alps_field_2k.hdr": ("alps_field", [])}, ["alps_field_4k.hdr"]),
    "fairchild": (
        {
            "GoldenGate(2).exr": ("GoldenGate", []),
            "GoldenGate(1).exr": ("GoldenGate", []),
            "Zentrum.exr": ("Zentrum", []),
        },
        ["GoldenGateData.xls"],
    ),
    "laval-indoor": ({"IndoorHDRDataset2018/9C4A0003-e05009bcad.exr": ("9C4A0003-e05009bcad", [])}, []),
    "openexr-images": (
        {"openexr-images-main/ScanLines/Desk.exr": ("Desk", [])},
        ["openexr-images-main/ScanLines/Desk.jpg", "openexr-images-main/TestImages/GrayRampsDiagonal.exr"],
    ),
}


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_dataset_has_its_layout_here() -> None:
    # What is converted needs real pictures: test_conversion.py has those layouts.
    assert set(LAYOUTS) == {name for name, entry in load().items() if not entry.layout.encoding}
    assert {name for name, entry in load().items() if entry.layout.encoding} == {"hdrtv1k", "ntire2021"}


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("given", ["folder", "zip"])
def test_real_layout_becomes_a_manifest(tmp_path: Path, name: str, given: str) -> None:
    wanted, unwanted = LAYOUTS[name]
    source = tmp_path / "given"
    for file in {*wanted, *unwanted, *(ldr for _, ldrs in wanted.values() for ldr in ldrs)}:
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        (source / file).write_bytes(file.encode())
    below = ""
    if given == "zip":
        with zipfile.ZipFile(tmp_path / "given.zip", "w") as packed:
            for file in sorted(files_in(source)):
                packed.write(source / file, file)
        source, below = tmp_path / "given.zip", "given/"

    outcome = fetch(name, source=source, output=tmp_path / "out")

    with (tmp_path / "out" / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["file", "source", "ldr"]
    found = {}
    for row in rows:
        folder = (tmp_path / "out" / row["file"]).parent
        ldrs = [(folder / ldr).resolve() for ldr in filter(None, row["ldr"].split(";"))]
        assert all(path.is_file() for path in ldrs)
        names = [path.relative_to((tmp_path / "out").resolve()).as_posix().removeprefix(below) for path in ldrs]
        found[row["file"].removeprefix(below)] = (row["source"], names)
    assert found == wanted
    kept = {*wanted, *(ldr for _, ldrs in wanted.values() for ldr in ldrs)}
    marks = {below + MARK} if given == "zip" else set()
    assert files_in(tmp_path / "out") - marks == {below + file for file in kept} | {"manifest.csv", "fetched.json"}
    assert outcome.pictures == len(wanted)
    assert outcome.shortfall == (load()[name].pictures or 0) - len(wanted)
    assert outcome.pairs == sum(bool(ldrs) for _, ldrs in wanted.values())
    assert all(Path(file).suffix.lower() in HDR_SUFFIXES for file in found)


def test_the_papers_datasets_are_there() -> None:
    roles = {name: entry.role for name, entry in load().items() if entry.role}
    assert {name for name, role in roles.items() if role == "training"} == {"funt", "ward", "pfstools", "hdrplus"}
    assert {"hdr-eye", "hdr-real", "raise-1k"} <= {name for name, role in roles.items() if role == "test"}


@pytest.mark.parametrize("name", load())
def test_entry_says_what_a_user_must_know(name: str) -> None:
    entry = load()[name]
    assert re.match(r"https?://[^ ]+\.[a-z]+/", entry.page)
    assert entry.licence
    assert entry.checked
    for file in entry.files:
        assert file.url.startswith(("http://", "https://"))
        assert "/" not in file.name


def test_unknown_name() -> None:
    with pytest.raises(UnknownNameError, match=r"no public dataset 'wardd'; did you mean 'ward'\?"):
        dataset("wardd")


ENTRY = """
[thing]
title = "Thing"
page = "https://example.org/"
licence = "CC0"
checked = "invented"
access = "{access}"
layout = {{ hdr = '{hdr}', source = "{source}" }}
"""


@pytest.mark.parametrize(
    ("access", "hdr", "source", "message"),
    [
        ("archive", "(?P<scene>.*)", "{scene}", "access = 'archive' needs files"),
        ("gallery", "(?P<scene>.*)", "{scene}", "access = 'gallery' needs a listing"),
        ("hand", "(?P<scene>.*)", "{scene}", "what a person has to do"),
        ("hand", "(?P<scene>.*", "{scene}", "is no regular expression"),
        ("hand", "(?P<scene>.*)", "{place}", "does not fit the groups"),
        ("mail", "(?P<scene>.*)", "{scene}", "access = 'mail'"),
    ],
)
def test_wrong_entry_is_named(tmp_path: Path, access: str, hdr: str, source: str, message: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(ENTRY.format(access=access, hdr=hdr, source=source))
    with pytest.raises(ConfigError, match=rf"wrong\.toml: \[thing\].*{message}"):
        catalogue.read(path)


def test_own_catalogue_adds_and_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = ENTRY.format(access="hand", hdr="(?P<scene>.*)", source="{scene}") + 'hand = "ask"\n'
    (tmp_path / "own.toml").write_text(text + text.replace("[thing]", "[ward]"))
    monkeypatch.setenv("MQN_CATALOGUE", str(tmp_path / "own.toml"))
    assert dataset("thing").title == "Thing"
    assert dataset("ward").title == "Thing"
    assert dataset("funt").pictures == 105
    monkeypatch.setenv("MQN_CATALOGUE", str(tmp_path / "absent.toml"))
    with pytest.raises(ConfigError, match=r"cannot read .*absent\.toml"):
        load()


def test_splits_of_a_publisher_are_kept(tmp_path: Path) -> None:
    layout = Layout(
        hdr=r"(?P<split>\w+)/(?P<scene>\d+)\.exr", source="{scene}", splits={"test": "val", "train": "train"}
    )
    rows = arrange(["train/1.exr", "test/2.exr", "test/2.png"], layout)
    write_manifest(tmp_path, rows)
    assert (tmp_path / "manifest.csv").read_text().splitlines() == [
        "file,source,split,ldr",
        "test/2.exr,2,val,",
        "train/1.exr,1,train,",
    ]


def test_entries_are_frozen() -> None:
    entry: PublicDataset = load()["ward"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.licence = "mine"  # type: ignore[misc]
