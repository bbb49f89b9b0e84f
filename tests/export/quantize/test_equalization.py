from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.export.quantize.equalization import channel_factors, equalize, find_links
from mqn.export.quantize.quantization import apply_plan
from mqn.infer.interpreter import open_interpreter, run
from mqn.records import Plan
from mqn.tflite.cutting import INPUT, OUTPUT, cut, expose
from mqn.tflite.flatbuffer import Network

DOWN_TO_MIX = ("backbone/down", "backbone/up", "backbone/cat")
EQUALIZED = (*DOWN_TO_MIX, "backbone/mix", "head/conv")


def _with_loud_channels(network: Network) -> Network:
    """A copy whose first channels of `down` and `mix` reach a hundred times as far as the others."""
    loud = network.copy()
    for name in ("backbone/down", "backbone/mix"):
        for part in ("kernel", "bias"):
            index = loud.index(f"constant/{name}/{part}")
            value = loud.constant(index).copy()
            value[0] *= 100
            loud.set_constant(index, value)
    return loud


def _outputs(network: Network, pictures: np.ndarray, shown: dict[str, str]) -> list[dict[str, np.ndarray]]:
    interpreter = open_interpreter(expose(network, shown).to_bytes())
    return [run(interpreter, {INPUT: picture[None]}) for picture in pictures]


def _reach(network: Network, pictures: np.ndarray, tensor: str) -> np.ndarray:
    values = [one["seen"] for one in _outputs(network, pictures, {"seen": tensor})]
    return np.abs(np.concatenate(values)).max(axis=(0, 1, 2))


def test_links_go_through_enlargements_and_concatenations(toy: Network) -> None:
    passed = [[(toy.tensors[index].name, start) for index, start in link.passed] for link in find_links(toy)]
    assert passed == [
        [(name, 0) for name in DOWN_TO_MIX],
        [("backbone/mix", 0)],
        [("head/conv", 0)],
    ]


def test_what_somebody_else_reads_is_left_alone(toy: Network) -> None:
    seen = expose(toy, {"features": "backbone/mix", "enlarged": "backbone/up"})
    assert [seen.tensors[link.passed[0][0]].name for link in find_links(seen)] == ["head/conv"]


def test_a_bounded_activation_is_left_alone(toy: Network) -> None:
    bounded = toy.copy()
    bounded.producer(bounded.index("backbone/mix")).builtinOptions.fusedActivationFunction = 3  # RELU6
    assert "backbone/mix" not in [bounded.tensors[link.passed[0][0]].name for link in find_links(bounded)]


def test_channels_behind_others_in_a_concatenation_are_found_where_they_stand(toy: Network) -> None:
    turned = toy.copy()
    cat = turned.producer(turned.index("backbone/cat"))
    cat.inputs = list(reversed(cat.inputs))
    link = find_links(turned)[0]
    assert link.passed[-1] == (turned.index("backbone/cat"), 3)
    assert link.place() == slice(3, 11)


def test_the_function_stays(toy: Network, pictures: np.ndarray) -> None:
    for network in (toy, _with_loud_channels(toy)):
        equalized = equalize(network, pictures)
        for expected, found in zip(_outputs(network, pictures, {}), _outputs(equalized, pictures, {}), strict=True):
            np.testing.assert_allclose(found[OUTPUT], expected[OUTPUT], atol=2e-6)


def test_features_are_divided_by_what_is_told(toy: Network, pictures: np.ndarray) -> None:
    network = _with_loud_channels(toy)
    equalized = equalize(network, pictures)
    for name in EQUALIZED:
        factors = channel_factors(equalized, name)
        before, after = (_outputs(one, pictures, {"seen": name}) for one in (network, equalized))
        for one, other in zip(before, after, strict=True):
            np.testing.assert_allclose(other["seen"] * factors, one["seen"], rtol=1e-4, atol=1e-5)


def test_a_loud_channel_comes_down_to_the_others(toy: Network, pictures: np.ndarray) -> None:
    network = _with_loud_channels(toy)
    equalized = equalize(network, pictures)
    before, after = (_reach(one, pictures, "backbone/down") for one in (network, equalized))
    assert before[0] / np.median(before) > 30
    # Half of the distance in the exponent: the other half is taken on by the kernel behind.
    assert after[0] / np.median(after) < before[0] / np.median(before) / 5


def test_the_picture_beside_features_stays_as_it_is(toy: Network, pictures: np.ndarray) -> None:
    factors = channel_factors(equalize(_with_loud_channels(toy), pictures), "backbone/cat")
    np.testing.assert_array_equal(factors[8:], 1)
    assert factors[0] > 2


def test_twice_is_once(toy: Network, pictures: np.ndarray) -> None:
    once = equalize(_with_loud_channels(toy), pictures)
    twice = equalize(once, pictures)
    for name in EQUALIZED:
        np.testing.assert_allclose(channel_factors(twice, name), channel_factors(once, name), rtol=0.02)


def test_a_channel_that_is_never_heard_stays(toy: Network, pictures: np.ndarray) -> None:
    network = toy.copy()
    for part in ("kernel", "bias"):
        index = network.index(f"constant/backbone/mix/{part}")
        value = network.constant(index).copy()
        value[1] = 0
        network.set_constant(index, value)
    equalized = equalize(network, pictures)
    assert channel_factors(equalized, "backbone/mix")[1] == 1
    assert np.isfinite(equalized.constant(equalized.index("constant/head/conv/kernel"))).all()


def test_a_network_without_links_comes_back(toy: Network, pictures: np.ndarray) -> None:
    alone = expose(toy, {name.rpartition("/")[2]: name for name in (*DOWN_TO_MIX, "backbone/mix", "head/conv")})
    assert equalize(alone, pictures).to_bytes() == alone.to_bytes()


def test_factors_stay_in_the_file_through_writing_cutting_and_quantizing(
    toy: Network, pictures: np.ndarray, tmp_path: Path
) -> None:
    loud = _with_loud_channels(toy)
    equalized = equalize(loud, pictures)
    expected = channel_factors(equalized, "backbone/mix")
    assert expected.shape == (4,)
    read = Network.read(equalized.write(tmp_path / "model.tflite"))
    (quantized,), _, _ = apply_plan(loud, "backbone/mix", Plan(), pictures)
    for one in (read, *cut(read, "backbone/mix"), quantized):
        np.testing.assert_allclose(channel_factors(one, "backbone/mix"), expected, rtol=1e-5)
    assert quantized.tensors[quantized.index("backbone/mix")].type == schema.TensorType.INT8
