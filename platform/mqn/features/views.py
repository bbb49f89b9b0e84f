"""What figures of features show, before anything is drawn: numbers that go to JSON, and maps to look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mqn.features.differences import FeatureFigures, Grid, Pmf


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture that networks are given.

    Attributes:
        name: for people.
        ldr: (S, S, 3) float32 in [0, 1], display-referred sRGB.
    """

    name: str
    ldr: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFigures:
    """What one picture's features came to.

    Attributes:
        picture: its name.
        all: over all channels.
        channels: every channel by itself, in the file's order.
        pmfs: of the chosen channels, in their order.
    """

    picture: str
    all: FeatureFigures
    channels: tuple[FeatureFigures, ...]
    pmfs: tuple[Pmf, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizedFigures:
    """The numbers of a Figure 5.

    Attributes:
        model: what the exported model is called.
        plan: its plan's label.
        interface: where in the network, a name that a plan may cut at.
        dtype: what the file keeps these features in: `int8`, `int16` or `float32`.
        grids: the values that each channel can have, in the trained network's unit: one a channel, for the file may
            keep channels divided by factors; none where it keeps floats.
        shape: (H, W, C) of the features.
        chosen: the channels that are shown, from 0.
        chosen_by: why these.
        all: over all channels of all pictures.
        pictures: one entry a picture.
    """

    model: str
    plan: str
    interface: str
    dtype: str
    grids: tuple[Grid, ...]
    shape: tuple[int, int, int]
    chosen: tuple[int, ...]
    chosen_by: str
    all: FeatureFigures
    pictures: tuple[PictureFigures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizedMaps:
    """What there is to see of one picture, by the float network and by the exported file.

    Attributes:
        ldr: the input, (S, S, 3) in [0, 1].
        light: the float network's prediction, (S, S, 3), linear, 1.0 = the picture's scale.
        light_found: the file's.
        expected: float features of the chosen channels, (K, H, W) float32.
        found: the file's, as floats.
    """

    ldr: np.ndarray
    light: np.ndarray
    light_found: np.ndarray
    expected: np.ndarray
    found: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizedView:
    """A Figure 5: its numbers, and what there is to see, picture by picture."""

    figures: QuantizedFigures
    maps: tuple[QuantizedMaps, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelActivity:
    """A channel of float features over the pixels of a picture.

    Attributes:
        mean: of its values.
        spread: their standard deviation.
        largest: of the absolute values.
        gate: mean of what the block's attention multiplies the channel by, 0 to 1; None where it has none.
    """

    mean: float
    spread: float
    largest: float
    gate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendedFigures:
    """A row of a Figure 3: one trained network.

    Attributes:
        model: what it is called.
        attention: its kind of attention, or `none`.
        shape: (H, W, C) of the features.
        chosen: the channels that are shown, from 0.
        channels: every channel, in the network's order.
    """

    model: str
    attention: str
    shape: tuple[int, int, int]
    chosen: tuple[int, ...]
    channels: tuple[ChannelActivity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionFigures:
    """The numbers of a Figure 3.

    Attributes:
        interface: the block whose features are shown.
        picture: the input's name.
        chosen_by: why these channels.
        models: one a row.
    """

    interface: str
    picture: str
    chosen_by: str
    models: tuple[AttendedFigures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendedMaps:
    """What there is to see of one network.

    Attributes:
        light: its prediction, (S, S, 3), linear, 1.0 = the picture's scale.
        features: of the chosen channels, (K, H, W) float32.
        gates: what the block's attention multiplies its features by, 0 to 1: (1, H, W), one map for all channels (SA);
            (C, H, W), one for each (CSA); (C, 1, 1), one factor for each (CA); None where there is no attention.
    """

    light: np.ndarray
    features: np.ndarray
    gates: np.ndarray | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionView:
    """A Figure 3: its numbers, the input (S, S, 3) in [0, 1], and what there is to see, network by network."""

    figures: AttentionFigures
    ldr: np.ndarray
    maps: tuple[AttendedMaps, ...]
