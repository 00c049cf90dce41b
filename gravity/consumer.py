"""Consuming: effects and position in one Postgres transaction, shared between processes.

A batch is handled at least once; what it writes to Postgres is committed exactly once, since a
consumer that was displaced, or whose commit failed, cannot have moved the position.
"""

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Sequence

import asyncpg

from gravity import positions, telemetry
from gravity.batches import Batches
from gravity.bus import Consumer, Record, WrongBus
from gravity.bus_engines import engine_of
from gravity.sharing import Share, sharing
from gravity.subscription import Handle, InvalidRecord, Subscription

__all__ = ["Handle", "InvalidRecord", "Subscription", "consume", "consume_all"]

log = logging.getLogger(__name__)

# How long a stop may have to wait for a poll that finds nothing.
_POLL_S = 0.5
_LONGEST_BACKOFF_S = 5.0
# Records wait so long at most for dead letters that are handled again.
_REPLAY_S = 1.0


async def consume(
    subscription: Subscription, pool: asyncpg.Pool, bus_url: str, stop: asyncio.Event
) -> None:
    """`consume_all` of one."""
    await consume_all([subscription], pool, bus_url, stop)


async def consume_all(
    subscriptions: Sequence[Subscription], pool: asyncpg.Pool, bus_url: str, stop: asyncio.Event
) -> None:
    """Run until `stop`, sharing partitions with every process that runs consumers of these names.

    Any error (broker, database, displaced, handler) backs off with jitter, reads the positions
    again and goes on from there; what no retry can handle becomes a dead letter, and nothing else
    is passed over. On a bus that the positions do not belong to (WrongBus) it does so for ever,
    and loudly.
    """
    async with (
        sharing(subscriptions, pool, engine_of(bus_url), uuid.uuid4().hex) as shares,
        asyncio.TaskGroup() as group,
    ):
        for subscription in subscriptions:
            share = shares[subscription.name]
            group.create_task(_consume(subscription, share, pool, bus_url, stop))
        await stop.wait()
        for share in shares.values():
            share.wake()


async def _consume(
    subscription: Subscription,
    share: Share,
    pool: asyncpg.Pool,
    bus_url: str,
    stop: asyncio.Event,
) -> None:
    failures = 0
    while not stop.is_set():
        if not share.places:
            await share.change()
            continue
        run = _Run(subscription, share, pool, bus_url)
        try:
            await run.until(stop)
        except Exception as error:
            failures = 1 if run.progressed else failures + 1
            telemetry.CONSUMER_ERRORS.labels(subscription.name, type(error).__name__).inc()
            log.log(
                logging.ERROR if isinstance(error, WrongBus) else logging.WARNING,
                "consumer backs off",
                extra={"consumer": subscription.name, "failures": failures},
                exc_info=True,
            )
            await _pause(stop, failures)


async def _pause(stop: asyncio.Event, failures: int) -> None:
    longest = min(_LONGEST_BACKOFF_S, 0.1 * 2.0 ** min(failures, 10))
    try:
        async with asyncio.timeout(random.uniform(longest / 2, longest)):
            await stop.wait()
    except TimeoutError:
        return


class _Run:
    """One attempt: from the stored positions on, until an error, another share or the stop."""

    def __init__(
        self, subscription: Subscription, share: Share, pool: asyncpg.Pool, bus_url: str
    ) -> None:
        self._subscription = subscription
        self._share = share
        self._pool = pool
        self._bus_url = bus_url
        self._batches = Batches(subscription, pool)
        self.progressed = False

    async def until(self, stop: asyncio.Event) -> None:
        mine = self._share.places
        async with self._pool.acquire() as conn:
            stored = await positions.load(conn, self._subscription.name, mine)
        at = {place: stored[place] for place in mine}
        consumer = Consumer.open(self._bus_url, at, prompt=self._subscription.prompt)
        try:
            await consumer.check()
            while not stop.is_set() and self._share.places == mine:
                await self._replay()
                records = await self._gather(consumer, stop)
                if records:
                    at |= await self._batches.commit(records, at)
                    self.progressed = True
        finally:
            await consumer.close()

    async def _gather(self, consumer: Consumer, stop: asyncio.Event) -> list[Record]:
        """The next batch; a stop ends the wait for more, and what came is handled."""
        most = self._subscription.max_records
        records = await consumer.poll(most, _POLL_S)
        until = time.monotonic() + self._subscription.linger_s
        while records and len(records) < most and not stop.is_set():
            left = until - time.monotonic()
            if left <= 0:
                break
            records += await consumer.poll(most - len(records), min(left, _POLL_S))
        return records

    async def _replay(self) -> None:
        """Handle dead letters again where that is asked for."""
        until = time.monotonic() + _REPLAY_S
        while self._share.to_replay and time.monotonic() < until:
            self._share.to_replay = await self._batches.replay(self._share.places)
