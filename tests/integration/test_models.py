"""The encoder against Keras's own MobileNetV2, with the same ImageNet weights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mqn.families.mqn.encoder import Encoder
from mqn.families.mqn.pretrained import load_encoder

KERAS = """
import sys
import numpy as np
import tf_keras

source, picture, folder = sys.argv[1:]
model = tf_keras.applications.MobileNetV2((64, 96, 3), alpha=0.35, include_top=False, weights=None)
arrays = {}
with np.load(source) as archive:
    for name in archive.files:
        arrays.setdefault(name.split("|")[1], []).append(archive[name])
for name, values in arrays.items():
    model.get_layer(name).set_weights(values)
model.save_weights(folder + "/old.h5")
model.save_weights(folder + "/new.weights.h5")
names = "block_1_expand_relu block_3_expand_relu block_6_expand_relu block_13_expand_relu block_16_project_BN"
tapped = tf_keras.Model(model.input, [model.get_layer(tap).output for tap in names.split()])
outputs = tapped(np.load(picture) * 2 - 1, training=False)
np.savez(folder + "/taps.npz", *[output.numpy() for output in outputs])
"""


@pytest.mark.integration
def test_taps_equal_those_of_keras_from_every_file_format(shared: Path, tmp_path: Path) -> None:
    weights = shared / "weights/mobilenetv2_0.35_224_notop_imagenet.npz"
    picture = np.random.default_rng(0).random((2, 64, 96, 3), np.float32)
    np.save(tmp_path / "picture.npy", picture)
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, "-c", KERAS, str(weights), str(tmp_path / "picture.npy"), str(tmp_path)]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)
    with np.load(tmp_path / "taps.npz") as archive:
        expected = [archive[name].transpose(0, 3, 1, 2) for name in archive.files]
    for source in (weights, tmp_path / "old.h5", tmp_path / "new.weights.h5"):
        encoder = Encoder(0.35).eval()
        load_encoder(encoder, str(source), 0.35)
        with torch.no_grad():
            taps = encoder(torch.from_numpy(picture.transpose(0, 3, 1, 2).copy()))
        for tap, wanted in zip(taps, expected, strict=True):
            np.testing.assert_allclose(tap.numpy(), wanted, atol=1e-4, rtol=0)
