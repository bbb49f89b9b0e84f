"""The samples of a bundle outside this project: Python with NumPy and LiteRT alone, and C++ built here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import ai_edge_litert
import numpy as np
import pytest
from packaging.requirements import Requirement
from tests.report.conftest import write_sigmoid

from mqn.infer.default import FOLDER
from mqn.infer.exported import open_exported
from mqn.records import Codec
from mqn.report.bundle.samples.reference import write_reference
from mqn.report.bundle.samples.writing import write_samples

pytestmark = pytest.mark.integration
LITERT = Path(ai_edge_litert.__file__).parent
_SECONDS = 120


def needed(package: str) -> set[str]:
    """A package and all that it asks for and that is installed, by their names in the index."""
    found, left = set(), [package]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            asked = [Requirement(line) for line in metadata.requires(name) or []]
            left += [one.name for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which nothing but ai-edge-litert, NumPy and what these ask for can be imported."""
    folder = tmp_path_factory.mktemp("bare")
    for package in needed("ai-edge-litert") | {"numpy"}:
        distribution = metadata.distribution(package)
        for top in {file.parts[0] for file in distribution.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder


def convert(bundle: Path, bare: Path, source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    words = [sys.executable, "-S", "-P", bundle / "samples" / "convert.py", source, target]
    return subprocess.run(
        words, env={**environment, "PYTHONPATH": str(bare)}, capture_output=True, text=True, timeout=_SECONDS, cwd="/"
    )


@pytest.fixture(scope="session")
def compiler() -> str:
    found = shutil.which("g++") or shutil.which("clang++")
    if found is None:
        pytest.skip("no C++ compiler here")
    return found


def build(bundle: Path, compiler: str) -> Path:
    """The C++ sample as one command builds it."""
    program = bundle.parent / "convert"
    library = [f"-L{LITERT}", "-l:libLiteRt.so", f"-Wl,-rpath,{LITERT}"]
    flags = ["-std=c++14", "-O1", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off"]
    done = call([compiler, *flags, bundle / "samples/cpp/convert.cc", "-o", program, *library])
    assert done.returncode == 0, done.stderr[-2000:]
    return program


def call(words: list[object]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=_SECONDS)


def run_program(program: Path, source: Path, target: Path, bundle: Path) -> subprocess.CompletedProcess[str]:
    return call([program, source, target, bundle])


def write_ppm(path: Path, height: int, width: int) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    path.write_bytes(b"P6\n%d %d\n255\n" % (width, height) + pixels.tobytes())
    return path


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model in the box with samples: a real network, quantized, whose output is gains."""
    folder = tmp_path_factory.mktemp("box") / "bundle"
    exported = open_exported(FOLDER)
    names = [file.name for file in exported.files]
    folder.mkdir()
    for file in exported.files:
        shutil.copyfile(file, folder / file.name)
    write_samples(folder, names, name="MQN", codec=exported.codec, input_size=exported.input_size)
    write_reference(folder, names, exported.files, exported.input_size)
    return folder


@pytest.fixture(scope="module")
def program(box: Path, compiler: str) -> Path:
    """The C++ sample as its README builds it; where there is no cmake, as one command does."""
    if shutil.which("cmake") is None:
        return build(box, compiler)
    made = box.parent / "build"
    configure = [
        "cmake",
        "-S",
        box / "samples/cpp",
        "-B",
        made,
        f"-DLITERT={LITERT}",
        f"-DCMAKE_CXX_COMPILER={compiler}",
    ]
    for step in (configure, ["cmake", "--build", made]):
        done = call(step)
        assert done.returncode == 0, done.stderr[-2000:]
    return made / "convert"


def test_nothing_else_can_be_imported_there(bare: Path, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(bare)}
    code = "import importlib.util as u; print([n for n in %r if u.find_spec(n)])"
    names = ["mqn", "PIL", "torch", "tensorflow", "cv2", "numpy", "ai_edge_litert"]
    words = [sys.executable, "-S", "-P", "-c", code % names]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=_SECONDS, cwd=tmp_path)
    assert done.stdout == "['numpy', 'ai_edge_litert']\n", done.stderr[-600:]


def test_python_and_cpp_give_the_bytes_that_the_bundle_holds(box: Path, bare: Path, program: Path) -> None:
    source, expected = box / "samples/input.ppm", (box / "samples/output.pfm").read_bytes()
    done = convert(box, bare, source, box.parent / "python.pfm")
    assert done.returncode == 0, done.stderr[-600:]
    assert (box.parent / "python.pfm").read_bytes() == expected
    done = run_program(program, source, box.parent / "cpp.pfm", box)
    assert done.returncode == 0, done.stderr[-600:]
    assert (box.parent / "cpp.pfm").read_bytes() == expected


@pytest.mark.parametrize("codec", ["log", "pq", "gamma", "gain"])
def test_codecs_in_two_files_and_pictures_of_any_size(bare: Path, compiler: str, tmp_path: Path, codec: Codec) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    names = ["backbone.tflite", "head.tflite"]
    for name, source, target in zip(names, ("ldr", "interface"), ("interface", "hdr"), strict=True):
        write_sigmoid(bundle / name, source, target, 32)
    write_samples(bundle, names, name="MQN", codec=codec, input_size=32)
    program = build(bundle, compiler)
    for name, height, width in (("large", 71, 100), ("small", 9, 40)):
        source = write_ppm(tmp_path / f"{name}.ppm", height, width)
        done = convert(bundle, bare, source, tmp_path / f"{name}.pfm")
        assert done.returncode == 0, done.stderr[-600:]
        assert run_program(program, source, tmp_path / f"{name}-cpp.pfm", bundle).returncode == 0
        content = (tmp_path / f"{name}.pfm").read_bytes()
        assert content == (tmp_path / f"{name}-cpp.pfm").read_bytes()
        assert len(content) == len(b"PF\n32 32\n-1.0\n") + 32 * 32 * 12


def test_what_is_no_picture_is_refused(box: Path, bare: Path, program: Path, tmp_path: Path) -> None:
    whole = write_ppm(tmp_path / "whole.ppm", 8, 8).read_bytes()
    for content, words in ((b"", "no binary PPM"), (b"P5\n8 8\n255\n", "no binary PPM"), (whole[:-1], "cut short")):
        (tmp_path / "given.ppm").write_bytes(content)
        python = convert(box, bare, tmp_path / "given.ppm", tmp_path / "out.pfm")
        cpp = run_program(program, tmp_path / "given.ppm", tmp_path / "out.pfm", box)
        for done in (python, cpp):
            assert done.returncode == 1
            assert words in done.stderr
    assert not (tmp_path / "out.pfm").exists()
