"""Wiring of identity: its consumer and the relay of its outbox."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Final

import asyncpg

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED
from gravity import outbox
from gravity.bus import Record
from gravity.consumer import Subscription
from gravity.kernel import Kernel
from identity import erasure

NAME: Final = "identity_withdrawal"


def subscriptions(kernel: Kernel) -> list[Subscription]:
    """Withdraws again whom a command may have left shown when it was killed."""

    async def handle(_: asyncpg.Connection, records: Sequence[Record]) -> None:
        gone = [events.PersonErased.FromString(record.value).person for record in records]
        await erasure.withdraw(kernel.redis, gone)

    return [Subscription(NAME, (PERSON_ERASED,), handle)]


def background(kernel: Kernel, stop: asyncio.Event) -> list[Coroutine[None, None, None]]:
    """The relay of person.erased; it ends at `stop`."""
    return [outbox.relay(kernel.pool, kernel.producer, erasure.LANE, stop)]
