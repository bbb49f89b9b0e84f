"""A device made by hand, whose operators take exactly what its rates say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mqn.device.predictor.fitting import Rate, family_times, fit, predict_features, runtime_family
from mqn.device.predictor.graph import OpFeatures, read_features
from mqn.device.predictor.predictor import MIN_MODELS, Predictor, cross_validate, load_predictor
from mqn.device.predictor.profiles import KeptProfile, device_folder, keep_profile, read_profiles
from mqn.device.reference_models import chain
from mqn.records import DeviceInfo, MeasureSettings, OpProfile, OpTime

DEVICE = DeviceInfo(
    id="pixel:8/a",
    model="Pixel 8",
    soc="Tensor",
    os="Android",
    kernel="6",
    cores=8,
    memory_mb=8000,
    runtime="LiteRT 2.3",
    agent_version="1",
)
NAMES = {
    "convolution": "Convolution (NHWC, F32) IGEMM",
    "depthwise": "Convolution (NHWC, F32) DWConv",
    "matrix": "Fully Connected (NC, F32) GEMM",
}


def cost(feature):
    """What an operator takes on the device made by hand, in ms."""
    per_million = {"convolution": 0.05, "pointwise": 0.04, "depthwise": 0.3}[feature.kind]
    return per_million * feature.macs / 1e6 + 0.2 * feature.bytes / 1e6 + 0.001


def profile(features, name="m", **changes):
    times = [(NAMES[feature.family], cost(feature)) for feature in features]
    total = sum(time for _, time in times)
    ops = tuple(
        OpTime(part="model", index=i, kind=kind, delegated=True, mean_ms=time, share=time / total)
        for i, (kind, time) in enumerate(times)
    )
    whole = OpProfile(
        device=DEVICE,
        settings=MeasureSettings(),
        verdict="ok",
        reasons=(),
        sha256=(name,),
        runs=10,
        ops=ops,
        profiled_ms=total * 1.3,
        started_at="2026-01-01T00:00:00Z",
    )
    return replace(whole, **changes)


@pytest.fixture
def models(tmp_path):
    shapes = [(8, 8), (16, 8), (16, 16), (24, 16), (32, 8), (32, 24), (12, 32), (20, 20), (28, 12), (10, 40), (40, 4)]
    layers = [("spatial", "depthwise"), ("depthwise", "pointwise"), ("pointwise", "spatial")]
    files = []
    for index, (size, channels) in enumerate(shapes):
        files.append(tmp_path / f"{index}.tflite")
        files[-1].write_bytes(chain(size, channels, layers[index % 3]))
    return files


@pytest.fixture
def kept(models):
    return [
        KeptProfile(profile=profile(read_features(path), path.stem), features=read_features(path)) for path in models
    ]


def test_rates_are_found_again_and_predict_another_model(kept, tmp_path):
    path = tmp_path / "other.tflite"
    path.write_bytes(chain(28, 12, ("spatial", "depthwise", "pointwise")))
    features = read_features(path)
    assert predict_features(features, fit(kept)) == pytest.approx(sum(map(cost, features)), rel=0.05)


def test_cross_validation_leaves_the_judged_model_out(kept):
    found = cross_validate(kept)
    assert found.models == 11
    assert found.median_error < 0.05
    assert found.ordered > 0.9
    # A model that takes ten times as long as its graph says is seen only where it is judged itself.
    ops = tuple(replace(op, mean_ms=10 * op.mean_ms) for op in kept[3].profile.ops)
    slow = KeptProfile(profile=replace(kept[3].profile, ops=ops), features=kept[3].features)
    assert cross_validate([*kept[:3], slow, *kept[4:]]).max_error > 0.5


def test_few_models_leave_out_rates_that_they_cannot_tell_apart(kept):
    convolution = ("convolution", "convolution", "float32")
    with_it = [one for one in kept if any(feature.family == "convolution" for feature in one.features)]
    for models, rates in ((3, 1), (4, 2), (6, 3)):
        rate = fit(with_it[:models])[convolution]
        assert sum(value > 0 for value in (rate.per_million_macs, rate.per_megabyte, rate.per_operator)) <= rates
        assert rate.per_million_macs > 0


def test_profiles_are_kept_a_device_and_the_newest_of_a_model_counts(models, tmp_path):
    folder = tmp_path / "profiles"
    for path in models[: MIN_MODELS - 1]:
        keep_profile(folder, profile(read_features(path), path.stem), [path])
    assert load_predictor(folder, DEVICE.id) is None
    keep_profile(folder, profile(read_features(models[0]), "0", runs=99), [models[0]])
    assert load_predictor(folder, DEVICE.id) is None
    assert max(one.profile.runs for one in read_profiles(folder, DEVICE.id, MeasureSettings())) == 99
    keep_profile(folder, profile(read_features(models[-1]), "10"), [models[-1]])
    predictor = load_predictor(folder, DEVICE.id)
    assert predictor is not None
    assert predictor.predict([models[2], models[4]]) == pytest.approx(
        predictor.predict([models[2]]) + predictor.predict([models[4]])
    )
    assert predictor.describe().startswith("fitted from 6 models on pixel:8/a; each predicted from the others: off by ")
    assert load_predictor(folder, "another") is None
    assert load_predictor(folder, DEVICE.id, MeasureSettings(threads=4)) is None


def test_a_profile_that_failed_teaches_nothing_and_a_damaged_one_is_left_out(models, tmp_path):
    assert keep_profile(tmp_path, profile([], verdict="crashed"), [models[0]]) is None
    whole = profile(read_features(models[0]))
    timeless = replace(whole, ops=tuple(replace(op, mean_ms=0.0) for op in whole.ops))
    assert keep_profile(tmp_path, timeless, [models[0]]) is None
    path = keep_profile(tmp_path, profile(read_features(models[0])), [models[0]])
    assert path is not None
    path.write_text("{")
    assert read_profiles(tmp_path, DEVICE.id, MeasureSettings()) == ()


def test_too_few_models_are_refused(kept):
    with pytest.raises(ValueError, match="5 profiles; at least 6"):
        Predictor(kept[:5])


def test_what_nobody_profiled_costs_what_its_nearest_kin_cost():
    cheap = Rate(per_million_macs=1.0, per_megabyte=0.0, per_operator=0.0)
    rates = {
        ("convolution", "convolution", "int8"): cheap,
        ("matrix", "pointwise", "int8"): replace(cheap, per_million_macs=3.0),
        ("depthwise", "depthwise", "int8"): replace(cheap, per_million_macs=2.0),
        ("convolution", "convolution", "int16 x int8"): replace(cheap, per_million_macs=1000.0),
        ("other", "move", "int8"): Rate(per_million_macs=0.0, per_megabyte=7.0, per_operator=0.0),
    }

    def cost_of(family, kind, dtype):
        unknown = OpFeatures(family=family, kind=kind, dtype=dtype, macs=10**6, bytes=10**6)
        return predict_features([unknown], rates)

    assert cost_of("transposed", "transposed", "int8") == 2.0  # Of the same arithmetic, the middle one.
    assert cost_of("depthwise", "depthwise", "float32") == 2.0  # Of the same family, in whatever arithmetic.
    assert cost_of("transposed", "transposed", "float32") == 2.5  # Of whatever multiplies.
    assert cost_of("other", "resize", "float32") == 7.0


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("Convolution (NHWC, QS8) IGEMM", "convolution"),
        ("Convolution (NHWC, F32) DWConv", "depthwise"),
        ("DEPTHWISE_CONV_2D", "depthwise"),
        ("Deconvolution (NHWC, F32)", "transposed"),
        ("Fully Connected (NC, F32) GEMM", "matrix"),
        ("Constant Pad (ND, X32)", "other"),
    ],
)
def test_the_runtime_s_names(kind, family):
    assert runtime_family(kind) == family


@pytest.mark.parametrize(
    ("kind", "family"), [("Fully Connected (NC, F32)", "convolution"), ("Mean (ND, F32)", "other")]
)
def test_what_the_graph_has_no_operator_of_is_charged_to_the_nearest(kept, kind, family):
    odd = replace(kept[0].profile, ops=(replace(kept[0].profile.ops[0], kind=kind),))
    assert list(family_times(KeptProfile(profile=odd, features=kept[0].features))) == [family]


@pytest.mark.parametrize(("name", "folder"), [("pixel:8/a", "pixel_8_a"), ("../x", "_x"), ("..", "_")])
def test_a_device_s_folder_stays_within(tmp_path, name, folder):
    assert device_folder(tmp_path, name) == tmp_path / folder
