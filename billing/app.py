"""Wiring of billing: its consumer."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED
from gravity.bus import Record
from gravity.consumer import Subscription
from gravity.kernel import Kernel

NAME: Final = "billing"


def subscriptions(_: Kernel) -> list[Subscription]:
    """An erased person is entitled to nothing; the history keeps the number only."""

    async def handle(conn: asyncpg.Connection, records: Sequence[Record]) -> None:
        gone = [events.PersonErased.FromString(record.value).person for record in records]
        await conn.execute("delete from entitlements where person = any($1::bigint[])", gone)

    return [Subscription(NAME, (PERSON_ERASED,), handle)]
