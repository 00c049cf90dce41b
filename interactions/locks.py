"""Who may write pairs at the same time: matchers among themselves, the import alone.

Matchers never meet on a pair, since a pair is in one partition and a partition has one matcher.
The import knows no partitions, so it waits for the matchers' transactions and they for it.
"""

from typing import Final

import asyncpg

_PAIRS: Final = 0x70616972


async def lock_out_matchers(conn: asyncpg.Connection) -> None:
    """Be the only writer of pairs until the transaction ends."""
    # An import of millions may be under way; it has its own limits.
    await conn.execute("select pg_advisory_xact_lock($1)", _PAIRS, timeout=600)


async def lock_out_imports(conn: asyncpg.Connection) -> None:
    """Hold imports off until the transaction ends; other matchers go on."""
    await conn.execute("select pg_advisory_xact_lock_shared($1)", _PAIRS, timeout=600)
