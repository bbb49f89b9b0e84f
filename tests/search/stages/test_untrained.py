"""The untrained network of the gate: seeded, without pretrained weights, and shaped as a trained one."""

from __future__ import annotations

import torch
from tests.support.own_family import OwnArch
from torch import nn

from mqn.models.checkpoint import load
from mqn.parsing import file_hash
from mqn.records import Training
from mqn.search.stages.train import CHECKPOINT
from mqn.search.stages.untrained import scatter, settle, untrained, untrained_job


def test_it_is_the_same_whatever_was_drawn_before(tmp_path):
    hashes = set()
    for seed in (1, 2):
        torch.manual_seed(seed)
        (folder := tmp_path / str(seed)).mkdir()
        details = untrained(folder, arch=OwnArch(input_size=8), training=Training())
        hashes.add(file_hash(folder / CHECKPOINT))
        assert torch.initial_seed() == seed
    assert len(hashes) == 1
    assert details["parameters"]["total"] == 3 * 9 * 8 + 8 + 8 * 9 * 3 + 3
    arch, _, network = load(tmp_path / "1" / CHECKPOINT)
    assert arch == OwnArch(input_size=8)
    assert not network.training


def test_no_weight_stays_what_converters_leave_away():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.PReLU())
    nn.init.zeros_(network[0].bias)
    scatter(network)
    assert all(value.all() for value in network[0].state_dict().values())
    assert not torch.isin(network[1].weight, torch.ones(1)).any()
    assert network[1].bias.all()


def test_features_neither_fade_nor_grow():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 2, 1))
    nn.init.constant_(network[2].weight, 1e-4)
    with torch.no_grad():
        network[3].weight.mul_(1e3)
    settle(network, 8)
    pictures = torch.rand(64, 3, 8, 8)
    with torch.no_grad():
        for layer in network:
            pictures = layer(pictures)
            assert 0.7 < float(pictures.std()) < 1.4
    assert not network.training
    assert not any(layer._forward_hooks for layer in network)


def test_its_key_is_the_network_alone():
    small, large = (OwnArch(channels=channels) for channels in (4, 8))
    assert untrained_job(small, Training()).key == untrained_job(small, Training(epochs=3)).key
    assert untrained_job(small, Training()).key != untrained_job(large, Training()).key


def test_a_layer_that_gives_a_mask_too_is_scaled():
    class Masked(nn.Conv2d):
        def forward(self, x):
            return super().forward(x), x[:, :1]

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = Masked(3, 4, 1)

        def forward(self, x):
            return self.layer(x)[0]

    network = Network()
    nn.init.constant_(network.layer.weight, 1e-3)
    settle(network, 8)
    with torch.no_grad():
        assert 0.7 < float(network(torch.rand(64, 3, 8, 8)).std()) < 1.4
