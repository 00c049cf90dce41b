"""Postgres and Redis for a command that changes something and returns."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import asyncpg
    from redis.asyncio import Redis


@dataclass(frozen=True, slots=True)
class Connections:
    """Open while the command runs."""

    pool: "asyncpg.Pool"
    redis: "Redis"


@asynccontextmanager
async def connections() -> "AsyncIterator[Connections]":
    """Connect to the stores of the settings; exits with a message where there are none."""
    import asyncpg
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    from gravity.settings import Settings, SettingsMissing

    try:
        settings = Settings.load()
        async with (
            asyncpg.create_pool(settings.postgres_url, min_size=1, max_size=2) as pool,
            Redis.from_url(settings.redis_url) as redis,
        ):
            yield Connections(pool, redis)
    except SettingsMissing as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except (OSError, RedisError) as error:
        typer.echo(f"the stores do not answer (is the stack up?): {error}", err=True)
        raise typer.Exit(1) from None
