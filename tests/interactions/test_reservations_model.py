"""Reservations, rewinds and the sweep under failures, retries and interleavings, held to the log.

Redis, Postgres and the matcher are real; the log is a list that fails as it is told to. In the end
Redis must say what the log says, whatever happened on the way.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, cast

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import USER_SWIPES
from features.wire import run
from gravity.auth import Caller
from gravity.bus import AppendFailed, Message, Producer, Record
from gravity.card_tokens import CardTokens
from interactions import matcher
from interactions.commands import command_of
from interactions.domain import Pair, PairState, Swipe, decide_all
from interactions.quotas import Limits, own_day
from interactions.rewinds import NotRewindable, rewind
from interactions.sweeping import sweep
from interactions.swiping import NotRecorded, Sent, Status, Swiping, TooFast
from tests.interactions.worlds import NOW, token

LIMITS = Limits((1, 2, 3), (1, 1, 2))
TOKENS = CardTokens(b"k" * 32)
ZONES = ("", "Asia/Tokyo", "America/Los_Angeles")
SUPERLIKE = events.ACTION_SUPERLIKE
_people = count(500_000_000)


@dataclass
class Log:
    """A log of one partition. `mode`: what becomes of the next append."""

    records: list[Record] = field(default_factory=list)
    mode: str = "ok"
    late: list[Message] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    stuck: asyncio.Event = field(default_factory=asyncio.Event)

    async def append_many(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        mode, self.mode = self.mode, "ok"
        if mode == "held":
            self.stuck.set()
            await self.held.wait()
        if mode == "lost":
            raise AppendFailed("not appended")
        if mode == "late":
            self.late += messages
            raise AppendFailed("appended behind our back")
        self.write(messages)
        if mode == "unheard":
            raise AppendFailed("appended, and nobody heard of it")

    def write(self, messages: Sequence[Message]) -> None:
        for message in messages:
            place = len(self.records)
            self.records.append(Record(USER_SWIPES.name, 0, place, message.key, message.value))


MODES = st.sampled_from(["ok", "ok", "lost", "unheard", "late", "held"])
# Few candidates and client ids: most meet again, with the same swipe or another.
CARDS = st.tuples(
    st.sampled_from([1, 1, 1, 2, 2, 3]), st.integers(1, 3), st.integers(0, 1), st.booleans()
)
SWIPE = st.tuples(
    st.just("swipe"), st.lists(CARDS, min_size=1, max_size=2), MODES, st.sampled_from(ZONES)
)
STEPS = st.one_of(
    SWIPE,
    SWIPE,
    SWIPE,
    st.tuples(st.just("again"), MODES),
    st.tuples(st.just("rewind"), MODES),
    st.tuples(st.just("rewind again"), MODES),
    st.tuples(st.just("sweep"), st.sampled_from(["ok", "lost", "unheard", "late"])),
    st.tuples(st.just("wait"), st.sampled_from([1, 4, 11, 60, 16 * 60])),
    st.tuples(st.sampled_from(["match", "late", "release"])),
)


class World:
    """One person, a log, and what the person was told."""

    def __init__(self, redis: Redis, pool: asyncpg.Pool, tier: int) -> None:
        self.redis, self.pool, self.tier = redis, pool, tier
        self.me = next(_people)
        self.log = Log()
        self.producer = cast("Producer", self.log)
        self.swiping = Swiping(redis, pool, self.producer, TOKENS, LIMITS)
        self.now = NOW
        self.day = -1
        # Client id -> when the youngest token was made that it was sent with.
        self.issued: dict[str, int] = {}
        self.applied = 0
        self.tasks: list[asyncio.Task[None]] = []
        self.batches: list[tuple[Sequence[Sent], str]] = []
        self.rewinds: list[str] = []
        # Client id -> the last final answer; ids whose rewind was answered.
        self.told: dict[str, Status] = {}
        self.taken_back: set[str] = set()
        # Those of a rewind that failed: it may have begun.
        self.undecided: set[str] = set()
        # When each was last asked to be rewound.
        self.asked: dict[str, datetime] = {}
        # Candidate -> tokens up to this time are used, as the person was told.
        self.used: dict[int, int] = {}
        # When swipes were reserved -> the own days to which that may have been charged: one, unless
        # others went on while the request was held.
        self.days: dict[int, set[int]] = {}

    @property
    def now_ms(self) -> int:
        return int(self.now.timestamp() * 1000)

    async def step(self, step: tuple[Any, ...]) -> None:
        await self._pass(timedelta(milliseconds=1))
        match step:
            case ("swipe", cards, mode, zone):
                batch = [self._sent(*card) for card in cards]
                self.batches.append((batch, zone))
                await self._begin(mode, self._swipe(batch, zone, self.now))
            case ("again", mode) if self.batches:
                await self._begin(mode, self._swipe(*self.batches[-1], self.now))
            case ("rewind", mode):
                last = cast("bytes | None", await run(self.redis.hget(f"last:{{{self.me}}}", "id")))
                self.rewinds.append((last or b"none").decode())
                await self._begin(mode, self._rewind(self.rewinds[-1], self.now))
            case ("rewind again", mode) if self.rewinds:
                await self._begin(mode, self._rewind(self.rewinds[-1], self.now))
            case ("sweep", mode):
                self.log.mode = mode
                with suppress(AppendFailed):
                    await sweep(self.redis, self.pool, self.producer, self.now)
                self.log.mode = "ok"
            case ("wait", minutes):
                await self._pass(timedelta(minutes=minutes))
            case ("match",):
                await self._match()
            case ("late",):
                self.log.write(self.log.late)
                self.log.late = []
            case ("release",):
                await self._release()
        before, self.day = self.day, await self._charged_day()
        assert self.day >= before

    async def _pass(self, time: timedelta) -> None:
        later = self.now + time
        if any(own_day(zone, self.now) != own_day(zone, later) for zone in ZONES):
            # A request that lasts over midnight may be charged to either day.
            await self._release()
        self.now = later

    def _sent(self, candidate: int, action: int, copy: int, fresh: bool) -> Sent:
        issued = self.now_ms if fresh else int(NOW.timestamp() * 1000)
        card = token(TOKENS, self.me, candidate, issued)
        client_id = f"{candidate}.{action}.{copy}"
        self.issued[client_id] = max(issued, self.issued.get(client_id, 0))
        return Sent(client_id, candidate, action, card, issued)

    async def _begin(self, mode: str, work: Coroutine[Any, Any, None]) -> None:
        """Run to the end, or until it waits for the log."""
        self.log.mode = mode
        self.log.stuck.clear()
        task, stuck = asyncio.create_task(work), asyncio.create_task(self.log.stuck.wait())
        self.tasks.append(task)
        await asyncio.wait({task, stuck}, return_when=asyncio.FIRST_COMPLETED)
        stuck.cancel()
        self.log.mode = "ok"
        if task.done():
            task.result()

    async def _release(self) -> None:
        self.log.held.set()
        for task in self.tasks:
            await task
        self.tasks, self.log.held = [], asyncio.Event()

    async def _swipe(self, batch: Sequence[Sent], zone: str, now: datetime) -> None:
        used = dict(self.used)
        ms = int(now.timestamp() * 1000)
        self.days[ms] = {max(await self._charged_day(), own_day(zone, now))}
        try:
            statuses = (await self.swiping.take(Caller(self.me, zone), batch, now)).statuses
        except (NotRecorded, TooFast) as error:
            statuses = error.statuses
        except AppendFailed:
            return
        finally:
            self.days[ms].add(await self._charged_day())
        assert Status.TOO_FAST not in statuses
        for sent, status in zip(batch, statuses, strict=True):
            if status is Status.TOKEN_USED:
                assert any(i.startswith(f"{sent.candidate}.") for i in self.asked)
            if status is Status.ACCEPTED:
                # Of a swipe sent more than once the token counts that got the place.
                assert self.issued[sent.client_swipe_id] > used.get(sent.candidate, 0)
            if status in (Status.ACCEPTED, Status.DUPLICATE, Status.REWOUND):
                assert self._in_log(sent)
                self._hear(sent.client_swipe_id, status, now)

    def _hear(self, client_id: str, status: Status, sent_at: datetime) -> None:
        asked = self.asked.get(client_id, NOW)
        if sent_at < asked:
            # Decided before, perhaps, and only heard now.
            return
        if status is Status.ACCEPTED and self.told.get(client_id) is Status.REWOUND:
            # Client ids are forgotten in the end; the token has to be a fresh one then.
            assert sent_at - asked > timedelta(days=2)
        if status is not Status.ACCEPTED:
            self.undecided.discard(client_id)
        self.told[client_id] = status

    async def _rewind(self, client_id: str, now: datetime) -> None:
        before = client_id in self.taken_back
        self.asked[client_id] = now
        try:
            rewound = await rewind(self.redis, self.producer, self.me, client_id, now)
        except NotRewindable:
            assert not before or self.told[client_id] is not Status.REWOUND
            return
        except AppendFailed:
            self.undecided.add(client_id)
            return
        self.undecided.discard(client_id)
        self.taken_back.add(client_id)
        candidate = rewound.candidate
        self.used[candidate] = max(rewound.swiped_ms, self.used.get(candidate, 0))
        self.told[client_id] = Status.REWOUND

    def _commands(self) -> list[events.PairCommand]:
        return [events.PairCommand.FromString(record.value) for record in self.log.records]

    def _in_log(self, sent: Sent) -> bool:
        return any(
            (c.swipe.client_swipe_id, c.target, c.swipe.action)
            == (sent.client_swipe_id, sent.candidate, sent.action)
            for c in self._commands()
        )

    async def _match(self) -> None:
        new = self.log.records[self.applied :]
        async with self.pool.acquire() as conn, conn.transaction():
            await matcher.apply(conn, new)
        self.applied = len(self.log.records)

    async def _charged_day(self) -> int:
        return int(await run(self.redis.hget(f"quota:{{{self.me}}}", "d")) or -1)

    async def settle_everything(self) -> None:
        await self._release()
        self.log.write(self.log.late)
        # Twice: the first may leave to the matcher what the second looks at.
        for _ in range(2):
            self.now += timedelta(hours=1)
            await sweep(self.redis, self.pool, self.producer, self.now)
            await self._match()

    async def check(self) -> None:
        states = decide_all({}, [command_of(record) for record in self.log.records]).states
        standing: dict[int, Swipe] = {}
        for candidate in (1, 2, 3):
            state = states.get(Pair.of(self.me, candidate), PairState())
            own = state.low if self.me < candidate else state.high
            if own.action:
                standing[candidate] = own
        seen = await self.redis.zrange(f"seen:{{{self.me}}}", 0, -1, withscores=True)
        assert {int(c): round(score * 1000) for c, score in seen} == {
            candidate: swipe.at_ms for candidate, swipe in standing.items()
        }
        assert await run(self.redis.hlen(f"reserved:{{{self.me}}}")) == 0
        self._check_answers(standing)
        await self._check_counts(list(standing.values()))

    def _check_answers(self, standing: dict[int, Swipe]) -> None:
        stands = {
            command.swipe.client_swipe_id
            for command in self._commands()
            if (own := standing.get(command.target))
            and (command.swipe.action, command.occurred_at_ms) == (own.action, own.at_ms)
        }
        for client_id, status in self.told.items():
            if client_id not in self.undecided:
                assert (client_id in stands) == (status is not Status.REWOUND), client_id

    async def _check_counts(self, standing: list[Swipe]) -> None:
        charged = [(self.days[swipe.at_ms], swipe.action == SUPERLIKE) for swipe in standing]
        certain = Counter((day, kind) for days, kind in charged for day in days if len(days) == 1)
        possible = Counter((day, kind) for days, kind in charged for day in days)
        for (_, superlike), charges in certain.items():
            limits = LIMITS.superlikes if superlike else LIMITS.swipes
            assert charges <= limits[self.tier - 1]
        counts = await run(self.redis.hmget(f"quota:{{{self.me}}}", ["d", "n", "s"]))
        day, *used = (int(each or 0) for each in counts)
        for superlike, charges in zip((False, True), used, strict=True):
            assert certain[day, superlike] <= charges <= possible[day, superlike]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture],
          deadline=None)  # fmt: skip
@given(tier=st.integers(1, 3), steps=st.lists(STEPS, min_size=4, max_size=30))
async def test_in_the_end_redis_says_what_the_log_says(
    redis: Redis, pairs: asyncpg.Pool, tier: int, steps: list[tuple[Any, ...]]
) -> None:
    world = World(redis, pairs, tier)
    await redis.set(f"tier:{{{world.me}}}", tier)
    for step in steps:
        await world.step(step)
    await world.settle_everything()
    await world.check()
