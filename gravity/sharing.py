"""Consumers of one name share its partitions between processes.

This is only about the load: what two processes do at once is kept right by their positions, which
move by compare-and-set.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from contracts.topics import Topic
from gravity import members
from gravity.bus_engines import Engine
from gravity.bus_groups import POLL_S, Groups
from gravity.bus_records import Place
from gravity.subscription import Subscription

log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 5.0


class Share:
    """What this process reads for one consumer; nothing until it is told."""

    def __init__(self) -> None:
        self.places: frozenset[Place] = frozenset()
        # Somebody wants dead letters of this consumer handled again.
        self.to_replay = False
        self._changed = asyncio.Event()

    def set(self, places: frozenset[Place]) -> None:
        """Read these from now on."""
        if places != self.places:
            self.places = places
            self._changed.set()

    def wake(self) -> None:
        """End a wait: there is a reason to look around."""
        self._changed.set()

    async def change(self) -> None:
        """Wait for another share, or a wake."""
        self._changed.clear()
        await self._changed.wait()


@asynccontextmanager
async def sharing(
    subscriptions: Iterable[Subscription], pool: asyncpg.Pool, engine: Engine, member: str
) -> AsyncIterator[dict[str, Share]]:
    """The shares of this process by consumer, kept up to date inside the block.

    At its end the others are told. Without the database it goes on with what it has.
    """
    topics = {subscription.name: subscription.topics for subscription in subscriptions}
    shares = {name: Share() for name in topics}
    # Where the broker has groups, they deal.
    dealing = engine if engine.group is None else None
    tasks = [_beat_forever(pool, member, topics, shares, dealing)]
    if engine.group is not None:
        tasks.append(_follow_groups(Groups(engine.group, topics), shares))
    running = [asyncio.create_task(task) for task in tasks]
    try:
        yield shares
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _beat_forever(
    pool: asyncpg.Pool,
    member: str,
    topics: Mapping[str, Sequence[Topic]],
    shares: Mapping[str, Share],
    dealing: Engine | None,
) -> None:
    silent = False
    try:
        while True:
            try:
                async with pool.acquire(timeout=_TIMEOUT_S) as conn:
                    seen = await members.beat(conn, member, list(topics), _TIMEOUT_S)
                silent = False
            except Exception:
                if not silent:
                    log.warning("heartbeat not written; reading what was shared out", exc_info=True)
                silent = True
            else:
                for name, found in seen.items():
                    shares[name].to_replay = found.to_replay
                    if dealing is not None:
                        places = dealing.places(topics[name])
                        shares[name].set(members.dealt(name, places, found.members, member))
            await asyncio.sleep(members.BEAT_S)
    finally:
        # Where this fails, the others wait for a few seconds.
        with contextlib.suppress(Exception):
            async with pool.acquire(timeout=_TIMEOUT_S) as conn:
                await members.leave(conn, member)


async def _follow_groups(groups: Groups, shares: Mapping[str, Share]) -> None:
    loop = asyncio.get_running_loop()
    # One thread, so that leaving waits for a poll under way.
    with ThreadPoolExecutor(1, thread_name_prefix="bus-groups") as thread:
        try:
            while True:
                try:
                    dealt = await loop.run_in_executor(thread, groups.poll)
                except Exception:
                    log.warning("groups not followed; reading what was shared out", exc_info=True)
                else:
                    for name, places in dealt.items():
                        shares[name].set(places)
                await asyncio.sleep(POLL_S)
        finally:
            await loop.run_in_executor(thread, groups.close)
