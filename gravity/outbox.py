"""The outbox: events written in the transaction of their cause, appended to the bus afterwards.

Order: a lane is relayed in the order of ids. Transactions that write events of one key must
already be serialised (by a row lock or a consumer's position), as two ids drawn by concurrent
transactions may commit in either order.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

import asyncpg

from gravity import telemetry
from gravity.bus import Message, Producer
from gravity.bus_records import packed_headers, unpacked_headers

log = logging.getLogger(__name__)

_BATCH = 5000
# Notifications come with every commit; this is for the one that a lost connection swallowed.
_SAFETY_POLL_S = 1.0
_RETRY_S = 0.5
_PUT = """
insert into outbox (lane, topic, key, value, headers)
select $1, topic, key, value, headers
from unnest($2::text[], $3::bytea[], $4::bytea[], $5::bytea[])
    with ordinality as m(topic, key, value, headers, n)
order by n
"""
_NEXT = "select id, topic, key, value, headers from outbox where lane = $1 order by id limit $2"


async def put(conn: asyncpg.Connection, lane: str, messages: Sequence[Message]) -> None:
    """Write events in the caller's transaction; they are published in this order after it."""
    if not messages:
        return
    headers = packed_headers(telemetry.inject())
    await conn.execute(
        _PUT,
        lane,
        [message.topic for message in messages],
        [message.key for message in messages],
        [message.value for message in messages],
        [headers if m.headers is None else packed_headers(m.headers) for m in messages],
    )
    await conn.execute("select pg_notify($1, '')", _channel(lane))


async def relay(
    pool: asyncpg.Pool,
    producer: Producer,
    lane: str,
    stop: asyncio.Event,
    every_s: float = 0.0,
) -> None:
    """Append the lane's events to the bus and delete them, until `stop`.

    While events keep coming its appends begin `every_s` apart.

    One relay a lane at a time (advisory lock). A crash between append and delete appends again:
    at least once. Each key keeps its order, but for copies: those of a relay whose session
    Postgres ended during an append may come after what the next relay appends.
    """
    while not stop.is_set():
        try:
            async with pool.acquire() as conn:
                if await conn.fetchval("select pg_try_advisory_lock(hashtext($1))", _channel(lane)):
                    await _relay_locked(conn, producer, lane, stop, every_s)
        except Exception:
            log.warning("relay backs off", extra={"lane": lane}, exc_info=True)
        await _wait(stop, _RETRY_S)


async def _relay_locked(
    conn: asyncpg.Connection, producer: Producer, lane: str, stop: asyncio.Event, every_s: float
) -> None:
    woken = asyncio.Event()

    def wake(*_: object) -> None:
        woken.set()

    await conn.add_listener(_channel(lane), wake)
    watch = asyncio.create_task(_wake_on(stop, woken))
    try:
        while not stop.is_set():
            woken.clear()
            began = time.monotonic()
            relayed = await relay_once(conn, producer, lane)
            if relayed == 0:
                await _wait(woken, _SAFETY_POLL_S)
            elif relayed < _BATCH:
                # What comes meanwhile goes together.
                await _wait(stop, began + every_s - time.monotonic())
    finally:
        watch.cancel()
        # Where the connection is lost, so are the lock and the listener.
        with contextlib.suppress(asyncpg.InterfaceError, asyncpg.PostgresError, OSError):
            await conn.remove_listener(_channel(lane), wake)
            await conn.execute("select pg_advisory_unlock(hashtext($1))", _channel(lane))


async def relay_once(conn: asyncpg.Connection, producer: Producer, lane: str) -> int:
    """Publish the lane's next events, in order; returns how many. Raises AppendFailed."""
    rows = await conn.fetch(_NEXT, lane, _BATCH)
    if rows:
        await producer.append_many(_messages(rows))
        await conn.execute(
            "delete from outbox where id = any($1::bigint[])", [r["id"] for r in rows]
        )
        telemetry.OUTBOX_RELAYED.labels(lane).inc(len(rows))
    return len(rows)


def _messages(rows: Sequence[asyncpg.Record]) -> list[Message]:
    # A transaction's events carry the same headers: they are unpacked once.
    headers = {packed: unpacked_headers(packed) for packed in {row["headers"] for row in rows}}
    return [
        Message(row["topic"], row["key"], row["value"], headers[row["headers"]]) for row in rows
    ]


def _channel(lane: str) -> str:
    return f"outbox:{lane}"


async def _wait(event: asyncio.Event, seconds: float) -> None:
    if seconds <= 0:
        return
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


async def _wake_on(stop: asyncio.Event, woken: asyncio.Event) -> None:
    await stop.wait()
    woken.set()
