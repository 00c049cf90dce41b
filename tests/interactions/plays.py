"""A play: what the API writes before it acknowledges, and the matcher's events, which come late, in
any order across topics, and more than once."""

import random
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from itertools import permutations

from redis.asyncio import Redis

from contracts import events_pb2 as events
from features.wire import run
from gravity.bus import Record
from interactions import keys, read_updates
from interactions.commands import message_of
from interactions.domain import Command, Kind, Pair, PairState, decide
from interactions.scripts import run_all
from tests.interactions.reference import START_MS, Reference, command
from tests.interactions.worlds import NOW

Lists = dict[str, dict[int, float]]
SETS = ("seen", "likes", "matches", "blocked")


@dataclass
class Play:
    """One run over an empty Redis. `commands` are those the log got, in its order."""

    redis: Redis
    draw: random.Random
    people: tuple[int, ...]
    commands: list[Command] = field(default_factory=list)
    reference: Reference = field(default_factory=Reference)
    erased: dict[int, int] = field(default_factory=dict)
    _states: dict[Pair, PairState] = field(default_factory=dict)
    _waiting: dict[tuple[str, bytes], deque[Record]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _delivered: list[list[Record]] = field(default_factory=list)

    async def act(self, actor: int, target: int, what: int | Kind) -> None:
        """One request to the API: its writes, then its command."""
        if what is Kind.ERASE:
            await self._erase(actor)
        elif what is Kind.REWIND:
            await self._rewind(actor)
        elif what == UNACKNOWLEDGED:
            await self._give_back(actor, target)
        elif isinstance(what, Kind):
            known = await run(self.redis.hexists(keys.episodes(actor), str(target)))
            if what is Kind.UNMATCH and not known:
                return
            await self._part(actor, target)
            self._append(command(len(self.commands), actor, target, kind=what))
        else:
            await self._swipe(actor, target, what)

    async def deliver(self) -> None:
        """A batch of what waits, of several topics, or one from before once more."""
        if self._delivered and self.draw.random() < 0.3:
            await self._hand_over(self.draw.choice(self._delivered))
            return
        batch: list[Record] = []
        for _ in range(self.draw.randint(1, 4)):
            queues = [queue for queue in self._waiting.values() if queue]
            if queues:
                batch.append(self.draw.choice(queues).popleft())
        if batch:
            self._delivered.append(batch)
            await self._hand_over(batch)

    async def deliver_all(self) -> None:
        """Until nothing waits; then some of it again, by a consumer that slept meanwhile."""
        while any(self._waiting.values()):
            await self.deliver()
        for batch in self.draw.sample(self._delivered, len(self._delivered) // 2):
            await self._hand_over(batch)

    async def _swipe(self, actor: int, target: int, action: int) -> None:
        """A reservation: refused where somebody is seen; later than what was taken back."""
        member = str(target)
        if await run(self.redis.zscore(keys.seen(actor), member)) is not None:
            return
        sent = command(len(self.commands), actor, target, action)
        rewound = int(await run(self.redis.hget(keys.rewound(actor), member)) or 0)
        assert sent.at_ms > rewound
        await self.redis.zadd(keys.seen(actor), {member: sent.at_ms / 1000})
        self._append(sent)

    async def _rewind(self, actor: int) -> None:
        """The last swipe of theirs that stands."""
        newest = await self.redis.zrange(keys.seen(actor), -1, -1, withscores=True)
        if not newest:
            return
        ((member, score),) = newest
        await self._take_back(actor, int(member), round(score * 1000))

    async def _take_back(self, actor: int, target: int, at_ms: int) -> None:
        """The log hears of it before Redis forgets the swipe; events may come in between."""
        swiped = at_ms - START_MS
        self._append(command(len(self.commands), actor, target, kind=Kind.REWIND, swiped=swiped))
        while self.draw.random() < 0.3:
            await self.deliver()
        if await run(self.redis.zscore(keys.seen(actor), str(target))) == at_ms / 1000:
            await self.redis.zrem(keys.seen(actor), str(target))
        before = int(await run(self.redis.hget(keys.rewound(actor), str(target))) or 0)
        if at_ms > before:
            await run(self.redis.hset(keys.rewound(actor), str(target), str(at_ms)))
        if target in self.erased:
            forgetting = [read_updates.forgotten_by(actor, target)]
            await run_all(self.redis, [read_updates.FORGET], forgetting)

    async def _give_back(self, actor: int, target: int) -> None:
        """A swipe whose append failed is given back; its copy may come to the log long after."""
        seen = await run(self.redis.zscore(keys.seen(actor), str(target)))
        if seen is not None:
            return
        lost = command(len(self.commands), actor, target, events.ACTION_LIKE)
        await self.redis.zadd(keys.seen(actor), {str(target): lost.at_ms / 1000})
        # A place in the log of its own, so that no other swipe has its time.
        self._append(command(len(self.commands), target, actor, kind=Kind.REWIND, swiped=-1))
        while self.draw.random() < 0.5:
            await self.deliver()
        await self._take_back(actor, target, lost.at_ms)
        like = self.reference.waiting().get((actor, target))
        if like is not None:
            listing = read_updates.LIKE.call(
                read_updates.like_keys(actor), [target, keys.score(like)]
            )
            await run_all(self.redis, [read_updates.LIKE], [listing])
        if self.draw.random() < 0.5:
            self._append(lost)

    async def _part(self, actor: int, target: int) -> None:
        """A block or an unmatch."""
        for a, b in permutations((actor, target)):
            await run(self.redis.sadd(keys.blocked(a), str(b)))
            await self.redis.zrem(keys.likes(a), str(b))
            await self.redis.zrem(keys.matches(a), str(b))

    async def _erase(self, person: int) -> None:
        """What identity does, then what interactions does on person.erased."""
        if person in self.erased:
            return
        await run(self.redis.sadd(keys.ERASED, str(person)))
        self.erased[person] = len(self.commands)
        pairs = [pair for pair in self._states if person in (pair.low, pair.high)]
        for other in set(self.people) - {person}:
            pair = Pair.of(person, other)
            self._states[pair] = self._states.get(pair, PairState())._replace(erased=True)
            self.reference.erased.add(frozenset((person, other)))
        forgetting = [read_updates.deletion(person, NOW)]
        for pair in pairs:
            forgetting += read_updates.forgetting(pair, frozenset({person}))
        await run_all(self.redis, read_updates.SCRIPTS, forgetting)
        for pair in pairs:
            for a, b in permutations((pair.low, pair.high)):
                self._append(command(len(self.commands), a, b, kind=Kind.ERASE))

    def _append(self, sent: Command) -> None:
        """The log takes it, the matcher decides on it; now and then a second copy comes after."""
        copies = 2 if self.draw.random() < 0.1 and sent.kind in (Kind.SWIPE, Kind.REWIND) else 1
        for _ in range(copies):
            number = len(self.commands)
            one = replace(sent, place=sent.place._replace(offset=number))
            self.commands.append(one)
            self.reference.obey(one)
            state, effects = decide(self._states.get(one.pair, PairState()), one)
            self._states[one.pair] = state
            for message in filter(None, map(message_of, effects)):
                record = Record(message.topic, 0, number, message.key, message.value)
                self._waiting[message.topic, message.key].append(record)

    async def _hand_over(self, batch: list[Record]) -> None:
        handle = read_updates.subscription(self.redis, lambda: NOW).handle
        await handle(None, batch)

    def expected(self) -> Lists:
        """What the reference says that the lists are."""
        out: Lists = {f"{name}:{{{p}}}": {} for name in SETS for p in self.people}
        for (a, b), (_, at) in self.reference.swipes.items():
            out[keys.seen(a)][b] = at / 1000
        for (liked, liker), at in self.reference.waiting().items():
            out[keys.likes(liked)][liker] = at / 1000
        unmatched = {p for p, (_, ended) in self.reference.matches.items() if ended == "unmatch"}
        blocked = unmatched | {frozenset(pair) for pair in self.reference.blocks}
        for name, pairs in (("matches", self.reference.standing), ("blocked", blocked)):
            for a, b in (side for pair in pairs for side in permutations(pair)):
                out[f"{name}:{{{a}}}"][b] = 1.0
        return {key: found for key, found in out.items() if found}


async def lists_of(redis: Redis) -> Lists:
    """The lists as they are; a match and a block without a time."""
    out: Lists = {}
    for key in map(bytes.decode, await redis.keys("*")):
        if key.startswith(("seen:", "likes:", "matches:")):
            timed = not key.startswith("matches:")
            entries = await redis.zrange(key, 0, -1, withscores=True)
            out[key] = {int(member): score if timed else 1.0 for member, score in entries}
        elif key.startswith("blocked:"):
            out[key] = {int(member): 1.0 for member in await run(redis.smembers(key))}
    return out


async def told(redis: Redis, person: int) -> dict[int, list[bytes]]:
    """What the person was told about each other, in order: kinds of changes."""
    out: dict[int, list[bytes]] = defaultdict(list)
    for _, entry in await redis.xrange(keys.changes(person)):
        if b"person" in entry:
            out[int(entry[b"person"])].append(entry[b"kind"])
    return dict(out)


UNACKNOWLEDGED = -1
SWIPES = (events.ACTION_LIKE, events.ACTION_LIKE, events.ACTION_LIKE, events.ACTION_PASS)
