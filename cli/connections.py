"""Settings and stores for a command that returns: without them a message, not a traceback."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    import asyncpg
    from redis.asyncio import Redis

    from features.keyed import Store
    from gravity.settings import Settings


@dataclass(frozen=True, slots=True)
class Connections:
    """Open while the command runs."""

    pool: "asyncpg.Pool"
    redis: "Redis"
    features: "Store"


def load_settings(exit_code: int = 1) -> "Settings":
    """The settings; exits with a message where there are none."""
    from gravity.settings import Settings, SettingsMissing

    try:
        return Settings.load()
    except SettingsMissing as error:
        _end(str(error), exit_code)


@contextmanager
def stores_answer(exit_code: int = 1) -> Iterator[None]:
    """Exits with a message where a store is away, or goes away, in the block."""
    import asyncpg
    from redis.exceptions import RedisError

    try:
        yield
    except (
        OSError,
        RedisError,
        asyncpg.PostgresConnectionError,
        # Starting, or shutting down.
        asyncpg.OperatorInterventionError,
    ) as error:
        if isinstance(error, OSError) and error.filename is not None:
            # A file's, not a connection's.
            _end(str(error), exit_code)
        why = f"{type(error).__name__}: {error}"
        _end(f"the stores do not answer (is the stack up? `gravity status`): {why}", exit_code)


@asynccontextmanager
async def connections() -> "AsyncIterator[Connections]":
    """Connect to the stores of the settings; exits with a message where that is not possible."""
    import asyncpg
    from redis.asyncio import Redis

    from features.whereabouts import store_beside

    settings = load_settings()
    with stores_answer():
        async with (
            asyncpg.create_pool(settings.postgres_url, min_size=1, max_size=2) as pool,
            Redis.from_url(settings.redis_url) as redis,
            store_beside(settings, redis) as features,
        ):
            yield Connections(pool, redis, features)


@asynccontextmanager
async def database() -> "AsyncIterator[asyncpg.Connection]":
    """Connect to Postgres alone; exits with a message where that is not possible."""
    import asyncpg

    settings = load_settings()
    with stores_answer():
        conn = await asyncpg.connect(settings.postgres_url)
        try:
            yield conn
        finally:
            await conn.close()


def _end(message: str, exit_code: int) -> NoReturn:
    typer.secho(message, fg="red", err=True)
    raise typer.Exit(exit_code) from None
