"""Whoever was erased has no features, for good: a mark in their hash is all that is left."""

from typing import Final

import numpy as np
import numpy.typing as npt

from features import online
from features.keyed import Store, ask_each, raised
from features.wire import packed

GONE_FIELD: Final = b"_gone"
"""The mark (`compare_and_set.lua` knows its name too)."""
_AT_ONCE: Final = 500


async def forget(store: Store, persons: npt.ArrayLike) -> None:
    """Delete every feature of people (n,) who were erased.

    The mark stays, so that a swipe or profile that is delivered late does not make them anew.
    """
    keys = online.entity_keys(persons)
    for start in range(0, len(keys), _AT_ONCE):
        commands = [_forgotten(key) for key in keys[start : start + _AT_ONCE]]
        raised(await ask_each(store, keys[start : start + _AT_ONCE], commands, 4))


def _forgotten(key: bytes) -> bytes:
    """Four commands: nobody finds the hash without the mark between the two."""
    both = packed(b"DEL", key) + packed(b"HSET", key, GONE_FIELD, b"1")
    return packed(b"MULTI") + both + packed(b"EXEC")


async def erased(store: Store, persons: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each of the people (n,) bears the mark, (n,) bool."""
    found: list[bool] = []
    for start in range(0, len(persons), _AT_ONCE):
        keys = online.entity_keys(persons[start : start + _AT_ONCE])
        commands = [packed(b"HEXISTS", key, GONE_FIELD) for key in keys]
        found += [reply == 1 for reply in raised(await ask_each(store, keys, commands))]
    return np.array(found, np.bool_)
