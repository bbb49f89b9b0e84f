"""Reading weights from every format, and refusing what does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch

from mqn.errors import WeightsError
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.encoder import Encoder
from mqn.families.mqn.pretrained import load_encoder
from mqn.models.mqn import build
from mqn.networks.downloads import MIRROR_VARIABLE
from mqn.networks.vgg import load_vgg16
from mqn.networks.weight_files import read_layers

NPZ = "weights/mobilenetv2_0.35_224_notop_imagenet.npz"


def test_npz_layers_keep_their_numbers_order(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, **{"001|bn|1": np.ones(2), "000|conv|0": np.zeros(3), "001|bn|0": np.zeros(2)})
    layers = read_layers(path, [])
    assert [layer.name for layer in layers] == ["conv", "bn"]
    np.testing.assert_array_equal(layers[1].arrays, [[0, 0], [1, 1]])


@pytest.mark.slow
def test_every_format_gives_the_same_encoder(shared: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.h5"
    _write_old_h5(shared / NPZ, old)
    states = []
    for path in (shared / NPZ, shared / NPZ.replace(".npz", ".weights.h5"), old):
        encoder = Encoder(0.35)
        load_encoder(encoder, str(path), 0.35)
        states.append(encoder.state_dict())
    for name, tensor in states[0].items():
        assert torch.equal(states[1][name], tensor), name
        assert torch.equal(states[2][name], tensor), name


def test_a_kernel_stands_where_keras_has_it(shared: Path) -> None:
    encoder = Encoder(0.35)
    load_encoder(encoder, str(shared / NPZ), 0.35)
    with np.load(shared / NPZ) as archive:
        kernel = archive["008|block_1_depthwise|0"]
        variance = archive["001|bn_Conv1|3"]
    np.testing.assert_array_equal(encoder.block(1).depthwise.conv.weight[5, 0].detach(), kernel[:, :, 5, 0])
    np.testing.assert_array_equal(encoder.conv1.norm.running_var, variance)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that stands on loopback for Keras's weights on the web."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(folder)))
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv(MIRROR_VARIABLE, f"http://127.0.0.1:{server.server_port}")
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.slow
def test_imagenet_is_downloaded_and_loaded(shared: Path, mirror: Path) -> None:
    (mirror / "mobilenet_v2").mkdir()
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
    _write_old_h5(shared / NPZ, mirror / "mobilenet_v2" / name)
    fetched = build(MQNArch(encoder_weights="imagenet")).backbone.encoder
    (mirror / "mobilenet_v2" / name).unlink()
    again = build(MQNArch(encoder_weights="imagenet")).backbone.encoder
    expected = Encoder(0.35)
    load_encoder(expected, str(shared / NPZ), 0.35)
    assert torch.equal(fetched.conv1.conv.weight, expected.conv1.conv.weight)
    assert torch.equal(again.block(16).project.norm.running_var, expected.block(16).project.norm.running_var)


def test_a_vgg16_that_is_not_the_published_one_is_refused(mirror: Path) -> None:
    (mirror / "vgg16").mkdir()
    (mirror / "vgg16" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5").write_bytes(b"something else")
    with pytest.raises(WeightsError, match="its publisher says 6d6bbae143d832006294945121d1f1fc"):
        load_vgg16("imagenet")


def test_random_leaves_the_encoder_alone() -> None:
    encoder = Encoder(0.35)
    before = encoder.conv1.conv.weight.clone()
    load_encoder(encoder, "random", 0.35)
    assert torch.equal(encoder.conv1.conv.weight, before)


def test_weights_of_another_width_are_refused(shared: Path) -> None:
    with pytest.raises(WeightsError, match=r"width 0\.5: block_1_project has arrays of shapes"):
        load_encoder(Encoder(0.5), str(shared / NPZ), 0.5)


def test_an_unpublished_width_names_the_published_ones() -> None:
    with pytest.raises(WeightsError, match=r"width 0\.4; allowed: 0\.35, 0\.5, .* or say 'random'"):
        load_encoder(Encoder(0.4), "imagenet", 0.4)


def test_another_networks_layers_are_refused(shared: Path, tmp_path: Path) -> None:
    with np.load(shared / NPZ) as archive:
        arrays = {name.replace("013|", "999|"): archive[name] for name in archive.files}
    moved = tmp_path / "moved.npz"
    np.savez(moved, **arrays)
    with pytest.raises(WeightsError, match="stands where MobileNetV2 has"):
        load_encoder(Encoder(0.35), str(moved), 0.35)


def test_values_that_are_not_finite_are_refused(shared: Path, tmp_path: Path) -> None:
    with np.load(shared / NPZ) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["000|Conv1|0"] = np.full_like(arrays["000|Conv1|0"], np.nan)
    np.savez(tmp_path / "nan.npz", **arrays)
    with pytest.raises(WeightsError, match="Conv1 holds values that are not finite"):
        load_encoder(Encoder(0.35), str(tmp_path / "nan.npz"), 0.35)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.npz", None, "no weights file"),
        ("broken.npz", b"PK\x03\x04 not really", "cannot be read"),
        ("broken.h5", b"\x89HDF nothing", "cannot be read"),
        ("weights.pth", b"torch", r"must end in \.npz or \.h5"),
    ],
)
def test_unreadable_files_are_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        load_encoder(Encoder(0.35), str(path), 0.35)


def test_vgg_features_have_the_sizes_of_their_pools() -> None:
    features = load_vgg16("random", (3, 1))(torch.rand(2, 3, 16, 8))
    assert [tuple(feature.shape) for feature in features] == [(2, 64, 8, 4), (2, 256, 2, 1)]


def test_random_vgg_is_the_same_every_time() -> None:
    first, second = (load_vgg16("random", (1,)).convolutions()[1].weight for _ in range(2))
    assert torch.equal(first, second)


def test_vgg_sees_blue_first_with_imagenets_mean_taken_off(tmp_path: Path) -> None:
    kernel = np.zeros((3, 3, 3, 64), np.float32)
    kernel[1, 1, 0, 0] = 1  # output 0: the first input channel
    second = np.zeros((3, 3, 64, 64), np.float32)
    second[1, 1, 0, 0] = 1
    bias = np.zeros(64, np.float32)
    arrays = {"block1_conv1/kernel": kernel, "block1_conv1/bias": bias, "block1_conv2/kernel": second}
    np.savez(tmp_path / "vgg.npz", **arrays, **{"block1_conv2/bias": bias})
    picture = torch.zeros(1, 3, 2, 2)
    picture[:, 2] = 1.0
    (feature,) = load_vgg16(str(tmp_path / "vgg.npz"), (1,))(picture)
    assert feature[0, 0, 0, 0].item() == pytest.approx(255 - 103.939, abs=1e-4)


def test_vgg_gradients_reach_the_picture_but_no_weight(shared: Path) -> None:
    extractor = load_vgg16(str(shared / "weights/vgg16_block1_2.npz"), (1, 2))
    picture = torch.rand(1, 3, 8, 8, requires_grad=True)
    sum(feature.sum() for feature in extractor(picture)).backward()
    assert picture.grad is not None
    assert picture.grad.abs().max() > 0
    assert not any(parameter.requires_grad for parameter in extractor.parameters())


def test_pools_beyond_the_file_say_which_are_possible(shared: Path) -> None:
    with pytest.raises(WeightsError, match=r"need 7; possible: feature_pools out of 1, 2$"):
        load_vgg16(str(shared / "weights/vgg16_block1_2.npz"), (1, 2, 3))


def _write_old_h5(npz: Path, h5: Path) -> None:
    """The layout of Keras's published files: a group a layer, the order in attributes."""
    import h5py

    with np.load(npz) as archive, h5py.File(h5, "w") as file:
        weights: dict[str, list[bytes]] = {"input_1": []}
        for entry in archive.files:
            _, layer, position = entry.split("|")
            weights.setdefault(layer, []).append(f"{layer}/array_{position}:0".encode())
            file[f"{layer}/{layer}/array_{position}:0"] = archive[entry]
        for layer, names in weights.items():
            file.require_group(layer).attrs["weight_names"] = np.array(names, "S60")
        file.attrs["layer_names"] = [layer.encode() for layer in weights]
