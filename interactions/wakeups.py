"""Waking requests that wait: one subscription a process, however many wait.

A viewer's channel wakes who waits for that viewer; the channel of withdrawals wakes who holds the
card. A notification may be lost with its connection, so whoever waits looks again now and then.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from interactions import keys

log = logging.getLogger(__name__)
_READ_S: Final = 5.0
_BACKOFF_S: Final = 0.5
_LISTENING_S: Final = 1.0


class Waiter:
    """One request that waits; `woken` is set when there may be something for it."""

    def __init__(self, viewer: int) -> None:
        self.viewer = viewer
        self.woken = asyncio.Event()
        self.cards: frozenset[int] = frozenset()


class Wakeups:
    """Dispatches notifications to the requests of this process."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._viewers: dict[int, set[Waiter]] = defaultdict(set)
        self._holders: dict[int, set[Waiter]] = defaultdict(set)
        self._listening: dict[str, asyncio.Event] = {}
        self._pubsub: PubSub | None = None

    async def run(self) -> None:
        """Listen until cancelled. After any failure everybody is woken, to look for themselves."""
        while True:
            try:
                await self._listen()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.warning("wake-ups are not heard", extra={"error": type(error).__name__})
                await asyncio.sleep(_BACKOFF_S)

    def wake_all(self) -> None:
        """Let everybody look again."""
        for waiters in self._viewers.values():
            for waiter in waiters:
                waiter.woken.set()

    @contextmanager
    def waiting(self, viewer: int) -> Iterator[Waiter]:
        """A request of the viewer's, for as long as it waits."""
        waiter = Waiter(viewer)
        self._viewers[viewer].add(waiter)
        try:
            yield waiter
        finally:
            self.holds(waiter, frozenset())
            self._viewers[viewer].discard(waiter)
            if not self._viewers[viewer]:
                del self._viewers[viewer]

    def holds(self, waiter: Waiter, cards: frozenset[int]) -> None:
        """The withdrawal of any of these cards wakes the waiter."""
        for card in waiter.cards - cards:
            self._holders[card].discard(waiter)
            if not self._holders[card]:
                del self._holders[card]
        for card in cards - waiter.cards:
            self._holders[card].add(waiter)
        waiter.cards = cards

    async def heard(self, viewer: int) -> None:
        """Return when the viewer's channel is listened to, or when that takes too long."""
        channel = keys.changes(viewer)
        listening = self._listening.get(channel)
        if listening is None:
            listening = self._listening[channel] = asyncio.Event()
            await self._say("subscribe", channel)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LISTENING_S):
                await listening.wait()

    async def left(self, viewer: int) -> None:
        """Listen no more to a viewer's channel if nobody waits there."""
        channel = keys.changes(viewer)
        if viewer not in self._viewers and self._listening.pop(channel, None) is not None:
            await self._say("unsubscribe", channel)

    async def _say(self, what: str, channel: str) -> None:
        """A failure is the listener's to find: it subscribes again to all there is."""
        if self._pubsub is not None:
            with suppress(RedisError, OSError, RuntimeError):
                await getattr(self._pubsub, what)(channel)

    async def _listen(self) -> None:
        async with self._redis.pubsub() as pubsub:
            try:
                await pubsub.subscribe(keys.WITHDRAWN, *self._listening)
                self._pubsub = pubsub
                # What came while nobody listened was not heard.
                self.wake_all()
                while True:
                    message = await pubsub.get_message(timeout=_READ_S)
                    if message is not None:
                        self._heard(message)
            finally:
                self._pubsub = None

    def _heard(self, message: dict[str, bytes | str]) -> None:
        channel, kind, data = message["channel"], message["type"], message["data"]
        name = channel.decode() if isinstance(channel, bytes) else channel
        if kind == "subscribe":
            if name in self._listening:
                self._listening[name].set()
        elif kind == "message" and name == keys.WITHDRAWN:
            with suppress(ValueError):
                self._wake(self._holders.get(int(data)))
        elif kind == "message":
            self._wake(self._viewers.get(int(name[len("changes:{") : -1])))

    def _wake(self, waiters: set[Waiter] | None) -> None:
        for waiter in waiters or ():
            waiter.woken.set()
