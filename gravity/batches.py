"""Handling: effects, dead letters and position in one Postgres transaction, the position first."""

import logging
import time
from collections import Counter
from collections.abc import Collection, Sequence

import asyncpg
from google.protobuf.message import DecodeError
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link

from gravity import dead_letters, positions, telemetry
from gravity.bus import Record
from gravity.bus_records import Place
from gravity.dead_letters import Letter, Refused
from gravity.subscription import InvalidRecord, Subscription

log = logging.getLogger(__name__)

_MOST_LINKS = 32
# The flags at the end of a traceparent: somebody records this trace.
_RECORDED = b"-01"


class Batches:
    """Handles what one consumer reads, and its dead letters once more."""

    def __init__(self, subscription: Subscription, pool: asyncpg.Pool) -> None:
        self._subscription = subscription
        self._name = subscription.name
        self._messages = {topic.name: topic.message for topic in subscription.topics}
        self._pool = pool

    async def commit(self, records: list[Record], at: dict[Place, int]) -> dict[Place, int]:
        """Handle a batch and move the positions from `at` past it; returns the moved ones.

        Records that no retry can handle become dead letters. Any other error is raised, and
        nothing has happened in Postgres.
        """
        valid = [r for r in records if r.offset >= at[r.topic, r.partition]]
        if len(valid) < len(records):
            self._report_old(len(records) - len(valid))
        moved = {(r.topic, r.partition): r.offset + 1 for r in valid}
        moves = [positions.Move(*place, at[place], new) for place, new in moved.items()]
        refused: list[Refused] = []
        while moves:
            try:
                dropped = await self._transact(moves, valid, refused)
            except Exception as error:
                found = self._refused_by(error, valid)
                if not found:
                    raise
                refused += found
                out = {id(each.record) for each in found}
                valid = [record for record in valid if id(record) not in out]
            else:
                self._count(valid, refused, dropped)
                break
        return moved

    async def replay(self, places: Collection[Place]) -> bool:
        """Handle one dead letter of these places again; false where none is asked for."""
        async with self._pool.acquire() as conn:
            letter = await dead_letters.next_to_replay(conn, self._name, places)
        if letter is None:
            return False
        try:
            await self._handle_again(letter)
        except Exception as error:
            # Whatever it is: a letter must not hold up the records.
            async with self._pool.acquire() as conn:
                await dead_letters.refused_again(conn, letter, _reason(error))
            extra = {"consumer": self._name, "letter": letter.id, "error": type(error).__name__}
            log.warning("dead letter refused again", extra=extra)
        return True

    async def _handle_again(self, letter: Letter) -> None:
        idle_s = self._subscription.idle_s
        async with self._pool.acquire() as conn, conn.transaction():
            # Whoever reads the partition meanwhile waits: handlers count on being alone on it.
            await positions.lock(conn, self._name, letter.record, idle_s)
            if await dead_letters.take(conn, letter):
                await self._subscription.handle(conn, [letter.record])
                await dead_letters.handled(conn, letter)

    async def _transact(
        self, moves: list[positions.Move], records: list[Record], refused: list[Refused]
    ) -> int:
        parent, links = _origin(records)
        dropped = 0
        with telemetry.span(f"{self._name} process", "consumer", parent, links):
            async with self._pool.acquire() as conn, conn.transaction():
                await positions.advance(conn, self._name, moves, self._subscription.idle_s)
                if refused:
                    dropped = await dead_letters.park(conn, self._name, refused)
                if records:
                    await self._subscription.handle(conn, records)
        return dropped

    def _refused_by(self, error: Exception, records: Sequence[Record]) -> list[Refused]:
        """The records that an error is about: what was called invalid, or does not parse.

        Handlers parse; only when one fails, whatever it made of that, each record is looked at.
        """
        if isinstance(error, InvalidRecord):
            return [Refused(each, error.reason) for each in records if each is error.record]
        return [
            Refused(record, reason)
            for record in records
            if (reason := self._parse_error(record)) is not None
        ]

    def _parse_error(self, record: Record) -> str | None:
        try:
            self._messages[record.topic].FromString(record.value)
        except DecodeError as error:
            return str(error)
        return None

    def _report_old(self, count: int) -> None:
        """The log went back below a position while we read (a cluster that lost its end does)."""
        telemetry.RECORDS_BELOW_POSITION.labels(self._name).inc(count)
        log.error(
            "records below the position left out", extra={"consumer": self._name, "count": count}
        )

    def _count(self, records: list[Record], refused: list[Refused], dropped: int) -> None:
        for topic, count in Counter(record.topic for record in records).items():
            telemetry.RECORDS_CONSUMED.labels(self._name, topic).inc(count)
        if records:
            newest = max(record.timestamp_ms for record in records)
            telemetry.RECORD_AGE.labels(self._name).observe(max(0.0, time.time() - newest / 1000))
        if dropped:
            telemetry.DEAD_LETTERS_DROPPED.labels(self._name).inc(dropped)
        for record, reason in ((each.record, each.reason) for each in refused):
            telemetry.RECORDS_SKIPPED.labels(self._name, record.topic).inc()
            log.error(
                "record became a dead letter",
                extra={
                    "consumer": self._name,
                    "topic": record.topic,
                    "partition": record.partition,
                    "offset": record.offset,
                    "reason": reason,
                },
            )


def _reason(error: Exception) -> str:
    """Why, without anything of the record: the text of an unknown error may hold it."""
    if isinstance(error, InvalidRecord):
        return error.reason
    return str(error) if isinstance(error, DecodeError) else type(error).__name__


def _origin(records: Sequence[Record]) -> tuple[Context | None, list[Link]]:
    """The first record's trace is the batch's parent; the others' are linked where recorded."""
    carried = {r.headers["traceparent"]: r for r in records if "traceparent" in r.headers}
    if not carried:
        return None, []
    first, *others = carried
    recorded = [traceparent for traceparent in others if traceparent.endswith(_RECORDED)]
    contexts = [telemetry.extract(carried[each].headers) for each in recorded[:_MOST_LINKS]]
    links = [Link(trace.get_current_span(context).get_span_context()) for context in contexts]
    return telemetry.extract(carried[first].headers), links
