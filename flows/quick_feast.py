"""Feast imported in half the time.

Feast instruments its classes with typeguard at import: 4 of its 9 CPU seconds, before anybody's
first deck. `python -O` leaves that out; so does this, for Feast alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import typeguard

T = TypeVar("T")


@contextmanager
def uninstrumented() -> Iterator[None]:
    """Within, `typeguard.typechecked` leaves what it decorates as it is."""

    def leave(target: T | None = None, **_: object) -> T | Callable[[T], T]:
        return (lambda each: each) if target is None else target

    instrumenting = typeguard.typechecked
    typeguard.typechecked = leave  # type: ignore[assignment]
    try:
        yield
    finally:
        typeguard.typechecked = instrumenting
