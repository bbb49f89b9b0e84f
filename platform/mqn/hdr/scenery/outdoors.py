"""Places under the open sky: a street by day and by night, a meadow, a sunset over water."""

from __future__ import annotations

import numpy as np

from mqn.hdr.scenery.raycast import Ball, Box, Ground, Light, Place, Solid
from mqn.hdr.scenery.textures import facade, firmament, glowing, plain, stripes, tint, water, white


def street(generator: np.random.Generator) -> Place:
    """A street between houses by day, sun from any side."""
    sun = _sun(generator, 0.35, 0.9)
    sky = firmament(
        generator,
        zenith=(0.25, 0.55, 1.3),
        horizon=(1.3, 1.6, 1.9),
        cloud=generator.uniform(0, 0.7),
        sun=white(5500, 3e3),
        sun_direction=sun,
        hills=tint(generator, (0.25, 0.32, 0.42)),
    )
    road = plain(tint(generator, (0.12, 0.12, 0.12)), generator, roughness=0.3)
    solids: list[Solid] = [Ground(surface=road), *_houses(generator, lit=0.0, strength=0.0)]
    if generator.random() < 0.6:
        solids += _tree(generator, generator.uniform(-3, 3), generator.uniform(7, 14), generator.uniform(2.5, 4))
    return Place(
        solids=solids, lights=[Light(color=white(5200, 6), direction=sun)], ambient=(0.3, 0.4, 0.6), sky=sky, pitch=0.2
    )


def meadow(generator: np.random.Generator) -> Place:
    """A meadow with trees and a barn under a clouded sky."""
    sun = _sun(generator, 0.2, 0.6)
    sky = firmament(
        generator,
        zenith=(0.2, 0.5, 1.2),
        horizon=(1.2, 1.5, 1.8),
        cloud=generator.uniform(0.3, 0.9),
        sun=white(5000, 5e3),
        sun_direction=(sun[0] * 0.4, sun[1], abs(sun[2])),
        sun_slope=0.03,
        hills=tint(generator, (0.16, 0.22, 0.28)),
    )
    grass = plain(tint(generator, (0.09, 0.14, 0.04)), generator, roughness=0.5, grain=0.4)
    solids: list[Solid] = [Ground(surface=grass)]
    for _ in range(2):
        solids += _tree(generator, generator.uniform(-5, 5), generator.uniform(7, 18), generator.uniform(2.5, 5))
    barn = stripes(tint(generator, (0.3, 0.12, 0.07)), generator, width=0.5)
    left, near = generator.uniform(-12, 6), generator.uniform(16, 26)
    solids.append(Box(low=(left, 0, near), high=(left + 7, generator.uniform(3, 6), near + 6), surface=barn))
    light = Light(color=white(5000, 6), direction=sun)
    return Place(solids=solids, lights=[light], ambient=(0.25, 0.33, 0.5), sky=sky, pitch=0.15)


def sunset(generator: np.random.Generator) -> Place:
    """A low sun over water, houses against the light."""
    across = generator.uniform(-0.35, 0.35)
    direction = np.array([across, generator.uniform(0.04, 0.16), 1.0])
    x, y, z = (float(part) for part in direction / np.linalg.norm(direction))
    sky = firmament(
        generator,
        zenith=(0.05, 0.08, 0.2),
        horizon=tint(generator, (1.1, 0.42, 0.12)),
        cloud=generator.uniform(0.2, 0.7),
        sun=white(2300, 400),
        sun_direction=(x, y, z),
        sun_slope=0.03,
        hills=(0.03, 0.025, 0.035),
    )
    solids: list[Solid] = [Ground(surface=water(sky, 1.7, generator, waves=generator.uniform(0.005, 0.03)))]
    for _ in range(3):
        left, near, tall = generator.uniform(-14, 10), generator.uniform(14, 40), generator.uniform(1, 9)
        dark = facade((0.16, 0.14, 0.14), generator, lit=0.15, strength=1.5)
        solids.append(Box(low=(left, 0, near), high=(left + generator.uniform(2, 7), tall, near + 5), surface=dark))
    pier = stripes((0.12, 0.08, 0.05), generator)
    solids.append(Box(low=(-0.9, 0.2, 2), high=(0.9, 0.35, generator.uniform(5, 12)), surface=pier))
    light = Light(color=white(2300, 0.8), direction=(x, y, z))
    return Place(solids=solids, lights=[light], ambient=(0.09, 0.1, 0.16), sky=sky, pitch=0.06)


def night(generator: np.random.Generator) -> Place:
    """A street by night: lamps, lit windows, a moon."""
    moon = np.array([generator.uniform(-0.4, 0.4), generator.uniform(0.4, 0.6), 1.0])
    x, y, z = (float(part) for part in moon / np.linalg.norm(moon))
    sky = firmament(
        generator,
        zenith=(0.003, 0.004, 0.008),
        horizon=(0.03, 0.022, 0.016),
        cloud=generator.uniform(0, 0.5),
        sun=(9.0, 9.0, 8.5),
        sun_direction=(x, y, z),
        hills=(0.004, 0.004, 0.004),
    )
    road = plain((0.1, 0.1, 0.11), generator, roughness=0.5)
    solids: list[Solid] = [Ground(surface=road), *_houses(generator, lit=0.35, strength=3.0)]
    lights = []
    tone = white(generator.uniform(2100, 4000), 1.0)
    post = plain((0.05, 0.05, 0.05), generator)
    for index in range(3):
        side = -1 if index % 2 else 1
        at = (side * generator.uniform(2.5, 3.4), generator.uniform(3.2, 4.2), 7.0 + 6 * index)
        bulb = glowing((tone[0] * 200, tone[1] * 200, tone[2] * 200))
        solids.append(Ball(center=at, radius=0.16, surface=bulb, shadow=False))
        foot = Box(
            low=(at[0] - 0.05, 0, at[2] - 0.05), high=(at[0] + 0.05, at[1], at[2] + 0.05), surface=post, shadow=False
        )
        solids.append(foot)
        lights.append(Light(color=(tone[0] * 9, tone[1] * 9, tone[2] * 9), position=at))
    return Place(solids=solids, lights=lights, ambient=(0.02, 0.02, 0.03), sky=sky, pitch=0.12)


def _sun(generator: np.random.Generator, low: float, high: float) -> tuple[float, float, float]:
    """A direction of unit length towards a sun whose elevation, as a slope, is between two bounds; z may be behind."""
    around = generator.uniform(-2.6, 2.6)
    direction = np.array([np.sin(around), generator.uniform(low, high), np.cos(around)])
    x, y, z = direction / np.linalg.norm(direction)
    return float(x), float(y), float(z)


def _tree(generator: np.random.Generator, x: float, z: float, height: float) -> list[Solid]:
    bark = plain((0.07, 0.05, 0.03), generator)
    leaves = plain(tint(generator, (0.05, 0.1, 0.02)), generator, roughness=0.7, grain=0.5)
    parts: list[Solid] = [Box(low=(x - 0.15, 0, z - 0.15), high=(x + 0.15, height, z + 0.15), surface=bark)]
    for _ in range(4):
        dx, dy, dz = generator.uniform(-0.3, 0.3, 3) * height
        crown = (x + float(dx), height + 0.6 * float(dy), z + float(dz))
        parts.append(Ball(center=crown, radius=height * generator.uniform(0.2, 0.36), surface=leaves))
    return parts


def _houses(generator: np.random.Generator, *, lit: float, strength: float) -> list[Solid]:
    # By night the street's lamps stand between the houses, whose shadows would fall where nobody looks.
    houses: list[Solid] = []
    for side in (-1, 1):
        z = generator.uniform(5, 9)
        for _ in range(3):
            depth, height, gap = generator.uniform(6, 14), generator.uniform(5, 22), generator.uniform(4, 7)
            near, far = sorted((side * gap, side * (gap + 12)))
            wall = facade(
                tint(generator, (0.45, 0.38, 0.3), 0.15),
                generator,
                storey=generator.uniform(2.6, 3.6),
                lit=lit,
                strength=strength,
            )
            houses.append(Box(low=(near, 0, z), high=(far, height, z + depth), surface=wall, shadow=not lit))
            z += depth + generator.uniform(0, 5)
    return houses
