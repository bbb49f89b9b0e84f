"""Places under a roof: a room with a window and a lamp, a still life under a bulb."""

from __future__ import annotations

import numpy as np

from mqn.hdr.scenery.raycast import Ball, Box, Floats, Light, Place, Solid
from mqn.hdr.scenery.textures import checker, firmament, glowing, plain, stripes, tint, white, window


def room(generator: np.random.Generator) -> Place:
    """A room with a window, daylight and a sunlit patch on the floor, and a burning lamp."""
    wide, tall, deep = generator.uniform(2, 3.2), generator.uniform(2.5, 3.4), generator.uniform(4.5, 7)
    left = generator.uniform(-0.8 * wide, 0.1 * wide)
    low = (left, generator.uniform(0.4, 1.0), deep)
    high = (left + generator.uniform(1.0, 1.8), generator.uniform(2.0, 2.4), deep)
    view = firmament(
        generator, zenith=(14, 22, 40), horizon=(30, 34, 38), cloud=generator.uniform(0.2, 0.8), hills=(2.5, 4, 2)
    )
    wall = plain(tint(generator, (0.55, 0.5, 0.42), 0.15), generator, roughness=0.06)
    if generator.random() < 0.5:
        floor = checker((0.6, 0.57, 0.5), tint(generator, (0.08, 0.07, 0.06)), generator)
    else:
        floor = stripes(tint(generator, (0.3, 0.18, 0.09)), generator)
    sun = np.array([generator.uniform(-0.5, 0.5), generator.uniform(0.35, 0.6), 1.0])
    x, y, z = (float(part) for part in sun / np.linalg.norm(sun))
    middle = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, deep - 0.15)
    lamp = (generator.uniform(-0.7, 0.7) * wide, generator.uniform(1.3, tall - 0.4), generator.uniform(2.5, deep - 0.6))
    glow = white(generator.uniform(2500, 3200), 200)
    solids: list[Solid] = [
        Box(low=(-wide, 0, -2), high=(wide, tall, deep), surface=wall, inside=True, shadow=False),
        Box(low=(-wide, -0.1, -2), high=(wide, 0.005, deep), surface=floor, shadow=False),
        Box(
            low=(low[0], low[1], deep - 0.02),
            high=(high[0], high[1], deep),
            surface=window(view),
            shadow=False,
        ),
        Ball(center=lamp, radius=0.09, surface=glowing(glow), shadow=False),
    ]
    for _ in range(3):
        at, near = generator.uniform(-wide, wide - 0.8), generator.uniform(2.6, deep - 1)
        cloth = stripes(tint(generator, (0.3, 0.15, 0.1), 0.7), generator, width=generator.uniform(0.1, 0.5))
        top = generator.uniform(0.4, 1.1)
        solids.append(Box(low=(at, 0, near), high=(at + generator.uniform(0.5, 1.2), top, near + 0.8), surface=cloth))
    lights = [
        Light(color=(50, 54, 60), direction=(x, y, z), gate=(low, high)),
        Light(color=(2.2, 2.6, 3.2), position=middle),
        Light(color=white(2700, 0.8), position=lamp),
    ]
    return Place(solids=solids, lights=lights, ambient=(0.04, 0.04, 0.045), sky=view, eye_height=1.5)


def table(generator: np.random.Generator) -> Place:
    """A still life of balls and boxes under a bare bulb."""
    backdrop = plain(tint(generator, (0.15, 0.13, 0.12), 0.5), generator, roughness=0.3, grain=0.15)
    board = (
        checker((0.6, 0.58, 0.52), tint(generator, (0.1, 0.05, 0.04)), generator, tile=0.25)
        if generator.random() < 0.4
        else stripes(tint(generator, (0.35, 0.2, 0.1)), generator)
    )
    solids: list[Solid] = [
        Box(low=(-6, 0, -3), high=(6, 5, 6), surface=backdrop, inside=True, shadow=False),
        Box(low=(-1.6, 0, 1.6), high=(1.6, 0.8, 4.2), surface=board),
    ]
    for index in range(4):
        x, z, r = (
            -1.1 + 0.7 * index + generator.uniform(-0.1, 0.1),
            generator.uniform(2.1, 3.5),
            generator.uniform(0.12, 0.3),
        )
        color = tint(generator, (0.35, 0.25, 0.18), 0.9)
        if generator.random() < 0.6:
            skin = plain(color, generator, roughness=0.25, grain=1.5)
            solids.append(Ball(center=(x, 0.8 + r, z), radius=r, surface=skin))
        else:
            paper = checker(color, (0.7, 0.7, 0.68), generator, tile=0.06)
            solids.append(Box(low=(x - r, 0.8, z - r), high=(x + r, 0.8 + 2.4 * r, z + r), surface=paper))
    lamp = (generator.uniform(-1.2, 1.2), generator.uniform(1.7, 2.1), generator.uniform(2.2, 3.4))
    tone = white(generator.uniform(2500, 5000), 1.0)
    solids.append(
        Ball(
            center=lamp,
            radius=0.1,
            surface=glowing((tone[0] * 150, tone[1] * 150, tone[2] * 150)),
            shadow=False,
        )
    )
    lights = [
        Light(color=(tone[0] * 4, tone[1] * 4, tone[2] * 4), position=lamp),
        Light(color=(0.6, 0.8, 1.1), position=(generator.uniform(-4, 4), 3.0, 0.0)),
    ]
    return Place(
        solids=solids, lights=lights, ambient=(0.01, 0.01, 0.012), sky=_dark, eye_height=1.55, pitch=-0.13, spread=0.5
    )


def _dark(directions: Floats) -> Floats:
    return np.zeros((directions.shape[1], 3), np.float32)
