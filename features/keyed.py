"""One Redis or a cluster: commands that are each of one person's key, told apart nowhere else."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import numpy.typing as npt
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from features.cluster import Cluster, Part
from features.wire import FEW, Reply, raw_round_trip, replies_to, round_trip

Store = Redis | Cluster
Pack = Callable[[Sequence[bytes]], bytes]
"""Packs one command of each key."""

# A Redis that reads more at once answers nobody else meanwhile.
_BATCH_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of keys `at` (m,): `replies` (m,), or where they are None the raw bytes of as
    many, errors among either."""

    at: npt.NDArray[np.int64]
    data: bytes = b""
    replies: Sequence[object] | None = None


async def hear(store: Store, keys: Sequence[bytes], pack: Pack) -> list[Heard]:
    """One command for each key (n,) of one length, in one round trip to each node that holds some.

    Raises redis-py's ConnectionError or TimeoutError.
    """
    if isinstance(store, Redis):
        return [await _hear(store, np.arange(len(keys)), keys, pack)]
    parts = await store.parts(keys)
    return await store.together([_hear_part(store, part, keys, pack) for part in parts])


async def ask(store: Store, keys: Sequence[bytes], pack: Pack) -> list[Reply]:
    """The replies to one command for each key (n,) of one length, in their order.

    Raises the first that is an error, and redis-py's ConnectionError or TimeoutError.
    """
    if isinstance(store, Redis):
        return await round_trip(store, pack(keys), len(keys))
    return raised(await store.ask_each(keys, [pack([key]) for key in keys], 1))


async def ask_each(
    store: Store, keys: Sequence[bytes], commands: Sequence[bytes], each: int = 1
) -> list[object]:
    """The replies (n × each) to commands (n,), errors among them; keys (n,) of one length.

    A command is of its key alone. With `each` it is a MULTI … EXEC of so many commands. Raises
    redis-py's ConnectionError or TimeoutError.
    """
    if isinstance(store, Redis):
        return await replies_to(store, b"".join(commands), each * len(commands))
    return await store.ask_each(keys, commands, each)


async def send_each(store: Store, commands: Iterable[tuple[bytes, bytes]]) -> int:
    """Run commands, each with its key, in batches of about 64 KB; returns how many.

    Raises the first error, and redis-py's ConnectionError or TimeoutError.
    """
    keys: list[bytes] = []
    waiting: list[bytes] = []
    size = sent = 0
    for key, command in commands:
        keys.append(key)
        waiting.append(command)
        size += len(command)
        if size >= _BATCH_BYTES:
            raised(await ask_each(store, keys, waiting))
            sent += len(keys)
            keys, waiting, size = [], [], 0
    if keys:
        raised(await ask_each(store, keys, waiting))
    return sent + len(keys)


async def every_node(store: Store) -> Sequence[Redis]:
    """Whoever can hold a key."""
    return (store,) if isinstance(store, Redis) else await store.nodes()


def raised(replies: Sequence[object]) -> list[Reply]:
    """Replies of which none is an error. Raises the first that is."""
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise reply
    return cast("list[Reply]", list(replies))


async def _hear(node: Redis, at: npt.NDArray[np.int64], keys: Sequence[bytes], pack: Pack) -> Heard:
    """Few share a round trip, whose replies are parsed; of many the bytes are of more use."""
    if len(keys) <= FEW:
        return Heard(at, replies=await replies_to(node, pack(keys), len(keys)))
    return Heard(at, await raw_round_trip(node, pack(keys), len(keys)))


async def _hear_part(cluster: Cluster, part: Part, keys: Sequence[bytes], pack: Pack) -> Heard:
    """Where the node may have sent some elsewhere, all of its keys are asked for again, one by
    one: a text that only looks so costs a second round trip."""
    own = [keys[at] for at in part.at.tolist()]
    heard = await cluster.ask_node(part.node, lambda: _hear(part.node, part.at, own, pack))
    if heard.replies is None:
        sent_on = b"-MOVED " in heard.data or b"-ASK " in heard.data
    else:
        sent_on = any(isinstance(reply, ResponseError) for reply in heard.replies)
    if not sent_on:
        return heard
    cluster.forget_map()
    return Heard(part.at, replies=await cluster.ask_each(own, [pack([key]) for key in own], 1))
