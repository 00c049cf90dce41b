"""Erasing a person: through outbox, matcher and read side, until nothing of them is left."""

from datetime import timedelta

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import USER_SWIPES
from features.wire import run
from gravity.bus import Record
from interactions import keys, matcher, read_updates, withdrawals
from interactions.domain import Kind
from tests.interactions.plays import lists_of
from tests.interactions.reference import command
from tests.interactions.test_read_side import mentions
from tests.interactions.worlds import NOW, NOW_MS, record_of

LIKE, PASS = events.ACTION_LIKE, events.ACTION_PASS
GONE, MATCHED, LIKER, LIKED, PASSED, BLOCKER, OTHER = 100, 201, 202, 203, 204, 205, 206


class Relay:
    """Hands the outbox's events to whom they are for, in order, and user.swipes to the matcher."""

    def __init__(self, pool: asyncpg.Pool, redis: Redis) -> None:
        self._pool = pool
        self._redis = redis
        self.told: list[Record] = []

    async def run(self, apply: bool = True) -> None:
        """Until the outbox is empty; `apply`: to the read side too."""
        while rows := await self._pool.fetch("delete from outbox returning *"):
            rows = sorted(rows, key=lambda row: row["id"])
            records = [Record(r["topic"], 0, r["id"], r["key"], r["value"]) for r in rows]
            swipes = [r for r in records if r.topic == USER_SWIPES.name]
            async with self._pool.acquire() as conn, conn.transaction():
                await matcher.apply(conn, swipes)
            others = [r for r in records if r.topic != USER_SWIPES.name]
            self.told += others
            if apply:
                await self.deliver(others)

    async def deliver(self, records: list[Record]) -> None:
        await read_updates.subscription(self._redis, lambda: NOW).handle(None, records)

    async def decide(self, *steps: tuple[int, int, int | Kind]) -> None:
        """Commands of the API."""
        records = []
        for n, (actor, target, what) in enumerate(steps):
            kind = what if isinstance(what, Kind) else None
            action = 0 if isinstance(what, Kind) else what
            records.append(record_of(command(n, actor, target, action, kind)))
        async with self._pool.acquire() as conn, conn.transaction():
            await matcher.apply(conn, records)

    async def erase(self, person: int) -> None:
        """What identity does, and person.erased as the consumer gets it."""
        await run(self._redis.sadd(keys.ERASED, str(person)))
        event = events.PersonErased(person=person, occurred_at_ms=NOW_MS)
        record = Record("person.erased", 0, 0, b"", event.SerializeToString())
        async with self._pool.acquire() as conn, conn.transaction():
            await withdrawals.subscription(self._redis, lambda: NOW).handle(conn, [record])


async def world(relay: Relay) -> None:
    """Everything that can be between two people, between one person and others."""
    await relay.decide(
        (GONE, MATCHED, LIKE), (MATCHED, GONE, LIKE), (LIKER, GONE, LIKE), (GONE, LIKED, LIKE),
        (PASSED, GONE, PASS), (BLOCKER, GONE, Kind.BLOCK), (MATCHED, OTHER, LIKE),
    )  # fmt: skip


def taken_back(told: list[Record]) -> set[tuple[int, int]]:
    """The swipes that the events say do not count any more."""
    swipes = [events.SwipeRecorded.FromString(r.value) for r in told if r.topic == "swipe.recorded"]
    return {(e.swiper, e.swiped) for e in swipes if e.taken_back}


async def rows_of(pool: asyncpg.Pool, person: int) -> int:
    return int(
        await pool.fetchval(
            """select (select count(*) from swipes where $1 in (swiper, swiped))
            + (select count(*) from matches where $1 in (low, high))
            + (select count(*) from match_members where $1 in (person, other))
            + (select count(*) from blocks where $1 in (blocker, blocked))""",
            person,
        )
    )


async def test_nothing_of_an_erased_person_is_left_when_all_has_settled(
    pairs: asyncpg.Pool, redis: Redis
) -> None:
    relay = Relay(pairs, redis)
    await world(relay)
    await relay.run()
    before = list(relay.told)
    await run(redis.sadd(keys.blocked(BLOCKER), str(GONE)))
    await redis.zadd(keys.shown(OTHER), {str(GONE): NOW_MS + 1e9})
    for key in (keys.quota(GONE), keys.client_ids(GONE, NOW - timedelta(days=1))[-1]):
        await run(redis.hset(key, "n", "3"))
    await run(redis.hset(keys.last(LIKER), "candidate", str(GONE)))
    await run(redis.hset(keys.used(LIKER), str(GONE), "1"))
    assert len(await mentions(redis, GONE)) > 10

    await relay.erase(GONE)
    # The lists of all are right before any of the commands has been decided.
    assert await mentions(redis, GONE) == [keys.shown(OTHER)]
    await relay.run()
    assert await rows_of(pairs, GONE) == 0
    # Of every swipe that counted, the features learn that it does not any more.
    assert taken_back(relay.told[len(before) :]) == {
        (GONE, MATCHED), (GONE, LIKED), (MATCHED, GONE), (LIKER, GONE), (PASSED, GONE),
    }  # fmt: skip
    # Events from before that come again, from a consumer that slept, leave nothing.
    await relay.deliver(before)
    assert await mentions(redis, GONE) == [keys.shown(OTHER)]
    assert await lists_of(redis) == {
        keys.seen(MATCHED): {OTHER: await redis.zscore(keys.seen(MATCHED), OTHER)},
        keys.likes(OTHER): {MATCHED: await redis.zscore(keys.likes(OTHER), MATCHED)},
    }


async def test_commands_that_come_after_an_erasure_leave_nothing(
    pairs: asyncpg.Pool, redis: Redis
) -> None:
    relay = Relay(pairs, redis)
    await world(relay)
    await relay.run()
    await relay.erase(GONE)
    # Tokens are still about: the API has written before it acknowledged.
    await redis.zadd(keys.seen(OTHER), {str(GONE): NOW_MS / 1000})
    await redis.zadd(keys.seen(GONE), {str(OTHER): NOW_MS / 1000})
    await run(redis.sadd(keys.blocked(LIKED), str(GONE)))
    # A copy of a swipe that is to be undone comes before its undoing.
    await relay.decide((OTHER, GONE, LIKE), (GONE, OTHER, LIKE), (LIKED, GONE, Kind.BLOCK),
                       (LIKER, GONE, LIKE))  # fmt: skip
    await relay.run()
    assert await rows_of(pairs, GONE) == 0
    assert await mentions(redis, GONE) == []
    undone = taken_back(relay.told)
    assert (LIKER, GONE) in undone
    assert (OTHER, GONE) not in undone


async def test_whoever_was_told_of_a_match_is_told_to_fetch_again(
    pairs: asyncpg.Pool, redis: Redis
) -> None:
    relay = Relay(pairs, redis)
    await world(relay)
    await relay.run()
    await relay.erase(GONE)
    (entry,) = await redis.xrange(keys.changes(MATCHED))
    assert entry[1] == {b"kind": b"reset"}
    assert not await redis.exists(keys.changes(LIKER))


async def test_a_person_of_many_pairs_is_erased_in_chunks(
    pairs: asyncpg.Pool, redis: Redis
) -> None:
    await pairs.execute(
        """insert into swipes select 100, n, 1, now() from generate_series(1000, 6999) n;
        insert into swipes select n, 100, 1, now() from generate_series(5000, 12999) n"""
    )
    relay = Relay(pairs, redis)
    await relay.erase(GONE)
    found = await pairs.fetch("select key, value from outbox")
    assert len(found) == 14_000
    assert len({events.PairCommand.FromString(row["value"]).event_id for row in found}) == 14_000
    await relay.run()
    assert await rows_of(pairs, GONE) == 0


async def test_a_lift_brings_the_likes_of_the_ban_and_those_only(
    pairs: asyncpg.Pool, redis: Redis
) -> None:
    def decided(decision: int, minute: int) -> Record:
        event = events.SafetyDecided(
            person=GONE,
            decision=events.SafetyDecision.ValueType(decision),
            occurred_at_ms=NOW_MS + minute,
        )
        return Record("safety.decided", 0, 0, b"", event.SerializeToString())

    async def hear(record: Record) -> None:
        async with pairs.acquire() as conn, conn.transaction():
            await withdrawals.subscription(redis, lambda: NOW).handle(conn, [record])

    relay = Relay(pairs, redis)
    await hear(decided(events.SAFETY_DECISION_SHADOW_BANNED, 0))
    await relay.decide((GONE, LIKED, LIKE), (LIKER, GONE, LIKE), (LIKER, OTHER, LIKE))
    await relay.run(apply=False)
    assert await lists_of(redis) == {}
    await hear(decided(events.SAFETY_DECISION_LIFTED, 1))
    assert {key: set(found) for key, found in (await lists_of(redis)).items()} == {
        keys.likes(LIKED): {GONE},
        keys.likes(GONE): {LIKER},
    }
