from __future__ import annotations

import pytest

from mqn import errors
from mqn.errors import MqnError, UnknownNameError, from_plain, to_plain

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MqnError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_crosses_a_process_by_its_name(kind: type[MqnError]) -> None:
    error = from_plain((kind.__name__, "0 divides nothing"))
    assert type(error) is kind
    assert to_plain(error) == (kind.__name__, "0 divides nothing")


def test_a_line_that_was_put_together_stays_as_it_was() -> None:
    error = UnknownNameError("study", "on", ["one", "two"])
    again = from_plain(to_plain(error))
    assert (type(again), str(again)) == (UnknownNameError, str(error))


@pytest.mark.parametrize("name", ["LaterError", "Any", "difflib"])
def test_a_name_of_another_version_is_kept_in_the_line(name: str) -> None:
    error = from_plain((name, "too much"))
    assert (type(error), str(error)) == (MqnError, f"{name}: too much")
