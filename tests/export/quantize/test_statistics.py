from __future__ import annotations

import numpy as np
import pytest

from mqn.export.quantize import statistics as module
from mqn.export.quantize.statistics import measure_statistics
from mqn.infer.interpreter import open_interpreter, run
from mqn.tflite.flatbuffer import Network


def test_each_picture_has_its_extremes(toy: Network, pictures: np.ndarray) -> None:
    statistics = measure_statistics(toy, pictures)
    np.testing.assert_array_equal(statistics["ldr"].lows, pictures.min(axis=(1, 2, 3)))
    np.testing.assert_array_equal(statistics["ldr"].highs, pictures.max(axis=(1, 2, 3)))
    np.testing.assert_array_equal(statistics["backbone/up"].highs, statistics["backbone/down"].highs)
    assert not any(name.startswith("constant") for name in statistics)
    outputs = [run(open_interpreter(toy.to_bytes()), {"ldr": picture[None]})["hdr"] for picture in pictures]
    np.testing.assert_array_equal(statistics["hdr"].highs, [output.max() for output in outputs])


def test_what_a_convolution_reads_is_known_by_channel(toy: Network, pictures: np.ndarray) -> None:
    statistics = measure_statistics(toy, pictures)
    ldr = statistics["ldr"]
    np.testing.assert_array_equal(ldr.channel_lows, pictures.min(axis=(0, 1, 2)))
    np.testing.assert_array_equal(ldr.channel_highs, pictures.max(axis=(0, 1, 2)))
    np.testing.assert_allclose(ldr.channel_means, pictures.mean(axis=(0, 1, 2)), rtol=1e-5)
    assert statistics["hdr"].channel_means is None


def test_samples_come_from_every_channel(toy: Network) -> None:
    picture = np.broadcast_to(np.array([0.1, 0.2, 0.3], np.float32), (1, 32, 32, 3)).copy()
    samples = measure_statistics(toy, picture)["ldr"].samples
    np.testing.assert_allclose(np.unique(samples), [0.1, 0.2, 0.3], rtol=1e-6)


def test_samples_come_from_every_column() -> None:
    # Where a row is a multiple of the stride, the same columns would be seen in every row.
    picture = np.zeros((1, 64, 128, 3), np.float32)
    picture[:, :, 3] = 1
    gathered = module._Gathered(channels=False)
    gathered.add(picture)
    assert gathered.result().samples.mean() == pytest.approx(1 / 128, rel=0.1)


def test_what_is_known_is_not_measured_again(
    toy: Network, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = measure_statistics(toy, pictures, {toy.index("hdr"), toy.index("ldr")})
    more = measure_statistics(toy, pictures)
    assert more["hdr"] is first["hdr"]
    assert len(more) == 9
    with monkeypatch.context() as patch:
        patch.setattr(module, "open_interpreter", None)
        assert measure_statistics(toy.copy(), pictures.copy()) == more
    brighter = measure_statistics(toy, np.sqrt(pictures))
    assert (brighter["ldr"].lows > first["ldr"].lows).all()
    other = toy.copy()
    other.set_constant(other.index("constant/head/last/bias"), np.full(3, 9, np.float32))
    assert measure_statistics(other, pictures)["hdr"].lows.min() > first["hdr"].highs.max()


def test_only_what_is_asked_for(toy: Network, pictures: np.ndarray) -> None:
    wanted = {toy.index("hdr"), toy.index("constant/size")}
    assert list(measure_statistics(toy, pictures, wanted)) == ["hdr"]
