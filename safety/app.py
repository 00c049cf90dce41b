"""Wiring of safety: its consumer."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED, SAFETY_DECIDED
from gravity.bus import Record
from gravity.consumer import Subscription
from gravity.kernel import Kernel
from safety import decisions

NAME: Final = "safety"


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
