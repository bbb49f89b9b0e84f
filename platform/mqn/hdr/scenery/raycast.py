"""A small ray caster: boxes, balls and a ground plane under lamps, a sun and a sky, in absolute radiance ratios.

It exists to give `mqn.hdr.scenes` pictures whose light behaves: inverse-square lamps, cast shadows, sun
through windows. Coordinates: x to the right, y up, z forward, metres. Arrays of points and directions are (3, P)
float32, colours (P, 3) float32, linear BT.709; P is the number of rays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Surface: TypeAlias = Callable[[Floats, Floats], tuple[Floats, Floats]]
Sky: TypeAlias = Callable[[Floats], Floats]
EPSILON = np.float32(1e-3)
INFINITE = np.float32(np.inf)
_BAND = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An axis-aligned box.

    Attributes:
        low: its least corner (x, y, z).
        high: its greatest corner.
        surface: points (3, P) and normals (3, P) to albedo (P, 3) and emitted radiance (P, 3).
        inside: whether it is a room seen from within; a room casts no shadow.
        shadow: whether it keeps light away from what lies behind it.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    surface: Surface
    inside: bool = False
    shadow: bool = True

    def distance(self, origin: Floats, direction: Floats) -> Floats:
        """Where rays meet the box, in lengths of their direction; infinite where they miss. Shape (P,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = 1 / direction
            first, second = (_column(self.low) - origin) * inverse, (_column(self.high) - origin) * inverse
        # Pairwise over the three axes: numpy reduces a leading axis of length 3 several times slower.
        enter, leave = np.minimum(first, second), np.maximum(first, second)
        far = np.minimum(np.minimum(leave[0], leave[1]), leave[2])
        if self.inside:
            return np.where(far > EPSILON, far, INFINITE)
        near = np.maximum(np.maximum(enter[0], enter[1]), enter[2])
        return np.where((near <= far) & (near > EPSILON), near, INFINITE)

    def normal(self, points: Floats) -> Floats:
        """Unit normals (3, P) at points on the box, towards the side that is seen."""
        low, high = _column(self.low), _column(self.high)
        relative = (points - (low + high) / 2) / ((high - low) / 2)
        axis = np.abs(relative).argmax(axis=0)
        column = np.arange(points.shape[1])
        normals = np.zeros_like(points)
        normals[axis, column] = np.sign(relative[axis, column]) * (-1 if self.inside else 1)
        return normals


@dataclass(frozen=True, slots=True, kw_only=True)
class Ball:
    """A sphere; fields as of `Box`."""

    center: tuple[float, float, float]
    radius: float
    surface: Surface
    shadow: bool = True

    def distance(self, origin: Floats, direction: Floats) -> Floats:
        """Where rays meet the ball, in lengths of their direction; infinite where they miss. Shape (P,)."""
        offset = origin - _column(self.center)
        a, half_b = _dot(direction, direction), _dot(offset, direction)
        c = _dot(offset, offset) - np.float32(self.radius**2)
        root = half_b * half_b - a * c
        near = (-half_b - np.sqrt(np.maximum(root, 0))) / a
        return np.where((root > 0) & (near > EPSILON), near, INFINITE)

    def normal(self, points: Floats) -> Floats:
        """Outward unit normals (3, P)."""
        return (points - _column(self.center)) / np.float32(self.radius)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The plane y = 0, out to a distance; fields as of `Box`."""

    surface: Surface
    reach: float = 400.0
    shadow: bool = False

    def distance(self, origin: Floats, direction: Floats) -> Floats:
        """Where rays meet the ground, in lengths of their direction; infinite where they miss. Shape (P,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            far = -origin[1] / direction[1]
        return np.where((far > EPSILON) & (far < self.reach), far, INFINITE)

    def normal(self, points: Floats) -> Floats:
        """Unit normals (3, P): straight up."""
        normals = np.zeros_like(points)
        normals[1] = 1
        return normals


Solid: TypeAlias = Box | Ball | Ground


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """A lamp (inverse-square, from a point) or a sun (parallel rays).

    Attributes:
        color: radiance that a white surface facing it returns, at 1 m from a lamp. Linear BT.709.
        position: the lamp's place; None for a sun.
        direction: towards the sun, of unit length; None for a lamp.
        gate: a window (low, high) in a wall z = low z that the sun's rays must pass; None: open air.
    """

    color: tuple[float, float, float]
    position: tuple[float, float, float] | None = None
    direction: tuple[float, float, float] | None = None
    gate: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A composed scene, ready to be cast.

    Attributes:
        solids: what stands in it.
        lights: what lights it.
        ambient: radiance that a white surface returns without any of the lights; half of it where it faces down.
        sky: radiance (P, 3) that comes from directions (3, P) where nothing is hit.
        eye_height: of the camera, metres.
        pitch: of the view's middle, as a slope; positive looks up.
        spread: half the picture's width at 1 m.
    """

    solids: list[Solid]
    lights: list[Light]
    ambient: tuple[float, float, float]
    sky: Sky
    eye_height: float = 1.7
    pitch: float = 0.0
    spread: float = 0.6


def cast(place: Place, size: int) -> Floats:
    """Radiance that comes back to the eye, which stands at (0, eye_height, 0) and looks along z.

    One bounce, diffuse surfaces, hard shadows: (size, size, 3) float32, linear BT.709, not negative.
    """
    axis = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1) * np.float32(place.spread)
    right, down = np.meshgrid(axis, axis)
    directions = np.stack([right.ravel(), place.pitch - down.ravel(), np.ones(size * size)]).astype(np.float32)
    # In bands, whose arrays stay in the processor's cache.
    bands = (directions[:, begin : begin + _BAND] for begin in range(0, directions.shape[1], _BAND))
    return np.concatenate([_cast_band(place, band) for band in bands]).reshape(size, size, 3)


def _cast_band(place: Place, directions: Floats) -> Floats:
    eye = _column((0.0, place.eye_height, 0.0))
    reached = np.full(directions.shape[1], INFINITE, np.float32)
    nearest = np.zeros(directions.shape[1], np.int16)
    for index, solid in enumerate(place.solids):
        distance = solid.distance(eye, directions)
        closer = distance < reached
        np.copyto(reached, distance, where=closer)
        np.copyto(nearest, np.int16(index), where=closer)
    radiance = np.empty((nearest.size, 3), np.float32)
    missed = np.isinf(reached)
    if missed.any():
        radiance[missed] = place.sky(directions[:, missed])
    for index, solid in enumerate(place.solids):
        seen = np.flatnonzero((nearest == index) & ~missed)
        if seen.size:
            points = eye + directions[:, seen] * reached[seen]
            normals = solid.normal(points)
            albedo, emitted = solid.surface(points, normals)
            light = _irradiance(points, normals, [other for other in place.solids if other is not solid], place.lights)
            light += np.asarray(place.ambient, np.float32) * (0.75 + 0.25 * normals[1])[:, None]
            radiance[seen] = albedo * light + emitted
    return np.maximum(radiance, 0)


def _irradiance(points: Floats, normals: Floats, others: Sequence[Solid], lights: Sequence[Light]) -> Floats:
    """Light on points of one solid, (P, 3). Shadows come from `others`: no convex solid casts one on its lit side."""
    total = np.zeros((points.shape[1], 3), np.float32)
    start = points + normals * np.float32(0.01)
    for light in lights:
        # A sun's direction stays one column, so that shadows of parallel rays cost a third of those of a lamp.
        if light.position is not None:
            towards = _column(light.position) - start
            squared = _dot(towards, towards)
            strength = _dot(towards, normals) / (squared * np.sqrt(squared) + EPSILON)
        else:
            assert light.direction is not None
            towards = _column(light.direction)
            strength = _dot(towards, normals)
        lit = np.flatnonzero(strength > 0)
        begin, way = start[:, lit], _at(towards, lit)
        if light.gate is not None:
            lit, begin, way = _kept(_passes(begin, way, light.gate), lit, begin, way)
        for solid in others:
            if solid.shadow and lit.size:
                # A lamp's way is of length 1; a sun's has no end.
                reach = solid.distance(begin, way)
                free = reach >= 1 if light.position is not None else np.isinf(reach)
                lit, begin, way = _kept(free, lit, begin, way)
        total[lit] += strength[lit, None] * np.asarray(light.color, np.float32)
    return total


def _passes(start: Floats, towards: Floats, gate: tuple[Sequence[float], Sequence[float]]) -> NDArray[np.bool_]:
    (left, bottom, wall), (right, top, _) = gate
    crossing: Any = start[:2] + towards[:2] * ((wall - start[2]) / towards[2])
    return (crossing[0] > left) & (crossing[0] < right) & (crossing[1] > bottom) & (crossing[1] < top)


def _kept(
    free: NDArray[np.bool_], lit: NDArray[np.int_], begin: Floats, way: Floats
) -> tuple[NDArray[np.int_], Floats, Floats]:
    """What is left of points and their ways to a light; nothing is copied where nothing went."""
    if free.all():
        return lit, begin, way
    left = np.flatnonzero(free)
    return lit[left], begin[:, left], _at(way, left)


def _at(towards: Floats, points: NDArray[np.int_]) -> Floats:
    return towards if towards.shape[1] == 1 else towards[:, points]


def _dot(first: Floats, second: Floats) -> Floats:
    """Scalar products of (3, P) or (3, 1) vectors; written out, which is faster than a reduction over three rows."""
    return np.asarray(first[0] * second[0] + first[1] * second[1] + first[2] * second[2])


def _column(values: Sequence[float]) -> Floats:
    return np.asarray(values, np.float32).reshape(3, 1)
