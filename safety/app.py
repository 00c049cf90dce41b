"""Wiring of safety: its consumer and the relay of its outbox."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Final

import asyncpg

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED, SAFETY_DECIDED
from gravity import outbox
from gravity.bus import Record
from gravity.consumer import Subscription
from gravity.kernel import Kernel
from safety import decisions

NAME: Final = "safety_enforcement"


def subscriptions(kernel: Kernel) -> list[Subscription]:
    """Enforces again what a command may have left undone when it was killed; obeys erasures."""

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
        await decisions.enforce(conn, kernel.redis, gone | decided)

    return [Subscription(NAME, (SAFETY_DECIDED, PERSON_ERASED), handle)]


def background(kernel: Kernel, stop: asyncio.Event) -> list[Coroutine[None, None, None]]:
    """The relay of safety.decided; it ends at `stop`."""
    return [outbox.relay(kernel.pool, kernel.producer, decisions.LANE, stop)]
