"""A Redis Cluster: commands of many keys go to the nodes that hold them, to all at the same time.

redis-py's own cluster client sends command by command, and its pipeline builds an object of each.
Here every node has a plain client, so that `features.wire` serves it, and only keys are sorted by
nodes: by the map of slots that the cluster gave, corrected whenever a node answers MOVED.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final, Self, TypeVar, cast
from urllib.parse import unquote, urlsplit

import numpy as np
import numpy.typing as npt
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AskError, MovedError, RedisError
from redis.exceptions import ConnectionError as ConnectionFailure

from features.resting import Resting
from features.slots import SLOTS, slots_of
from features.wire import packed, replies_to, round_trip
from gravity.redis_client import cancellable

Ints = npt.NDArray[np.int64]
Address = tuple[str, int]
_SCHEMES: Final = {"redis+cluster": False, "rediss+cluster": True}
_ATTEMPTS: Final = 5
_ASKING: Final = packed(b"ASKING")
_MAP: Final = packed(b"CLUSTER", b"SLOTS")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part:
    """Of n keys those that one node holds: `at` (m,), in their order."""

    node: Redis
    at: Ints


@dataclass(frozen=True, slots=True)
class Access:
    """How every node lets us in."""

    username: str | None = None
    password: str | None = None
    tls: bool = False
    timeout_s: float | None = 10.0


class Cluster:
    """A Redis Cluster by the addresses of some of its nodes. `aclose` it."""

    def __init__(self, seeds: Sequence[Address], access: Access | None = None) -> None:
        self._seeds = tuple(seeds)
        self._access = access or Access()
        self._clients: dict[Address, Redis] = {}
        self._holders: list[Redis] = []
        # For each slot the place in `_holders`; -1 where nobody holds it.
        self._holder = np.full(SLOTS, -1, np.int64)
        self._known = False
        self._learning = asyncio.Lock()
        self._resting = Resting(self._access.timeout_s)

    @classmethod
    def from_url(cls, url: str, timeout_s: float = 10.0) -> Self:
        """`redis+cluster://[user:password@]host:port,host:port`; rediss+cluster:// with TLS.

        Raises ValueError.
        """
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES:
            raise ValueError(f"{parts.scheme}:// is no cluster")
        login, _, hosts = parts.netloc.rpartition("@")
        username, _, password = login.partition(":")
        names = (unquote(username) or None, unquote(password) or None)
        seeds = [host.rpartition(":") for host in hosts.split(",")]
        access = Access(*names, _SCHEMES[parts.scheme], timeout_s)
        return cls([(host, int(port)) for host, _, port in seeds], access)

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.aclose()

    async def parts(self, keys: Sequence[bytes]) -> list[Part]:
        """Keys (n,) of one length by the nodes that hold them. Raises redis-py's
        ConnectionError where nobody holds one of them."""
        if not self._known:
            await self._learn()
        holder = self._holder[slots_of(keys)]
        if len(holder) and holder.min() < 0:
            self._known = False
            raise ConnectionFailure("no node of the cluster holds a key's slot")
        return [Part(self._holders[n], np.flatnonzero(holder == n)) for n in np.unique(holder)]

    async def nodes(self) -> Sequence[Redis]:
        """The clients of all nodes that hold slots."""
        if not self._known:
            await self._learn()
        return tuple(self._holders)

    def forget_map(self) -> None:
        """The map of slots is out of date: ask for it before it is next used."""
        self._known = False

    async def ask_each(
        self, keys: Sequence[bytes], commands: Sequence[bytes], each: int
    ) -> list[object]:
        """Replies (n × each) in the order of the keys, errors among them. `commands` (n,): packed
        command of each key, or a MULTI … EXEC of `each` commands.

        Whoever is sent to another node follows. Raises redis-py's ConnectionError or TimeoutError;
        then some may have been done and others not.
        """
        answers: list[list[object]] = [[]] * len(keys)
        waiting = [_Errand(part.node, part.at.tolist()) for part in await self.parts(keys)]
        for _ in range(_ATTEMPTS):
            done = await self.together([self._run(e, commands, each, answers) for e in waiting])
            sent_on = list(chain.from_iterable(done))
            if not sent_on:
                return list(chain.from_iterable(answers))
            waiting = await self._errands(sent_on, keys)
        raise ConnectionFailure(f"{len(sent_on)} keys were sent on {_ATTEMPTS} times")

    async def ask_node(self, node: Redis, trip: Callable[[], Awaitable[T]]) -> T:
        """What comes of a round trip to a node. One that did not answer a moment ago is not asked:
        a ConnectionError at once, as everybody would wait otherwise."""
        return await self._resting.ask(node, trip)

    async def together(self, asked: Sequence[Coroutine[object, object, T]]) -> list[T]:
        """What comes of round trips to several nodes; all have ended when one of them raises."""
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                # It may be gone for good, and another have taken its place.
                self.forget_map()
                raise outcome
        return cast("list[T]", outcomes)

    async def _run(
        self, errand: "_Errand", commands: Sequence[bytes], each: int, answers: list[list[object]]
    ) -> "list[_SentOn]":
        """Fill in the answers of one node; who has to go elsewhere."""
        before = _ASKING if errand.asking else b""
        together = b"".join([before + commands[at] for at in errand.at])
        step = each + errand.asking
        replies = await self.ask_node(
            errand.node, lambda: replies_to(errand.node, together, step * len(errand.at))
        )
        sent_on: list[_SentOn] = []
        for number, at in enumerate(errand.at):
            answers[at] = replies[(number + 1) * step - each : (number + 1) * step]
            # MovedError is an AskError.
            found = next((r for r in answers[at] if isinstance(r, AskError)), None)
            if found is not None:
                sent_on.append(_SentOn(at, found))
        return sent_on

    async def _errands(
        self, sent_on: "Sequence[_SentOn]", keys: Sequence[bytes]
    ) -> "list[_Errand]":
        moved = [each.at for each in sent_on if isinstance(each.error, MovedError)]
        if moved:
            self.forget_map()
        errands = [
            _Errand(part.node, [moved[n] for n in part.at.tolist()])
            for part in (await self.parts([keys[at] for at in moved]) if moved else [])
        ]
        asking: dict[Address, list[int]] = {}
        for each in sent_on:
            if not isinstance(each.error, MovedError):
                asking.setdefault((each.error.host, each.error.port), []).append(each.at)
        return errands + [_Errand(self._client(a), at, asking=True) for a, at in asking.items()]

    def _client(self, address: Address) -> Redis:
        if address not in self._clients:
            access = self._access
            self._clients[address] = cancellable(
                Redis(
                    host=address[0],
                    port=address[1],
                    username=access.username,
                    password=access.password,
                    ssl=access.tls,
                    socket_timeout=access.timeout_s,
                    socket_connect_timeout=access.timeout_s,
                    # Not again and again, as is the default: another node may have taken over.
                    retry=Retry(NoBackoff(), 0),
                )
            )
        return self._clients[address]

    async def _learn(self) -> None:
        """Ask for the map of slots, whoever answers first of those who are known."""
        async with self._learning:
            if self._known:
                return
            failed: RedisError | None = None
            for address in (*self._clients, *self._seeds):
                client = self._client(address)
                try:
                    (ranges,) = await self.ask_node(client, partial(round_trip, client, _MAP, 1))
                except RedisError as error:
                    failed = error
                    continue
                self._draw(cast("list[list[object]]", ranges), address)
                return
            raise ConnectionFailure(f"no node of the cluster answers: {failed!r}") from failed

    def _draw(self, ranges: Sequence[Sequence[object]], teller: Address) -> None:
        holder = np.full(SLOTS, -1, np.int64)
        holders: list[Redis] = []
        for first, last, primary, *_ in ranges:
            host, port = cast("list[bytes | int | None]", primary)[:2]
            assert isinstance(first, int)
            assert isinstance(last, int)
            assert isinstance(port, int)
            # A node that does not know its own name leaves it out.
            name = host.decode() if isinstance(host, bytes) and host else teller[0]
            client = self._client((name, port))
            if client not in holders:
                holders.append(client)
            holder[first : last + 1] = holders.index(client)
        self._holder, self._holders, self._known = holder, holders, True


@dataclass(frozen=True, slots=True)
class _Errand:
    """Keys `at` (m,) to be asked for at a node; `asking`: which is only about to hold them."""

    node: Redis
    at: Sequence[int]
    asking: bool = False


@dataclass(frozen=True, slots=True)
class _SentOn:
    """A key that another node has, and what the first one said."""

    at: int
    error: AskError
