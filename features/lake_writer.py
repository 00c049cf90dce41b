"""The bus into the lake: one consumer a topic, files before positions.

A file's name carries the offsets it holds, so a batch that is delivered again replaces itself; one
that comes again with other bounds is deduplicated by the reader. People who were erased go out of
all files in one pass for a batch of them.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import asyncpg
import pyarrow as pa

from contracts import events_pb2 as events
from contracts.topics import IMPRESSIONS, PERSON_ERASED, PROFILE_CHANGED, SWIPE_RECORDED, Topic
from features.lake import append_rows, part_of_stream
from features.lake_eraser import erase_people
from features.lake_rows import deck_rows, impression_rows, profile_rows, swipe_rows
from gravity.bus import Record
from gravity.consumer import Handle, Subscription

log = logging.getLogger(__name__)
FLUSH_RECORDS: Final = 20_000
FLUSH_S: Final = 5.0

Rows = Callable[[Sequence[Record]], pa.Table]
TABLES: Final[Mapping[Topic, Mapping[str, Rows]]] = {
    SWIPE_RECORDED: {"swipes": swipe_rows},
    IMPRESSIONS: {"impressions": impression_rows, "decks": deck_rows},
    PROFILE_CHANGED: {"profiles": profile_rows},
}


def consumer_name(topic: Topic) -> str:
    """The consumer that writes a topic to the lake."""
    return f"lake.{topic.name}"


def subscriptions(root: str, flush_s: float = FLUSH_S) -> list[Subscription]:
    """Consumers `lake.<topic>` that write to the lake at `root` by size or age, whichever first."""
    handlers = {topic: _handler(root, tables) for topic, tables in TABLES.items()}
    handlers[PERSON_ERASED] = _eraser(root)
    return [
        Subscription(consumer_name(topic), (topic,), handle, FLUSH_RECORDS, flush_s)
        for topic, handle in handlers.items()
    ]


def _handler(root: str, tables: Mapping[str, Rows]) -> Handle:
    async def handle(_: asyncpg.Connection, records: Sequence[Record]) -> None:
        # The position moves when this returns and the transaction commits: files come first.
        await asyncio.to_thread(write, root, tables, records)

    return handle


def _eraser(root: str) -> Handle:
    async def handle(_: asyncpg.Connection, records: Sequence[Record]) -> None:
        gone = [events.PersonErased.FromString(record.value).person for record in records]
        rewritten = await asyncio.to_thread(erase_people, root, gone, time.time())
        log.info("people erased from the lake", extra={"people": len(gone), "files": rewritten})

    return handle


def write(root: str, tables: Mapping[str, Rows], records: Sequence[Record]) -> None:
    """Write a batch to each table, one part a partition."""
    by_partition: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in records:
        by_partition[record.topic, record.partition].append(record)
    for (topic, partition), batch in by_partition.items():
        part = part_of_stream(topic, partition, batch[0].offset, batch[-1].offset)
        for name, rows_of in tables.items():
            append_rows(root, name, rows_of(batch), part)
