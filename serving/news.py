"""News over Redis (`features.news`) into an overlay: a change is there when it is acknowledged."""

import asyncio
import logging
from typing import Final

import numpy as np
import numpy.typing as npt
from redis.asyncio.client import PubSub

from features.news import CHANGED, STANDING, heads_of, persons_of
from features.person_row import person_row_key
from features.profile_code import Profiles
from features.said_rows import profiles_of_rows
from features.wire import run
from serving.live import Live

log = logging.getLogger(__name__)

_READ_S: Final = 5.0
_BACKOFF_S: Final = 0.5
_TOGETHER: Final = 100


async def hear(live: Live) -> None:
    """Apply news until cancelled. What is not heard while Redis is away comes by the bus."""
    while True:
        try:
            async with live.redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                await pubsub.subscribe(CHANGED, STANDING)
                while True:
                    await _apply(live, await _messages(pubsub))
        except Exception as error:
            log.warning("news are not heard", extra={"reason": type(error).__name__})
            await asyncio.sleep(_BACKOFF_S)


async def _messages(pubsub: PubSub) -> dict[bytes, list[bytes]]:
    """By channel: what comes next, and what has come along with it."""
    found: dict[bytes, list[bytes]] = {CHANGED: [], STANDING: []}
    message = await pubsub.get_message(timeout=_READ_S)
    taken = 0
    while message is not None:
        if message["type"] == "message":
            found[message["channel"]].append(message["data"])
        taken += 1
        if taken == _TOGETHER:
            # Before the next is fetched, which would be lost.
            break
        message = await pubsub.get_message(timeout=0)
    return found


async def _apply(live: Live, messages: dict[bytes, list[bytes]]) -> None:
    heads = heads_of(messages[CHANGED])
    if len(heads):
        try:
            said = await _said(live, heads)
            live.put(heads["person"], heads["version"].astype(np.int64), said)
        except Exception as error:
            # The bus brings them once more, and tells the one that makes no sense from the others.
            log.error("news skipped", extra={"people": len(heads), "reason": type(error).__name__})
    await live.stand(persons_of(messages[STANDING]))


async def _said(live: Live, heads: npt.NDArray[np.void]) -> Profiles | None:
    """What these people say, from their rows; nothing where the release knows them all."""
    ids = heads["person"]["person_id"].astype(np.int64)
    if not live.overlay.are_new(ids).any():
        return None
    keys = [person_row_key(person) for person in ids.tolist()]
    return profiles_of_rows(heads, await run(live.redis.mget(keys)))
