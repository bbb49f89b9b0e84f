"""Where and how exactly a training computes."""

from __future__ import annotations

import pytest
import torch

from mqn.train.arithmetic import Arithmetic, choose_arithmetic, reproducible

CPU = Arithmetic(device=torch.device("cpu"), precision="float32")


@pytest.mark.parametrize(
    ("capabilities", "asked", "taken"),
    [
        ({"avx512_bf16": True}, "bfloat16", "bfloat16"),
        ({"amx_bf16": True}, "float32", "float32"),
        ({"avx2": True, "avx512_bf16": False}, "bfloat16", "float32"),
    ],
)
def test_bfloat16_is_taken_only_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict, asked: str, taken: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose_arithmetic(asked).precision == taken  # type: ignore[arg-type]


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_autocast_is_the_forward_passs_precision(precision: str, dtype: torch.dtype) -> None:
    convolution = torch.nn.Conv2d(3, 4, 1)
    arithmetic = Arithmetic(device=torch.device("cpu"), precision=precision)  # type: ignore[arg-type]
    with arithmetic.autocast():
        assert convolution(torch.zeros(1, 3, 4, 4)).dtype == dtype


def test_pictures_are_placed_channels_last() -> None:
    assert CPU.place(torch.zeros(2, 3, 4, 4)).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.slow
def test_a_seed_fixes_what_is_drawn() -> None:
    drawn = []
    for _ in range(2):
        with reproducible(CPU, 7):
            drawn.append(torch.rand(3))
    assert torch.equal(drawn[0], drawn[1])
