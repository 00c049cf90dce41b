"""Where people's online features are: in the Redis of everything else, in another, in a cluster."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from redis.asyncio import Redis

from features.cluster import Cluster
from features.keyed import Store
from gravity.kernel import Kernel
from gravity.redis_client import cancellable
from gravity.settings import Settings

_TIMEOUT_S: Final = 10.0
_OPENED: Final[WeakKeyDictionary[Redis, Store]] = WeakKeyDictionary()


def store_of(settings: Settings, redis: Redis, timeout_s: float = _TIMEOUT_S) -> Store:
    """`redis`, the one of everything else, unless the settings name another store, which is then
    opened: whoever calls closes it. `timeout_s`: of a round trip to it. Raises ValueError."""
    url = settings.features_url
    if not url:
        return redis
    if urlsplit(url).scheme.endswith("+cluster"):
        return Cluster.from_url(url, timeout_s)
    return cancellable(
        Redis.from_url(url, socket_connect_timeout=2, socket_timeout=timeout_s, driver_info=None)
    )


@asynccontextmanager
async def store_beside(settings: Settings, redis: Redis) -> AsyncIterator[Store]:
    """The same, closed at the end if it is not `redis`. Raises ValueError."""
    store = store_of(settings, redis)
    try:
        yield store
    finally:
        if store is not redis:
            await store.aclose()


def features_of(kernel: Kernel) -> Store:
    """The one of a process, opened once and closed with its kernel. Raises ValueError."""
    store = _OPENED.get(kernel.redis)
    if store is None:
        store = store_of(kernel.settings, kernel.redis)
        if store is kernel.redis:
            return store
        _OPENED[kernel.redis] = store
        kernel.closing.push_async_callback(store.aclose)
    return store
