"""Waiting for a condition, with a deadline that says what did not come."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")


class NeverHappened(Exception):
    """The awaited condition did not come true before the deadline."""


async def until(
    ask: Callable[[], Awaitable[Found | None]],
    what: str,
    deadline_s: float = 30.0,
    every_s: float = 0.02,
) -> Found:
    """Ask again and again until the answer is truthy; raises `NeverHappened` with `what`."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + deadline_s
    while True:
        if found := await ask():
            return found
        if loop.time() > ends:
            raise NeverHappened(f"{what} did not come within {deadline_s:.0f} s")
        await asyncio.sleep(every_s)
