"""What profiles consumes: its own changes, to repair rows, and erasures."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED, PROFILE_CHANGED
from gravity.bus import Record
from gravity.consumer import Subscription
from gravity.kernel import Kernel
from profiles import store
from profiles.changes import refresh

NAME: Final = "profile-rows"


def subscriptions(kernel: Kernel) -> list[Subscription]:
    """Rows in Redis follow the state in Postgres, whatever was killed in between."""

    async def handle(conn: asyncpg.Connection, records: Sequence[Record]) -> None:
        erased = [
            events.PersonErased.FromString(record.value).person
            for record in records
            if record.topic == PERSON_ERASED.name
        ]
        if erased:
            await store.erase(conn, erased)
        touched = {
            events.ProfileChanged.FromString(record.value).person
            for record in records
            if record.topic == PROFILE_CHANGED.name
        }
        await refresh(conn, kernel.redis, touched.union(erased))

    return [Subscription(NAME, (PROFILE_CHANGED, PERSON_ERASED), handle)]
