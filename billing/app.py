"""Wiring of billing: its consumer."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from billing.entitlements import write_tiers
from contracts import events_pb2 as events
from contracts.topics import BILLING_ENTITLED, PERSON_ERASED
from gravity.bus import Record
from gravity.consumer import Subscription
from gravity.kernel import Kernel

NAME: Final = "billing"
_TOPICS: Final = (PERSON_ERASED, BILLING_ENTITLED)


def subscriptions(kernel: Kernel) -> list[Subscription]:
    """Keys of tiers follow the rows, should whoever wrote a row have died before the key.

    An erased person is entitled to nothing; the history keeps the number only.
    """

    async def handle(conn: asyncpg.Connection, records: Sequence[Record]) -> None:
        told = {topic: [r for r in records if r.topic == topic.name] for topic in _TOPICS}
        gone = [events.PersonErased.FromString(r.value).person for r in told[PERSON_ERASED]]
        entitled = [events.BillingEntitled.FromString(r.value) for r in told[BILLING_ENTITLED]]
        await conn.execute("delete from entitlements where person = any($1::bigint[])", gone)
        await write_tiers(conn, kernel.redis, {*gone, *(event.person for event in entitled)})

    return [Subscription(NAME, _TOPICS, handle)]
