"""Rankers' engines at a Milvus, a crowd to search in, and what a Milvus holds, past them."""

import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import numpy as np
from pymilvus import MilvusClient
from redis.asyncio import Redis

from features.live_releases import alive_key
from serving.claims import Claims
from serving.milvus import MilvusIndexes
from serving.milvus_engine import MilvusEngine
from tests.serving.conftest import DEADLINE_S
from tests.serving.searched import Opened, written
from tests.serving.worlds import World, world


@contextmanager
def indexes_at(
    url: str, deadline_s: float = DEADLINE_S, worker: str = "ranker-0"
) -> Iterator[MilvusIndexes]:
    indexes = MilvusIndexes(url, deadline_s, worker)
    try:
        yield indexes
    finally:
        indexes.close()


def a_name() -> str:
    """A worker's; no other has it, before or after."""
    return f"ranker-{uuid.uuid4().hex[:8]}"


@asynccontextmanager
async def ranker_at(url: str, redis: Redis, worker: str = "") -> AsyncIterator[MilvusEngine]:
    """What a worker has that lives until it is stopped, or killed by `die`."""
    worker = worker or a_name()
    await redis.set(alive_key(worker), b"1")
    with indexes_at(url, worker=worker) as indexes:
        yield MilvusEngine(indexes, Claims(redis, worker))
    await die(redis, worker)


async def die(redis: Redis, worker: str) -> None:
    """As when its word that it lives expires."""
    await redis.delete(alive_key(worker))


@contextmanager
def client_at(url: str) -> Iterator[MilvusClient]:
    client = MilvusClient(url)
    try:
        yield client
    finally:
        client.close()


def collections(url: str, prefix: str) -> list[str]:
    with client_at(url) as client:
        return sorted(name for name in client.list_collections() if name.startswith(prefix))


def held(url: str, ids: Sequence[str]) -> list[str]:
    """The releases that have a collection."""
    return [each for each in ids if collections(url, f"deck_{each}_")]


def crowd(folder: Path, seed: int = 11, count: int = 300) -> Opened:
    """People in one place of whom everybody sees nearly everybody."""
    return written(crowd_of(count), folder, seed)


def crowd_of(count: int) -> World:
    people = world(np.random.default_rng(4), count, spread_km=5.0)
    for name, value in {"visible": True, "seeks": 14, "age_min": 18, "age_max": 99}.items():
        people.table[name] = value
    people.table["max_distance_km"] = 100.0
    return people
