"""Compiles the Kotlin of a bundle's Android sample, and compares what it computes with `mqn convert`.

    pip download kotlin-jupyter-kernel==0.19.0.944 --no-deps && unzip kotlin_jupyter_kernel-*.whl '*.jar' -d kotlin
    python -m tests.lab.android --jars kotlin/run_kotlin_kernel/jars --folder /tmp/mqn-android

Needs a JDK of 17 or later. That kernel for notebooks holds a Kotlin compiler, which no index that we reach has by
itself. There is no Android SDK: the classes of Android and LiteRT that the sample names stand in `declarations.txt` and
`LiteRt.kt` beside this file, written by hand after their documentation, without a body. So it is shown that

1. all Kotlin of the sample compiles, for a codec with tiles and for one with gains;
2. its tiles, its gains and its gain map give, on a photograph, what `mqn convert`, `mqn.infer` and `mqn.hdr.gain_map`
   give, where a function stands in for the network.

It is not shown that Gradle builds the project, or that it runs on a phone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from mqn.hdr.gain_map import gain
from mqn.hdr.gains import brightened, gain_stops
from mqn.hdr.io.ldr_files import load_ldr
from mqn.hdr.primaries import luminance
from mqn.hdr.transfer import srgb_decode
from mqn.infer.guided import enlarge
from mqn.infer.picture import Expander
from mqn.report.bundle.samples.writing import APP_TILE, write_samples
from tests.report.conftest import write_sigmoid

HERE = Path(__file__).parent
PHOTO = HERE.parents[2] / "dashboards" / "photo.jpg"
WIDTH, HEIGHT = 1120, 832
MOST_STOPS, MOST_CODES = 0.001, 1
CUBE = {"log": 0.0, "gain": 0.9}
"""The stand-in for a network gives sigmoid(x + CUBE x^3). Without the second term it is the file of one operator that
`mqn convert` runs; of gains that would make none."""


def expected(codec: str, files: list[Path], ldr: np.ndarray) -> np.ndarray:
    """The light of a picture: with tiles what `mqn convert` gives; with gains from a copy of the app's size."""
    if codec != "gain":
        return Expander(files, codec, tile=APP_TILE).expand(ldr)
    small = cv2.resize(ldr, (APP_TILE, APP_TILE), interpolation=cv2.INTER_AREA)
    x = small.astype(np.float64)
    output = 1 / (1 + np.exp(-(x + CUBE[codec] * x**3)))
    light = np.empty_like(ldr)
    for rows, part in enlarge(gain_stops(output.astype(np.float32), small), small, ldr):
        light[rows] = brightened(ldr[rows], part)
    return light


def compile_declarations(folder: Path) -> Path:
    """Compile the Java classes; each stands behind a line `// package.Class`."""
    sources, classes = folder / "java", folder / "classes"
    for part in (HERE / "declarations.txt").read_text(encoding="utf-8").split("// ")[1:]:
        name, _, body = part.partition("\n")
        path = sources / (name.replace(".", "/") + ".java")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"package {name.rpartition('.')[0]};\n{body}", encoding="utf-8")
    subprocess.run(["javac", "-d", classes, *sources.rglob("*.java")], check=True)
    return classes


def compile_app(jars: Path, classes: Path, app: Path, target: Path) -> str:
    """Compile the app's Kotlin with `Main.kt`; gives the class path to run it."""
    standard = next(jars.glob("kotlin-stdlib-*.jar"))
    compiler = ["java", "-Xmx1500m", "-cp", os.pathsep.join(map(str, jars.glob("*.jar")))]
    compiler += ["org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-no-stdlib", "-no-reflect", "-jvm-target", "17"]
    sources = [*app.rglob("*.kt"), HERE / "LiteRt.kt", HERE / "Main.kt"]
    done = subprocess.run(
        [*compiler, "-cp", f"{standard}{os.pathsep}{classes}", "-d", target, *sources], capture_output=True, text=True
    )
    if done.returncode != 0 or done.stderr.strip():
        sys.exit(f"not compiled, or not without a word:\n{done.stderr}")
    return os.pathsep.join(map(str, (target, standard, classes)))


def compare(codec: str, jars: Path, classes: Path, folder: Path) -> bool:
    """Compile the app of a model with a codec, run it, compare."""
    bundle = folder / codec
    bundle.mkdir(parents=True)
    write_sigmoid(bundle / "model.tflite", "ldr", "hdr", 32)
    write_samples(bundle, ["model.tflite"], name="MQN", codec=codec, input_size=32)
    path = compile_app(jars, classes, bundle / "samples" / "android", bundle / "built")
    ldr = cv2.resize(load_ldr(PHOTO).image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    ldr.astype("<f4").tofile(bundle / "ldr.bin")
    words = [bundle, str(WIDTH), str(HEIGHT), str(CUBE[codec])]
    subprocess.run(["java", "-Xmx1500m", "-cp", path, "com.example.hdr.MainKt", *words], check=True)
    light = np.fromfile(bundle / "light.bin", "<f4").reshape(ldr.shape)
    apart = np.abs(np.log2((light + 2**-10) / (expected(codec, [bundle / "model.tflite"], ldr) + 2**-10)))
    base, above = luminance(srgb_decode(ldr)), luminance(light)
    above *= np.float32(gain.level(base, above))
    codes, _ = gain.quantize(gain.stops(base, above), gain.headroom(above))
    others = np.fromfile(bundle / "codes.bin", np.uint8).reshape(codes.shape)
    off = np.abs(codes.astype(int) - others)
    print(
        f"{codec}: light {apart.mean():.6f} stops apart on average, {apart.max():.4f} at most; gain map {off.max()} "
        f"codes apart at most, in {(off > 0).mean():.2e} of its pixels"
    )
    return bool(apart.max() <= MOST_STOPS and off.max() <= MOST_CODES)


def main() -> int:
    """Run; the exit code says whether all of it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jars", type=Path, required=True, help="folder of the compiler's jars")
    parser.add_argument("--folder", type=Path, required=True, help="a new folder to work in")
    given = parser.parse_args()
    given.folder.mkdir(parents=True)
    classes = compile_declarations(given.folder)
    held = [compare(codec, given.jars, classes, given.folder) for codec in ("log", "gain")]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
