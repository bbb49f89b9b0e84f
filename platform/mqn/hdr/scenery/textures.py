"""Surfaces and skies of the procedural scenes: 1/f noise, checker, stripes, lit facades, clouds, the colour of light.

Every function here makes a surface or a sky for `mqn.hdr.scenery.raycast` and draws its random part when it is made, so
that a scene is a function of its seed only.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mqn.hdr.scenery.raycast import Floats, Sky, Surface

Color: TypeAlias = tuple[float, float, float]

# Linear BT.709 of black bodies, largest channel 1: Planck's law under the CIE 1931 observer as fitted by Wyman, Sloan
# and Shirley (2013); in between interpolated over log temperature.
_KELVIN = (2000.0, 2700.0, 4000.0, 5500.0, 6500.0, 10000.0)
_BLACK_BODY = np.array(
    [(1, 0.27, 0.01), (1, 0.42, 0.10), (1, 0.66, 0.38), (1, 0.85, 0.76), (1, 0.94, 0.99), (0.61, 0.70, 1)], np.float32
)
_ROW = 1024


def white(kelvin: float, strength: float = 1.0) -> Color:
    """The colour of a lamp of 2000 to 10000 K, linear BT.709; `strength` is that of its largest channel."""
    place = np.log(kelvin)
    red, green, blue = (strength * np.interp(place, np.log(_KELVIN), _BLACK_BODY[:, i]) for i in range(3))
    return float(red), float(green), float(blue)


def tint(generator: np.random.Generator, base: Color, spread: float = 0.25) -> Color:
    """An albedo near `base`: each channel times a log-normal factor of standard deviation `spread`, in [0.01, 0.9]."""
    red, green, blue = np.clip(np.array(base) * np.exp(spread * generator.standard_normal(3)), 0.01, 0.9)
    return float(red), float(green), float(blue)


def fractal(generator: np.random.Generator, *, side: int = 256) -> NDArray[np.float32]:
    """Tileable noise whose amplitude falls as 1/f: mean 0, standard deviation 1. Shape (side, side), a power of 2."""
    noise = generator.standard_normal((2, 2), dtype=np.float32)
    amplitude = 1.0
    while noise.shape[0] < side:
        cells = 2 * noise.shape[0]
        doubled = cv2.resize(np.pad(noise, 2, mode="wrap"), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        noise = doubled[4:-4, 4:-4]
        amplitude /= 2
        # The finest octave has the least to say and would take longest to draw.
        if cells < side:
            noise = noise + np.float32(amplitude) * generator.standard_normal((cells, cells), dtype=np.float32)
    return np.ascontiguousarray((noise - noise.mean()) / noise.std())


def plain(color: Color, generator: np.random.Generator, *, roughness: float = 0.15, grain: float = 0.25) -> Surface:
    """Paint one albedo with 1/f noise. Its standard deviation is `roughness` of the colour; `grain` is in 1/m."""
    noise = fractal(generator)

    def surface(points: Floats, normals: Floats) -> tuple[Floats, Floats]:
        across, along = _flatten(points, normals)
        shade = np.exp(roughness * _nearness(points, 1 / grain) * _sample(noise, across * grain, along * grain))
        return _colored(shade, color), np.zeros((points.shape[1], 3), np.float32)

    return surface


def checker(first: Color, second: Color, generator: np.random.Generator, *, tile: float = 0.5) -> Surface:
    """Tiles of two colours, `tile` metres wide, that blend to their mean far from the eye, where they would alias."""
    noise = fractal(generator)

    def surface(points: Floats, normals: Floats) -> tuple[Floats, Floats]:
        across, along = _flatten(points, normals)
        odd = (np.floor(across / tile) + np.floor(along / tile)) % 2
        odd = 0.5 + (odd - 0.5) * _nearness(points, tile)
        mixed = _colored(odd, first) + _colored(1 - odd, second)
        return mixed * np.exp(0.1 * _sample(noise, across, along))[:, None], np.zeros_like(mixed)

    return surface


def stripes(color: Color, generator: np.random.Generator, *, width: float = 0.2, depth: float = 0.35) -> Surface:
    """Planks `width` metres wide, each of its own shade, with dark joints of `depth` (0 to 1)."""
    noise = fractal(generator)
    shades = np.exp(0.25 * generator.standard_normal(64, dtype=np.float32))

    def surface(points: Floats, normals: Floats) -> tuple[Floats, Floats]:
        across, along = _flatten(points, normals)
        board = np.floor(across / width)
        joint = np.abs(across / width - board - 0.5) > 0.46
        shade = shades[board.astype(np.int64) % 64] * (1 - depth * joint * _nearness(points, width))
        shade *= np.exp(0.2 * _sample(noise, across * 2, along * 0.2))
        return _colored(shade, color), np.zeros((points.shape[1], 3), np.float32)

    return surface


def facade(
    color: Color, generator: np.random.Generator, *, storey: float = 3.0, lit: float = 0.0, strength: float = 0.0
) -> Surface:
    """Paint a house: a wall with rows of dark windows every `storey` metres. A share `lit` has radiance `strength`."""
    noise = fractal(generator)
    lamps = np.where(generator.random((64, 64)) < lit, generator.lognormal(0, 0.5, (64, 64)), 0).astype(np.float32)
    warmth = generator.random((64, 64), dtype=np.float32)
    warm, cold = _array(white(2700, strength)), _array(white(5000, strength))

    def surface(points: Floats, normals: Floats) -> tuple[Floats, Floats]:
        across, up = _flatten(points, normals)
        column, row = across / (storey * 0.7), up / storey
        cell = np.floor(column).astype(np.int64) % 64, np.floor(row).astype(np.int64) % 64
        inner_x, inner_y = np.abs(column % 1 - 0.5), np.abs(row % 1 - 0.5)
        upright = np.abs(normals[1]) < 0.5
        pane = upright & (inner_x < 0.27) & (inner_y < 0.3) & ~((inner_x < 0.02) | (inner_y < 0.015))
        shade = np.exp(0.2 * _sample(noise, across * 0.1, up * 0.1)) * np.where(pane, np.float32(0.06), np.float32(1))
        curtain = 0.4 + 0.6 * np.exp(0.6 * _sample(noise, across * 0.5, up * 0.05) - 0.6)
        glow = lamps[cell] * pane * curtain
        mix = warmth[cell][:, None]
        return _colored(shade, color), glow[:, None] * (warm * (1 - mix) + cold * mix)

    return surface


def glowing(color: Color) -> Surface:
    """A lamp's globe or a light panel: emits, reflects nothing."""

    def surface(points: Floats, normals: Floats) -> tuple[Floats, Floats]:  # noqa: ARG001
        emitted = np.broadcast_to(_array(color), (points.shape[1], 3))
        return np.zeros_like(emitted), emitted

    return surface


def window(view: Sky, *, panes: float = 0.6) -> Surface:
    """An opening in the wall through which a sky is seen between bars `panes` metres apart."""

    def surface(points: Floats, normals: Floats) -> tuple[Floats, Floats]:
        across, up = _flatten(points, normals)
        glass = (across / panes % 1 > 0.08) & (up / panes % 1 > 0.08)
        outside = view(np.stack([across * 0.2, (up - 1.2) * 0.25, np.ones_like(up)]))
        return np.full((points.shape[1], 3), 0.5, np.float32), outside * glass[:, None]

    return surface


def firmament(
    generator: np.random.Generator,
    *,
    zenith: Color,
    horizon: Color,
    cloud: float = 0.0,
    sun: Color = (0.0, 0.0, 0.0),
    sun_direction: Color = (0.0, 1.0, 0.0),
    sun_slope: float = 0.02,
    hills: Color | None = None,
) -> Sky:
    """A sky: gradient, clouds, a sun or moon with its halo, hills along the horizon.

    Args:
        generator: draws clouds and hills.
        zenith: radiance overhead.
        horizon: radiance along the horizon.
        cloud: 0 clear to 1 overcast.
        sun: radiance of the disc.
        sun_direction: towards it, of unit length.
        sun_slope: half the disc's width as a slope (about its angle in radians).
        hills: radiance of hills; None: flat.
    """
    noise, ridge = fractal(generator), fractal(generator)[0]
    middle = _array(sun_direction)

    def sky(directions: Floats) -> Floats:
        unit = directions / np.sqrt(np.einsum("ij,ij->j", directions, directions))
        up = np.maximum(unit[1], 0)
        mix = np.exp(-up * 3.5)[:, None]
        radiance = _array(horizon) * mix + _array(zenith) * (1 - mix)
        if cloud > 0:
            flat = 1 / (up + np.float32(0.12))
            cover = _sample(noise, unit[0] * flat * 0.35, unit[2] * flat * 0.35)
            dense = (1 / (1 + np.exp(-4 * (cover - 1.2 + 2.2 * cloud))))[:, None] * 0.85
            bright = _array(horizon).mean() * 1.3 * np.exp(-0.5 * np.maximum(cover - 0.4, 0))[:, None]
            radiance = radiance * (1 - dense) + bright * (0.5 * _array(horizon) / _array(horizon).max() + 0.5) * dense
        away = np.sqrt(np.maximum(2 - 2 * (middle @ unit), 0))
        halo = 3e-4 / (1 + (away / (4 * sun_slope)) ** 2) ** 1.2
        disc = np.clip((sun_slope - away) / (0.15 * sun_slope) + 1, 0, 1)
        radiance = radiance + _array(sun) * (disc + halo)[:, None]
        if hills is not None:
            crest = 0.05 + 0.03 * np.interp((unit[0] * 0.5 + 0.5) * 256, np.arange(256), ridge).astype(np.float32)
            radiance = np.where((unit[1] < crest)[:, None], _array(hills), radiance)
        return radiance.astype(np.float32)

    return sky


def water(sky: Sky, eye_height: float, generator: np.random.Generator, *, waves: float = 0.04) -> Surface:
    """Water at y = 0 that mirrors the sky, for an eye at (0, eye_height, 0); `waves` is its waves' standard slope."""
    noise = fractal(generator)

    def surface(points: Floats, normals: Floats) -> tuple[Floats, Floats]:  # noqa: ARG001
        tilt = waves * _sample(noise, points[0] * 0.15, points[2] * 0.05)
        mirrored = np.stack([points[0], np.full_like(tilt, eye_height), points[2]])
        mirrored[1] = np.maximum(eye_height + tilt * points[2], 0.02 * points[2])
        grazing = np.clip(0.05 + 0.7 * np.exp(-4 * eye_height / points[2]), 0, 1)
        return np.full((points.shape[1], 3), 0.02, np.float32), sky(mirrored) * grazing[:, None]

    return surface


def _flatten(points: Floats, normals: Floats) -> tuple[Floats, Floats]:
    """Two coordinates that run along the surface: those of the axes that its normal has least of."""
    steep = np.abs(normals)
    sideways, level = steep[0] > np.maximum(steep[1], steep[2]), steep[1] > np.maximum(steep[0], steep[2])
    return np.where(sideways, points[2], points[0]), np.where(level, points[2], points[1])


def _nearness(points: Floats, period: float) -> Floats:
    return 1 / (1 + (0.012 * points[2] / period) ** 2)


def _array(color: Color) -> Floats:
    return np.asarray(color, np.float32)


def _colored(shade: Floats, color: Color) -> Floats:
    return shade[:, None] * _array(color)


def _sample(noise: NDArray[np.float32], across: Floats, along: Floats) -> Floats:
    """Noise at points, in tiles; linear in between. Shape as of `across`."""
    # OpenCV takes pictures of fewer than 32768 pixels a side, so that the points are folded into rows.
    rows = -(-across.size // _ROW)
    x, y = (np.resize(np.mod(axis, 1).astype(np.float32) * noise.shape[0], (rows, _ROW)) for axis in (across, along))
    return cv2.remap(noise, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP).ravel()[: across.size]
