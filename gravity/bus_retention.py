"""Retention on the embedded broker, which keeps every record for ever.

Every fetch lists the partition's batches, so a long partition is a slow one. Records that nobody
needs any more (below every stored position and hold) are deleted as the objects they are stored
in. A Kafka cluster has retention of its own: there this job does nothing.
"""

import asyncio
import logging
import re
import time
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import asyncpg

from gravity import positions, telemetry
from gravity.bus_engines import engine_of
from gravity.bus_records import Place
from gravity.settings import Settings

if TYPE_CHECKING:
    from botocore.client import BaseClient

log = logging.getLogger(__name__)

_EVERY_S = 5.0
# Each object takes the store a millisecond, in which appends wait.
_DELETE_AT_ONCE = 10
_REST = 2.0
# Of a place in one pass: nobody waits long for the end, or for the other places.
_MOST_AT_ONCE = 200
# clusters/<cluster>/topics/<topic>/partitions/<partition>/records/<first offset>.batch
_BATCH = re.compile(
    r"clusters/[^/]+/topics/(?P<topic>[^/]+)/partitions/(?P<partition>\d{10})"
    r"/records/(?P<offset>\d{20})\.batch"
)


@dataclass(frozen=True, slots=True)
class Batch:
    """One stored batch of records: its object and the offset of its first record."""

    key: str
    offset: int


def unneeded(batches: Sequence[Batch], lowest: int) -> list[str]:
    """Keys of the batches (in order of offset) that end below `lowest`.

    The end of a batch is the beginning of the next: the last one always stays.
    """
    first_kept = bisect_right([batch.offset for batch in batches], lowest) - 1
    return [batch.key for batch in batches[: max(0, first_kept)]]


async def trim_forever(
    pool: asyncpg.Pool,
    settings: Settings,
    consumers: Mapping[str, Collection[str]],
    stop: asyncio.Event,
) -> None:
    """Trim every 5 seconds until `stop`; errors are logged and tried again.

    `consumers`: names by topic. A topic is left alone until all of its consumers have a position.
    """
    if not engine_of(settings.bus_url).needs_trimming or settings.bus_bucket is None:
        return
    trimmed: dict[Place, int] = {}
    while not stop.is_set():
        try:
            await trim(pool, settings, consumers, trimmed)
        except Exception:
            log.warning("trimming failed", exc_info=True)
        try:
            async with asyncio.timeout(_EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue


async def trim(
    pool: asyncpg.Pool,
    settings: Settings,
    consumers: Mapping[str, Collection[str]],
    trimmed: dict[Place, int] | None = None,
) -> int:
    """Delete what nobody needs, at most 200 batches a place; returns how many were deleted.

    `trimmed`: below what each place was trimmed; those where nothing has changed are passed over.
    """
    known = {} if trimmed is None else trimmed
    async with pool.acquire() as conn:
        lowest = await positions.lowest(conn, consumers)
    deleted = 0
    for place, offset in lowest.items():
        if offset > known.get(place, 0):
            count = await asyncio.to_thread(_trim, settings, place, offset)
            if count < _MOST_AT_ONCE:
                known[place] = offset
            deleted += count
    return deleted


def _trim(settings: Settings, place: Place, offset: int) -> int:
    client, bucket = _client_of(settings), settings.bus_bucket or ""
    keys = unneeded(_batches(client, bucket, *place), offset)[:_MOST_AT_ONCE]
    _delete(client, bucket, keys)
    telemetry.BATCHES_TRIMMED.labels(place[0]).inc(len(keys))
    return len(keys)


def _batches(client: "BaseClient", bucket: str, topic: str, partition: int) -> list[Batch]:
    prefix = f"clusters/tansu_cluster/topics/{topic}/partitions/{partition:010}/records/"
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = [
        Batch(entry["Key"], int(match["offset"]))
        for page in pages
        for entry in page.get("Contents", [])
        if (match := _BATCH.fullmatch(entry["Key"]))
    ]
    return sorted(found, key=lambda batch: batch.offset)


def _delete(client: "BaseClient", bucket: str, keys: Sequence[str]) -> None:
    # Oldest first: whenever this stops, what is left has no hole.
    for start in range(0, len(keys), _DELETE_AT_ONCE):
        chunk = keys[start : start + _DELETE_AT_ONCE]
        began = time.monotonic()
        client.delete_objects(  # type: ignore[attr-defined]  # the library makes it at run time
            Bucket=bucket, Delete={"Objects": [{"Key": key} for key in chunk], "Quiet": True}
        )
        time.sleep(_REST * (time.monotonic() - began))


def _client_of(settings: Settings) -> "BaseClient":
    access = settings.s3_access_key.get_secret_value(), settings.s3_secret_key.get_secret_value()
    return _client(settings.s3_url, *access)


@lru_cache(maxsize=1)
def _client(url: str | None, access_key: str, secret_key: str) -> "BaseClient":
    # To be made once, as that takes longer than a trim. Here, since only this job needs it and its
    # import costs half a second.
    import boto3

    client: BaseClient = boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name="us-east-1",
    )
    return client
