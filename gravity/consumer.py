"""Consuming: effects and position in one Postgres transaction, the position first.

A batch is handled at least once; what it writes to Postgres is committed exactly once, since a
consumer that was displaced, or whose commit failed, cannot have moved the position.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg
from google.protobuf.message import DecodeError
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link

from contracts.topics import Topic
from gravity import positions, telemetry
from gravity.bus import Consumer, Record, WrongBus

log = logging.getLogger(__name__)

Handle = Callable[[asyncpg.Connection, Sequence[Record]], Awaitable[None]]
# How long a stop may have to wait for a poll that finds nothing.
_POLL_S = 0.5
_LONGEST_BACKOFF_S = 5.0
_MOST_LINKS = 32


class InvalidRecord(Exception):
    """Raised by a handler: no retry can handle this record. It is logged, counted and skipped."""

    def __init__(self, record: Record, reason: str) -> None:
        super().__init__(reason)
        self.record = record
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Subscription:
    """A named consumer. `handle` gets records that parse as their topic's message, in order
    within each partition, and the connection of the transaction that also moves the position.
    What it does elsewhere (Redis, files) happens at least once and must be idempotent.

    A batch has up to `max_records` and waits up to `linger_s` after its first record for more.
    """

    name: str
    topics: tuple[Topic, ...]
    handle: Handle
    max_records: int = 500
    linger_s: float = 0.0


async def consume(
    subscription: Subscription, pool: asyncpg.Pool, bus_url: str, stop: asyncio.Event
) -> None:
    """Run until `stop`. Any error (broker, database, displaced, handler) backs off with jitter,
    reads the positions again and goes on from there; no record is passed over but invalid ones.
    On a bus that the positions do not belong to (WrongBus) it does so for ever, and loudly.
    """
    failures = 0
    while not stop.is_set():
        run = _Run(subscription, pool, bus_url)
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
        await asyncio.wait_for(stop.wait(), random.uniform(longest / 2, longest))
    except TimeoutError:
        return


class _Run:
    """One attempt: from the stored positions on, until an error or the stop."""

    def __init__(self, subscription: Subscription, pool: asyncpg.Pool, bus_url: str) -> None:
        self._subscription = subscription
        self._messages = {topic.name: topic.message for topic in subscription.topics}
        self._pool = pool
        self._bus_url = bus_url
        self.progressed = False

    async def until(self, stop: asyncio.Event) -> None:
        async with self._pool.acquire() as conn:
            at = await positions.load(conn, self._subscription.name, self._subscription.topics)
        consumer = Consumer.open(self._bus_url, at)
        try:
            await consumer.check()
            while not stop.is_set():
                records = await self._gather(consumer, stop)
                if records:
                    at |= await self._commit(records, at)
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

    async def _commit(
        self, records: list[Record], at: dict[tuple[str, int], int]
    ) -> dict[tuple[str, int], int]:
        """Handle a batch and move the positions past it; returns the new positions."""
        fresh = [r for r in records if r.offset >= at[r.topic, r.partition]]
        if len(fresh) < len(records):
            self._report_old(len(records) - len(fresh))
        moved = {(r.topic, r.partition): r.offset + 1 for r in fresh}
        moves = [positions.Move(*place, at[place], new) for place, new in moved.items()]
        valid = [record for record in fresh if self._parses(record)]
        while moves:
            try:
                await self._transact(moves, valid)
            except InvalidRecord as invalid:
                self._skip(invalid.record, invalid.reason)
                valid = [record for record in valid if record is not invalid.record]
            else:
                self._count(valid)
                break
        return moved

    async def _transact(self, moves: list[positions.Move], records: list[Record]) -> None:
        name = self._subscription.name
        parent, links = _origin(records)
        with telemetry.span(f"{name} process", "consumer", parent, links):
            async with self._pool.acquire() as conn, conn.transaction():
                await positions.advance(conn, name, moves)
                if records:
                    await self._subscription.handle(conn, records)

    def _parses(self, record: Record) -> bool:
        try:
            self._messages[record.topic].FromString(record.value)
        except DecodeError as error:
            self._skip(record, str(error))
            return False
        return True

    def _report_old(self, count: int) -> None:
        """The log went back below a position while we read (a cluster that lost its end does)."""
        name = self._subscription.name
        telemetry.RECORDS_BELOW_POSITION.labels(name).inc(count)
        log.error("records below the position left out", extra={"consumer": name, "count": count})

    def _skip(self, record: Record, reason: str) -> None:
        telemetry.RECORDS_SKIPPED.labels(self._subscription.name, record.topic).inc()
        log.error(
            "record skipped",
            extra={
                "consumer": self._subscription.name,
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "reason": reason,
            },
        )

    def _count(self, records: Sequence[Record]) -> None:
        name = self._subscription.name
        for topic in self._messages:
            count = sum(record.topic == topic for record in records)
            if count:
                telemetry.RECORDS_CONSUMED.labels(name, topic).inc(count)
        if records:
            newest = max(record.timestamp_ms for record in records)
            telemetry.RECORD_AGE.labels(name).observe(max(0.0, time.time() - newest / 1000))


def _origin(records: Sequence[Record]) -> tuple[Context | None, list[Link]]:
    """The first record's trace is the batch's parent; the others' are linked."""
    carried = {r.headers["traceparent"]: r for r in records if "traceparent" in r.headers}
    contexts = [telemetry.extract(r.headers) for r in list(carried.values())[:_MOST_LINKS]]
    if not contexts:
        return None, []
    links = [Link(trace.get_current_span(context).get_span_context()) for context in contexts[1:]]
    return contexts[0], links
