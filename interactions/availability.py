"""What a route answers when what it needs is away."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from redis.exceptions import RedisError

from gravity.bus import AppendFailed
from gravity.problems import Problem


@contextmanager
def available() -> Iterator[None]:
    """Answer the failures of stores and of the log as a problem that asks to try again."""
    try:
        yield
    except (
        RedisError,
        OSError,
        AppendFailed,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
    ) as error:
        raise Problem(
            503, "unavailable", "Unavailable for the moment", headers={"Retry-After": "1"}
        ) from error
