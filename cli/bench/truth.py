"""What the stores say of the swipes that were sent."""

from typing import Final

import asyncpg

from cli.bench.generator import Sent
from cli.bench.plan import Load
from cli.wait import until

_ROWS: Final = "select count(*) from swipes where swiper >= $1 and swiper < $2"
_MATCHES: Final = "select count(*) from matches where low >= $1 and low < $2"
_ANNOUNCED: Final = "select not exists (select from outbox)"
# Everything that reads swipe.recorded has read what the fastest of them has.
_CAUGHT_UP: Final = """
select count(distinct reached) = 1 from (
    select sum(next_offset) as reached from positions where topic = 'swipe.recorded'
    group by consumer) as consumers
"""
_DEADLINE_S: Final = 120.0


async def rows(pool: asyncpg.Pool, load: Load) -> int:
    """Swipes of a load that are committed."""
    return int(await pool.fetchval(_ROWS, load.first, load.first + load.people))


async def matches(pool: asyncpg.Pool, load: Load) -> int:
    """Matches of a load's people that are committed."""
    return int(await pool.fetchval(_MATCHES, load.first, load.first + load.people))


async def durable(pool: asyncpg.Pool, load: Load, sent: Sent) -> None:
    """Return when every accepted swipe is decided and committed, and every event of them appended.
    Raises NeverHappened."""

    async def is_done() -> bool:
        return bool(await pool.fetchval(_ANNOUNCED)) and await rows(pool, load) >= sent.accepted

    await until(is_done, "the last of the accepted swipes", _DEADLINE_S, every_s=0.05)


async def consumed(pool: asyncpg.Pool) -> None:
    """Return when the feature stream, the lake and the read side have read every swipe.recorded.
    Raises NeverHappened."""

    async def is_done() -> bool:
        return bool(await pool.fetchval(_CAUGHT_UP))

    await until(is_done, "the consumers of swipe.recorded", _DEADLINE_S, every_s=0.05)
