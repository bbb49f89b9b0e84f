from __future__ import annotations

import math
import subprocess
import sys
import typing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mqn.errors import PictureError, UnknownNameError
from mqn.hdr import codec as coding
from mqn.hdr.codec import (
    CODECS,
    in_scale,
    is_relative,
    most_light,
    output_range,
    picture_scale,
)
from mqn.hdr.gains import LEAST_STOPS, RAMP
from mqn.hdr.reach import REACHABLE
from mqn.hdr.transfer import srgb_decode, srgb_encode
from mqn.records import Codec

ABSOLUTE = [codec for codec in CODECS if not is_relative(codec)]
LIGHT = arrays(np.float32, (4, 4, 3), elements=st.floats(0, 1, width=32))


def encode(light, codec: str):
    """By a codec that does not look at the input."""
    return coding.encode(light, codec, light)


def decode(code, codec: str):
    return coding.decode(code, codec, code)


def test_the_codecs_are_those_of_the_records() -> None:
    assert set(CODECS) == set(typing.get_args(Codec))


def test_the_reachable_range_lies_within_the_networks() -> None:
    low, high = REACHABLE
    assert 1 / (1 + math.e) < low < high < 1 / (1 + math.exp(-2))


@pytest.mark.parametrize("codec", ABSOLUTE)
def test_the_scale_becomes_the_upper_end(codec: str) -> None:
    assert encode(np.array([1.0, 3.0]), codec) == pytest.approx([output_range(codec)[1]] * 2)
    assert decode(np.array(output_range(codec)[1]), codec) == pytest.approx(1.0)


@pytest.mark.parametrize("codec", ABSOLUTE)
def test_black_becomes_the_lower_end(codec: str) -> None:
    assert encode(np.array([0.0, -1.0]), codec) == pytest.approx([output_range(codec)[0]] * 2, abs=1e-6)
    assert decode(np.array(output_range(codec)[0]), codec) == pytest.approx(0.0, abs=1.01e-5)


@pytest.mark.parametrize(
    ("codec", "light"),
    [
        ("linear", 0.5),
        ("mulaw", (math.sqrt(5001) - 1) / 5000),
        ("log", 10**-2.5),
    ],
)
def test_the_middle_of_the_range_by_hand(codec: str, light: float) -> None:
    middle = np.array(sum(REACHABLE) / 2)
    assert decode(middle, codec) == pytest.approx(light, rel=1e-3)


def test_a_tenth_of_the_scale_in_pq_is_a_hundred_nits() -> None:
    # PQ(100 cd/m2) = 0.5081 and PQ(1000 cd/m2) = 0.7518, as published.
    code = REACHABLE[0] + (REACHABLE[1] - REACHABLE[0]) * 0.5081 / 0.7518
    assert float(encode(np.array(0.1), "pq")) == pytest.approx(code, abs=1e-4)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("output", [0.0, 0.269, 0.881, 1.0, -5.0, 5.0])
def test_whatever_the_network_gives_is_light_within_the_scale(codec: str, output: float) -> None:
    light = decode(np.full((1, 1, 3), output), codec)
    assert (light >= 0.0).all()
    assert (light <= most_light(codec)).all()


@pytest.mark.parametrize(("codec", "light"), [("light", 2.0), ("gamma", 2.0 ** (1 / 0.45))])
def test_networks_that_reach_beyond_the_scale_are_not_cut_off(codec: str, light: float) -> None:
    assert decode(np.array(2.0), codec) == pytest.approx(light)


@pytest.mark.slow
@pytest.mark.parametrize("codec", ABSOLUTE)
@given(light=LIGHT)
@settings(max_examples=40)
def test_decoding_undoes_encoding(codec: str, light: np.ndarray) -> None:
    floor = 1e-5 if codec == "log" else 0.0
    code = encode(light, codec)
    assert code.dtype == light.dtype
    assert decode(code, codec) == pytest.approx(np.maximum(light, floor), rel=2e-4, abs=1e-6)


@pytest.mark.parametrize("codec", ABSOLUTE)
@given(light=LIGHT)
@settings(max_examples=20)
def test_more_light_never_gets_a_lower_code(codec: str, light: np.ndarray) -> None:
    ordered = np.sort(light.astype(np.float64), axis=None)
    assert (np.diff(encode(ordered, codec)) >= 0).all()


@pytest.mark.parametrize("codec", CODECS)
def test_tensors_and_arrays_are_coded_alike(codec: str) -> None:
    import torch

    light = np.linspace(0, 1, 24, dtype=np.float32).reshape(1, 2, 4, 3)
    ldr = np.sqrt(light)
    code = coding.encode(torch.from_numpy(light), codec, torch.from_numpy(ldr))
    assert isinstance(code, torch.Tensor)
    assert code.dtype == torch.float32
    expected = coding.encode(light, codec, ldr)
    assert code.numpy() == pytest.approx(expected, abs=1e-5)
    if is_relative(codec):
        return  # It is decoded from arrays.
    decoded = coding.decode(code, codec, torch.from_numpy(ldr))
    assert decoded.numpy() == pytest.approx(coding.decode(expected, codec, ldr), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("scale", [1.0, 7.0])
def test_a_gain_is_on_the_input_whatever_the_truths_scale(scale: float) -> None:
    truth = np.repeat(np.random.default_rng(0).random((8, 8, 1)) ** 2 * 3, 3, axis=2)
    truth[truth > 0.8] += 1.0  # Well above white: what is just above it has the least gain.
    ldr = srgb_encode(np.clip(truth, 0, 1))
    light = coding.decode(coding.encode(scale * truth, "gain", ldr), "gain", ldr)
    np.testing.assert_allclose(light, truth, atol=1e-9)
    np.testing.assert_allclose(in_scale(light, "gain"), light / np.percentile(light, 99.9))


def test_the_neutral_gain_gives_the_linearised_input_back() -> None:
    ldr = np.random.default_rng(0).random((8, 8, 3)) * RAMP[0]
    silent = 1 / (1 + np.exp(-ldr))  # The tanh is 0.
    np.testing.assert_allclose(coding.decode(silent, "gain", ldr), srgb_decode(ldr), atol=1e-9)


def test_what_the_input_shows_is_never_changed() -> None:
    generator = np.random.default_rng(0)
    ldr, output = generator.random((2, 64, 64, 3))
    ldr[0] = 1.0
    light = coding.decode(output, "gain", ldr)
    shown = ldr <= RAMP[0]
    np.testing.assert_allclose(light[shown], srgb_decode(ldr)[shown], atol=1e-12)
    assert (light[~shown] > srgb_decode(ldr)[~shown]).all()


@pytest.mark.parametrize("output", [0.0, 0.73])
def test_what_is_clipped_has_the_least_gain_where_the_network_sees_none(output: float) -> None:
    light = coding.decode(np.full((1, 1, 3), output), "gain", np.ones((1, 1, 3)))
    np.testing.assert_allclose(light + 2**-6, 2**LEAST_STOPS * (1 + 2**-6))


def test_a_gain_grows_from_none_as_an_input_comes_near_to_white() -> None:
    ldr = np.repeat(np.linspace(0, 1, 1001)[:, None], 3, axis=1)
    light = coding.decode(np.full_like(ldr, 1.0), "gain", ldr)[:, 0]
    assert (np.diff(light) >= 0).all()
    assert np.abs(np.diff(np.log2(light + 0.1))).max() < 0.13  # 4 stops within 0.06 of the code
    assert light[-1] == pytest.approx(most_light("gain"))


def test_each_picture_of_a_batch_has_its_own_brightness() -> None:
    truth = np.random.default_rng(0).random((2, 8, 8, 3)) * 2
    ldr = srgb_encode(np.clip(truth, 0, 1))
    code = coding.encode(truth * np.array([1.0, 5.0])[:, None, None, None], "gain", ldr)
    np.testing.assert_allclose(coding.encode(truth, "gain", ldr), code, atol=1e-9)
    channels_first = coding.encode(truth.transpose(0, 3, 1, 2), "gain", ldr.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(channels_first.transpose(0, 2, 3, 1), code, atol=1e-9)


def test_what_is_clipped_in_all_channels_stays_white() -> None:
    ldr = np.array([[[1.0, 1.0, 1.0], [1.0, 0.5, 0.3]]])
    output = 1 / (1 + np.exp(-ldr - np.array([0.6, 0.2, 0.4])))
    white, orange = coding.decode(output, "gain", ldr)[0]
    assert np.ptp(white) < 1e-9 < white.min() - 1.5
    assert orange[0] > 2
    np.testing.assert_allclose(orange[1:], srgb_decode(ldr)[0, 1, 1:])


@pytest.mark.parametrize("ldr", [0.0, 1.0])
def test_an_input_that_shows_nothing_still_has_gains(ldr: float) -> None:
    truth = np.random.default_rng(0).random((8, 8, 3))
    code = coding.encode(truth, "gain", np.full_like(truth, ldr))
    assert np.isfinite(code).all()
    assert (REACHABLE[0] <= code).all()
    assert (code <= REACHABLE[1]).all()
    assert np.isfinite(coding.encode(np.zeros_like(truth), "gain", np.full_like(truth, ldr))).all()


def test_black_stays_black_in_scale() -> None:
    assert not in_scale(np.zeros((4, 4, 3), np.float32), "gain").any()


def test_coding_arrays_does_not_import_torch() -> None:
    coded = "x = numpy.ones(3); c.encode(x, 'pq', x)"
    program = f"import sys, numpy, mqn.hdr.codec as c; {coded}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("function", [encode, decode])
def test_an_unknown_codec_names_the_nearest(function) -> None:
    with pytest.raises(UnknownNameError, match="no codec 'mulow'; did you mean 'mulaw'"):
        function(np.ones(3), "mulow")


def test_the_scale_is_the_999th_of_a_thousand() -> None:
    values = np.arange(3003, dtype=np.float32).reshape(1, 1001, 3)
    assert picture_scale(values) == pytest.approx(0.999 * 3002)


def test_a_nearly_black_picture_is_scaled_by_its_maximum() -> None:
    image = np.zeros((64, 64, 3), np.float32)
    image[0, 0, 0] = 0.25
    assert picture_scale(image) == 0.25


def test_black_cannot_be_scaled() -> None:
    with pytest.raises(PictureError, match=r"night\.hdr: is black"):
        picture_scale(np.zeros((8, 8, 3), np.float32), "night.hdr")


def test_neither_can_nothing_or_nan() -> None:
    with pytest.raises(PictureError, match="no pixels"):
        picture_scale(np.zeros((0, 8, 3), np.float32))
    with pytest.raises(PictureError, match="not finite"):
        picture_scale(np.full((8, 8, 3), np.nan, np.float32))
