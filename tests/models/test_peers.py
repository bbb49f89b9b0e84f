"""The rebuilt peers: their authors' weights load to the last tensor, the counts are the published ones."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mqn.cli.options import parse_model
from mqn.errors import ConfigError, UnknownNameError, UsageError, WeightsError
from mqn.families.contract import build_network, find_family
from mqn.families.expandnet.network import ExpandNet
from mqn.families.lhdr.highlights import Modulation
from mqn.families.lhdr.network import LHDR, DenseSum
from mqn.families.lhdr.partial import PartialConv
from mqn.hdr.io.files import read, read_ldr
from mqn.hdr.tonemap import luminance
from mqn.hdr.transfer import srgb_decode
from mqn.models import checkpoint
from mqn.models.peers import PEERS, Predictor, load, write_checkpoint
from mqn.networks.cost import cost
from mqn.networks.tiles import run_in_tiles

FOLDER = "weights/peers"


def count_macs(network: nn.Module, side: int) -> int:
    counted = []

    def note(module: nn.Module, _inputs: object, output: Tensor | tuple[Tensor, Tensor]) -> None:
        features = output[0] if isinstance(output, tuple) else output
        pixels = features.shape[2] * features.shape[3] if features.ndim == 4 else 1
        counted.append(module.weight.numel() * pixels)

    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    with torch.inference_mode():
        network(torch.zeros(1, 3, side, side))
    for hook in hooks:
        hook.remove()
    assert len(counted) == len(layers)
    return sum(counted)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "parameters", "gmacs"), [("expandnet", 456_899, 13.62), ("lhdr", 271_112, 5.43)])
def test_counts_are_the_published_ones(name: str, parameters: int, gmacs: float) -> None:
    network = build_network(find_family(name).arch())
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert count_macs(network, 256) / 1e9 == pytest.approx(gmacs, abs=0.005)


@pytest.mark.parametrize("name", list(PEERS))
def test_the_authors_weights_load(shared: Path, name: str) -> None:
    path = shared / FOLDER / f"{name}.pth"
    published = torch.load(path, map_location="cpu", weights_only=True)
    loaded = load(name, path).network.state_dict()
    assert loaded.keys() == published.keys()
    assert all(torch.equal(loaded[key], published[key]) for key in published)


@pytest.mark.integration
@pytest.mark.parametrize("name", list(PEERS))
def test_a_real_over_exposed_photograph_comes_nearer_to_its_truth(shared: Path, name: str) -> None:
    truth = luminance(read(shared / "hdr/pairs/anm_capitol.exr"))
    ldr = read_ldr(shared / "hdr/pairs/anm_capitol__over.jpg")
    predicted = luminance(load(name, shared / FOLDER / f"{name}.pth")(ldr))
    # Measured: 0.882 for the linearised input, 0.943 and 0.934 for the networks.
    assert log_correlation(predicted, truth) > log_correlation(luminance(srgb_decode(ldr)), truth) + 0.04


def log_correlation(one: np.ndarray, other: np.ndarray) -> float:
    logs = [np.log(np.maximum(values, 1e-4)).ravel() for values in (one, other)]
    return float(np.corrcoef(*logs)[0, 1])


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PEERS))
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (5, 3), (9, 2)])
def test_any_size_goes_through(name: str, shape: tuple[int, int], shared: Path) -> None:
    picture = np.random.default_rng(0).random((*shape, 3), np.float32)
    light = load(name, shared / FOLDER / f"{name}.pth")(picture)
    assert light.shape == (*shape, 3)
    assert light.dtype == np.float32
    assert np.isfinite(light).all()
    assert light.min() >= 0


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PEERS))
def test_a_predictor_survives_pickling(name: str, shared: Path) -> None:
    predict = load(name, shared / FOLDER / f"{name}.pth")
    picture = np.random.default_rng(1).random((8, 8, 3), np.float32)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(predict))(picture), predict(picture))


@pytest.mark.slow
def test_tiles_give_the_whole() -> None:
    torch.manual_seed(0)
    blur = nn.Sequential(nn.Conv2d(3, 4, 5, padding=2), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1)).eval()
    picture = torch.rand(1, 3, 21, 30)
    with torch.inference_mode():
        whole = blur(picture)
        torch.testing.assert_close(run_in_tiles(blur, picture, tile=8, halo=3), whole)
        assert not torch.allclose(run_in_tiles(blur, picture, tile=8, halo=2), whole)


@pytest.mark.slow
@pytest.mark.parametrize("network", [ExpandNet(), LHDR()])
def test_the_halo_is_wide_enough(network: ExpandNet | LHDR, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2) if parameter.ndim > 1 else nn.init.constant_(parameter, 0.1)
    picture = torch.rand(1, 3, 36, 232, dtype=torch.float64)
    network = network.double().eval()
    with torch.inference_mode():
        whole = network.predict(picture)
        monkeypatch.setattr(f"{type(network).__module__}.TILE", 36)
        torch.testing.assert_close(network.predict(picture), whole)


def test_a_partial_convolution_makes_up_for_what_is_masked() -> None:
    conv = PartialConv(2)
    nn.init.constant_(conv.weight, 1.0)
    nn.init.constant_(conv.bias, 0.5)
    mask = torch.ones(1, 2, 3, 3)
    mask[..., 0] = 0
    out, update = conv(torch.full((1, 2, 3, 3), 2.0), mask)
    # The middle sees 12 of its 18 values: 12 * 2 * 18 / 12 + 0.5.
    assert out[0, 0, 1, 1].item() == pytest.approx(36.5)
    torch.testing.assert_close(update, torch.ones(1, 1, 3, 3))


def test_a_partial_convolution_of_nothing_is_nothing() -> None:
    out, update = PartialConv(4, groups=4)(torch.ones(1, 4, 3, 3), torch.zeros(1, 1, 3, 3))
    assert out.abs().max().item() == 0
    assert update.abs().max().item() == 0


def test_a_modulation_of_zero_weights_is_the_identity() -> None:
    modulation = Modulation()
    for parameter in modulation.parameters():
        nn.init.zeros_(parameter)
    x = torch.rand(1, 32, 2, 2)
    torch.testing.assert_close(modulation(x, torch.rand(1, 32, 2, 2)), x)


def test_dense_sum_adds_all_that_came_before() -> None:
    block = DenseSum()
    for name, parameter in block.named_parameters():
        nn.init.zeros_(parameter)
        if name.endswith("weight"):
            for i in range(32):
                parameter.data[i, i, 1, 1] = 1.0  # each convolution is the identity
    # Sums double each time: 1, 2, 4, 8, 16, and the residual on top.
    torch.testing.assert_close(block(torch.ones(1, 32, 1, 1)), torch.full((1, 32, 1, 1), 17.0))


def test_lhdr_decodes_its_output(monkeypatch: pytest.MonkeyPatch) -> None:
    network = LHDR().eval()
    monkeypatch.setattr(network, "reconstruct", lambda x, summary: torch.full_like(x, 0.5))
    # 0.5 ^ (1 / 0.45) = 0.2143.
    predict = Predictor(name="lhdr", network=network)
    assert predict(np.ones((6, 5, 3))).flatten().tolist() == pytest.approx([0.2143] * 90, abs=1e-4)


def test_an_unknown_peer_names_those_that_exist() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'lhdr'\? allowed: expandnet, lhdr"):
        load("lhd", "x.pth")


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no weights file .*x\.pth; expected is LHDR's state dict \(168 tensors"):
        load("lhdr", tmp_path / "x.pth")


@pytest.mark.parametrize("kept", [0, 1, 100, 5_000, 600_000])
def test_weights_cut_short(shared: Path, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.pth"
    path.write_bytes((shared / FOLDER / "lhdr.pth").read_bytes()[:kept])
    with pytest.raises(WeightsError, match=r"cut\.pth is damaged .*expected is LHDR's") as caught:
        load("lhdr", path)
    assert "\n" not in str(caught.value)


def test_weights_of_another_network(shared: Path) -> None:
    with pytest.raises(WeightsError, match=r"lhdr\.pth has no tensor .*expected is ExpandNet's .*30 tensors"):
        load("expandnet", shared / FOLDER / "lhdr.pth")


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    state = ExpandNet().state_dict()
    path = tmp_path / "w.pth"
    torch.save({**state, "end_net.1.bias": torch.zeros(4)}, path)
    with pytest.raises(WeightsError, match=r"end_net\.1\.bias has the shape \(4,\), not \(3,\)"):
        load("expandnet", path)
    torch.save({**state, "extra": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="tensor extra too many"):
        load("expandnet", path)
    torch.save({**state, "end_net.1.bias": torch.tensor([0.0, float("nan"), 0.0])}, path)
    with pytest.raises(WeightsError, match=r"end_net\.1\.bias holds values that are not finite"):
        load("expandnet", path)
    torch.save([1, 2], path)
    with pytest.raises(WeightsError, match="holds no table of tensors"):
        load("expandnet", path)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "parameters", "gmacs"), [("expandnet", 456_899, 13.62), ("lhdr", 271_112, 5.43)])
def test_described_costs_are_the_published_ones(name: str, parameters: int, gmacs: float) -> None:
    family = find_family(name)
    counted = cost(family.build(family.arch()), family.arch())
    assert counted.parameters["total"] == parameters
    assert counted.macs["total"] / 1e9 == pytest.approx(gmacs, abs=0.005)


def test_published_weights_become_a_checkpoint_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    torch.save(ExpandNet().state_dict(), tmp_path / "weights.pth")
    path = write_checkpoint("expandnet", tmp_path / "weights.pth")
    written = path.stat().st_mtime_ns
    assert write_checkpoint("expandnet", tmp_path / "weights.pth") == path
    assert path.stat().st_mtime_ns == written
    arch, training, network = checkpoint.load(path)
    assert (arch.family, arch.input_size, training.codec) == ("expandnet", 256, "light")
    other = write_checkpoint("expandnet", tmp_path / "weights.pth", size=64)
    assert (checkpoint.load(other)[0].input_size, other != path) == (64, True)
    with pytest.raises(ConfigError, match="expandnet of 0 pixels: input_size 0 must be"):
        write_checkpoint("expandnet", tmp_path / "weights.pth", size=0)
    picture = np.random.default_rng(0).random((9, 8, 3), np.float32)
    expected = load("expandnet", tmp_path / "weights.pth")(picture)
    np.testing.assert_array_equal(Predictor(name="expandnet", network=network)(picture), expected)


def test_the_command_line_takes_published_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    torch.save(LHDR().state_dict(), tmp_path / "weights.pth")
    assert checkpoint.load(parse_model(f"lhdr:{tmp_path}/weights.pth", "checkpoint"))[0].family == "lhdr"
    with pytest.raises(WeightsError, match=r"expected is ExpandNet's state dict"):
        parse_model(f"expandnet:{tmp_path}/weights.pth", "checkpoint")
    with pytest.raises(UsageError, match=r"no weights at .*gone\.pth"):
        parse_model(f"lhdr:{tmp_path}/gone.pth", "checkpoint")
