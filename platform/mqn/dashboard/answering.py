"""Answers of the page that take longer than a moment are made in threads: the server goes on with the others."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def answer_in_thread(work: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Make a callback of Dash that does its work in a thread; Dash runs plain ones between all requests."""

    @functools.wraps(work)
    async def answer(*arguments: P.args, **named: P.kwargs) -> R:
        return await asyncio.to_thread(work, *arguments, **named)

    return answer
