"""Wiring of safety: its consumer."""

from collections.abc import Sequence
from typing import Final

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED, SAFETY_DECIDED
from gravity.bus import Record
from gravity.consumer import Handle, Subscription
from gravity.kernel import Kernel
from safety import decisions

NAME: Final = "safety"


def subscriptions(kernel: Kernel) -> list[Subscription]:
    """Enforces again what a command may have left undone when it was killed; obeys erasures."""
    return [Subscription(NAME, (SAFETY_DECIDED, PERSON_ERASED), handler(kernel.redis))]


def handler(redis: Redis) -> Handle:
    """The withdrawn set follows the standing of everybody whom the records name."""

    async def handle(conn: asyncpg.Connection, records: Sequence[Record]) -> None:
        gone = {
            events.PersonErased.FromString(record.value).person
            for record in records
            if record.topic == PERSON_ERASED.name
        }
        decided = {
            events.SafetyDecided.FromString(record.value).person
            for record in records
            if record.topic == SAFETY_DECIDED.name
        }
        await decisions.erased(conn, gone)
        await decisions.enforce(conn, redis, gone | decided)

    return handle
