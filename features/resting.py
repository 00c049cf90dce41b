"""Nodes of a cluster that did not answer: left alone for a moment, so that not everybody waits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionFailure
from redis.exceptions import TimeoutError as TimeoutFailure

_REST_S: Final = 1.0
_AT_ONCE_S: Final = 0.05
T = TypeVar("T")


class Resting:
    """`patience_s`: how long a node may take to answer. After one that took its time to fail nobody
    asks it for a second; then one asks how it is, and the others go on without it until that one
    knows."""

    def __init__(self, patience_s: float | None) -> None:
        self._patience_s = patience_s or 0.0
        self._until: dict[Redis, float] = {}

    async def ask(self, node: Redis, trip: Callable[[], Awaitable[T]]) -> T:
        """What comes of a trip to a node. Raises redis-py's ConnectionError where it rests, and
        what the trip raises."""
        clock = asyncio.get_running_loop().time
        began = clock()
        if node in self._until:
            if began < self._until[node]:
                raise ConnectionFailure("a node of the cluster did not answer a moment ago")
            self._until[node] = began + self._patience_s
        try:
            answer = await trip()
        except (ConnectionFailure, TimeoutFailure):
            # What failed at once, such as a kept connection that was cut, kept nobody waiting; who
            # refuses connections does so again.
            if clock() > began + _AT_ONCE_S or node in self._until:
                self._until[node] = clock() + _REST_S
            raise
        except asyncio.CancelledError:
            # Whoever asked had no more time: that says something of the node if it was long.
            if clock() > began + _REST_S:
                self._until[node] = clock() + _REST_S
            elif node in self._until:
                self._until[node] = began
            raise
        except Exception:
            # It answered, though with an error.
            self._until.pop(node, None)
            raise
        self._until.pop(node, None)
        return answer
