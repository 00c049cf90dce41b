"""Wiring of identity: its consumer."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED
from gravity.bus import Record
from gravity.consumer import Subscription
from gravity.kernel import Kernel
from identity import erasure

NAME: Final = "identity"


def subscriptions(kernel: Kernel) -> list[Subscription]:
    """Withdraws again whom a command may have left shown when it was killed."""

    async def handle(_: asyncpg.Connection, records: Sequence[Record]) -> None:
        gone = [events.PersonErased.FromString(record.value).person for record in records]
        await erasure.withdraw(kernel.redis, gone)

    return [Subscription(NAME, (PERSON_ERASED,), handle)]
