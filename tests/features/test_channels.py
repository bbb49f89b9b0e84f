from __future__ import annotations

import numpy as np
import pytest

from mqn.errors import UsageError
from mqn.features.channels import Choice

SCORES = np.array([1.0, 3.0, 3.0, 2.0])


def test_the_first_in_rank_are_shown() -> None:
    assert Choice(count=3).of(SCORES) == (1, 2, 3)
    assert Choice(count=9).of(SCORES) == (1, 2, 3, 0)


def test_named_channels_are_shown_as_named() -> None:
    choice = Choice(channels=(3, 0, 3))
    assert choice.of(SCORES) == (3, 0)
    assert choice.words == "as named"


def test_a_channel_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="no channel 4; the features have channels 0 to 3"):
        Choice(channels=(0, 4)).of(SCORES)


def test_nothing_to_show() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Choice(count=0)
