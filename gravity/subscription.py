"""What a consumer is: a name, topics, and a handler."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg

from contracts.topics import Topic
from gravity.bus import Record

Handle = Callable[[asyncpg.Connection, Sequence[Record]], Awaitable[None]]


class InvalidRecord(Exception):
    """Raised by a handler: no retry can handle this record. It becomes a dead letter.

    The reason is stored and logged: it names what is wrong, and holds nothing of the record.
    """

    def __init__(self, record: Record, reason: str) -> None:
        super().__init__(reason)
        self.record = record
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Subscription:
    """A named consumer. `handle` gets records, in order within each partition, and the connection
    of the transaction that also moves the position. It parses them: where it fails and one of
    them is no message of its topic, that one becomes a dead letter and the rest is handled again.
    What it does elsewhere (Redis, files) happens at least once and must be idempotent.

    People wait for what a `prompt` one does: it gets records some hundredths of a second after
    they were appended, others up to a quarter of one. A batch has up to `max_records` and waits up
    to `linger_s` after its first record for more. Where `handle` leaves its transaction alone for
    `idle_s`, as a paused process does, Postgres ends it, so that others can take over.
    """

    name: str
    topics: tuple[Topic, ...]
    handle: Handle
    max_records: int = 500
    linger_s: float = 0.0
    idle_s: float = 30.0
    prompt: bool = False
