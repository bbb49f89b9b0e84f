from __future__ import annotations

import pytest

from mqn.device.pool.targets import match_target, settle_targets
from mqn.errors import UnknownNameError
from mqn.profile import DeviceProfile

DEVICES = {
    "a": DeviceProfile(url="https://a", kind="pixel8", tags={"soc": "Tensor G3", "os": "Android 14"}),
    "b": DeviceProfile(url="https://b", kind="pixel8", tags={"soc": "Tensor G3", "os": "Android 15"}),
    "c": DeviceProfile(url="https://c"),
}


@pytest.mark.parametrize(
    ("target", "names"),
    [("a", ("a",)), ("kind:pixel8", ("a", "b")), ("soc:Tensor G3", ("a", "b")), ("os:Android 15", ("b",))],
)
def test_who_will_do(target: str, names: tuple[str, ...]) -> None:
    assert match_target(target, DEVICES) == names


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("d", "no device 'd'; "),
        ("kind:pixel7", "did you mean 'kind:pixel8'"),
        ("kind:", "no device 'kind:'"),
        ("soc:Tensor", "did you mean 'soc:Tensor G3'"),
        ("pixel8", "no device 'pixel8'.*allowed: a, b, c, kind:pixel8, os:Android 14"),
    ],
)
def test_who_will_not(target: str, words: str) -> None:
    with pytest.raises(UnknownNameError, match=words):
        match_target(target, DEVICES)


def test_without_targets_every_device_is_one() -> None:
    assert settle_targets((), DEVICES) == ("a", "b", "c")
    assert settle_targets(("c", "kind:pixel8", "c"), DEVICES) == ("c", "kind:pixel8")
    with pytest.raises(UnknownNameError):
        settle_targets(("c", "x"), DEVICES)
