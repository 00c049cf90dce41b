"""The bus into the lake: one consumer a topic, files before positions.

A file's name carries the offsets it holds, so a batch that is delivered again replaces itself; one
that comes again with other bounds is deduplicated by the reader.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import asyncpg
import pyarrow as pa

from contracts.topics import IMPRESSIONS, PROFILE_CHANGED, SWIPE_RECORDED, Topic
from features.lake import append_rows, part_of_stream
from features.lake_rows import deck_rows, impression_rows, profile_rows, swipe_rows
from gravity.bus import Record
from gravity.consumer import Handle, Subscription

FLUSH_RECORDS: Final = 20_000
FLUSH_S: Final = 5.0

Rows = Callable[[Sequence[Record]], pa.Table]
_TABLES: Final[Mapping[Topic, Mapping[str, Rows]]] = {
    SWIPE_RECORDED: {"swipes": swipe_rows},
    IMPRESSIONS: {"impressions": impression_rows, "decks": deck_rows},
    PROFILE_CHANGED: {"profiles": profile_rows},
}


def consumer_name(topic: Topic) -> str:
    """The consumer that writes a topic to the lake."""
    return f"lake.{topic.name}"


def subscriptions(root: str, flush_s: float = FLUSH_S) -> list[Subscription]:
    """Consumers `lake.<topic>` that write to the lake at `root` by size or age, whichever first."""
    return [
        Subscription(consumer_name(topic), (topic,), _handler(root, tables), FLUSH_RECORDS, flush_s)
        for topic, tables in _TABLES.items()
    ]


def _handler(root: str, tables: Mapping[str, Rows]) -> Handle:
    async def handle(_: asyncpg.Connection, records: Sequence[Record]) -> None:
        # The position moves when this returns and the transaction commits: files come first.
        await asyncio.to_thread(write, root, tables, records)

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
