"""Reads of the online features for whoever has no event loop, or one that must not be waited in."""

import asyncio
import os
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from features import online
from features.keyed import Store, ask
from features.reader import hmget_commands
from features.repo.vectors import Cells

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """Features of a view, by the name under which it is stored, of people (n,)."""

    view: str
    features: Sequence[str]
    people: npt.NDArray[np.int64]

    @property
    def fields(self) -> list[bytes]:
        """Of the hash, the event time last."""
        named = [online.feature_field(self.view, feature) for feature in self.features]
        return [*named, online.time_field(self.view)]


class Reading:
    """A store in a thread of its own: a notebook's thread has a loop that runs already."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="features", daemon=True)
        self._thread.start()

    @property
    def is_here(self) -> bool:
        """Whether the thread is one of this process: a fork has none."""
        return self._pid == os.getpid()

    def read(self, asked: Sequence[Asked]) -> list[Sequence[Cells]]:
        """Of each view its columns (fields) of n cells, all views of the same people in one round
        trip. Raises redis-py's ConnectionError, TimeoutError or ResponseError."""
        return self._result(_read(self._store, asked))

    def close(self) -> None:
        """Close every connection and end the thread."""
        self._result(self._store.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _result(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _read(store: Store, asked: Sequence[Asked]) -> list[Sequence[Cells]]:
    by_people: dict[bytes, list[int]] = {}
    for at, each in enumerate(asked):
        by_people.setdefault(each.people.tobytes(), []).append(at)
    found: list[Sequence[Cells]] = [[]] * len(asked)
    for same in by_people.values():
        fields = [field for at in same for field in asked[at].fields]
        keys = online.entity_keys(asked[same[0]].people)
        replies = await ask(store, keys, partial(hmget_commands, fields=fields))
        columns = iter(zip(*cast("list[list[bytes | None]]", replies), strict=True))
        for at in same:
            found[at] = [next(columns) for _ in asked[at].fields]
    return found
