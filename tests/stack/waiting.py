"""Waiting for a condition in tests."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    """Return as soon as the condition holds; fail after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.02)
