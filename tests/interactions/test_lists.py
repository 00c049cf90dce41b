"""The read side: events in any order, lists in pages, blocks at once, all of it rebuilt."""

import base64
import random
from itertools import permutations

import asyncpg
import numpy as np
import pytest
from redis.asyncio import Redis

from contracts import events_pb2 as events
from features.person_row import HEAD_DTYPE, person_row_key
from features.wire import run
from gravity.bus import Record
from gravity.card_tokens import CardTokens
from gravity.kernel import Kernel
from interactions import matcher, read_updates, withdrawals
from interactions.cursors import CursorInvalid, Cursors
from interactions.lists import Place
from interactions.read_side import fill
from tests.interactions.reference import command
from tests.interactions.worlds import NOW, NOW_MS, add_people, record_of
from tests.signed_client import SignedClient

LIKE, PASS, BLOCK = events.ACTION_LIKE, events.ACTION_PASS, 0
NOW_S = NOW_MS / 1000


async def outbox_of(pool: asyncpg.Pool) -> list[Record]:
    rows = await pool.fetch("select * from outbox order by id")
    return [Record(row["topic"], 0, row["id"], row["key"], row["value"]) for row in rows]


async def apply(pool: asyncpg.Pool, redis: Redis, records: list[Record]) -> None:
    async with pool.acquire() as conn:
        await read_updates.subscription(redis, lambda: NOW).handle(conn, records)


async def decide(pool: asyncpg.Pool, *steps: tuple[int, int, int]) -> None:
    records = [record_of(command(n, *step)) for n, step in enumerate(steps)]
    async with pool.acquire() as conn, conn.transaction():
        await matcher.apply(conn, records)


async def lists(redis: Redis) -> dict[str, dict[bytes, float]]:
    out: dict[str, dict[bytes, float]] = {}
    for key in sorted(await redis.keys("*")):
        name = key.decode()
        if name.split(":")[0] in ("likes", "matches", "seen"):
            out[name] = dict(await redis.zrange(name, 0, -1, withscores=True))
    return out


async def test_events_in_any_order_and_twice_give_the_same_lists(
    pairs: asyncpg.Pool, redis: Redis
) -> None:
    await decide(pairs, (1, 2, LIKE), (2, 1, LIKE), (3, 1, LIKE), (1, 2, BLOCK))
    records = await outbox_of(pairs)
    await run(redis.sadd("blocked:{1}", "2"))
    await run(redis.sadd("blocked:{2}", "1"))
    found = set()
    for order in permutations(records):
        keys = await redis.keys("[lmse]*")
        await redis.delete(*keys, "_")
        # As the API leaves it: everyone swiped is seen before any event.
        await redis.zadd("seen:{2}", {"1": 1})
        await redis.zadd("seen:{1}", {"2": 1})
        await apply(pairs, redis, [*order, random.Random(0).choice(order)])
        found.add(str(await lists(redis)))
    assert len(found) == 1
    (only,) = found
    assert "matches" not in only
    assert "'likes:{1}': {b'3'" in only


async def test_an_end_before_its_beginning_is_an_end(pairs: asyncpg.Pool, redis: Redis) -> None:
    await decide(pairs, (1, 2, LIKE), (2, 1, LIKE), (1, 2, BLOCK))
    begun_and_ended = (await outbox_of(pairs))[-2:]
    await apply(pairs, redis, begun_and_ended[::-1])
    assert await lists(redis) == {}


async def test_fill_gives_what_the_events_gave(pairs: asyncpg.Pool, redis: Redis) -> None:
    draw = random.Random(1)
    steps = [
        (a, b, draw.choice([LIKE, LIKE, PASS]))
        for a in range(1, 9)
        for b in range(1, 9)
        if a != b and draw.random() < 0.6
    ]
    draw.shuffle(steps)
    await decide(pairs, *steps)
    await apply(pairs, redis, await outbox_of(pairs))
    live = await lists(redis)
    await redis.flushall()
    filled = await fill(redis, pairs)
    assert await lists(redis) == live
    assert filled.seen == len(steps)
    await redis.flushall()
    await fill(redis, pairs, [3])
    assert await lists(redis) == {k: v for k, v in live.items() if k.endswith("{3}")}


async def test_fill_undoes_nothing_that_came_after_it_read(
    pairs: asyncpg.Pool, redis: Redis
) -> None:
    await decide(pairs, (2, 1, LIKE), (3, 1, LIKE), (4, 1, LIKE), (1, 4, LIKE), (5, 1, LIKE))
    # Live, and not in Postgres yet: 1 swiped 2, blocked 5, and the match with 4 ended.
    await redis.zadd("seen:{1}", {"2": 1})
    await run(redis.sadd("blocked:{1}", "5"))
    ended = events.MatchEnded(low=1, high=4, episode=1, occurred_at_ms=NOW_MS).SerializeToString()
    await apply(pairs, redis, [Record("match.ended", 0, 0, b"", ended)])
    await fill(redis, pairs)
    after = await lists(redis)
    assert list(after["likes:{1}"]) == [b"3"]
    assert "matches:{1}" not in after
    # Answered in Postgres only, by an import: the like waits no more.
    await decide(pairs, (1, 3, PASS), (1, 4, BLOCK))
    assert (await fill(redis, pairs)).matches == 0
    assert "likes:{1}" not in await lists(redis)


async def test_likes_come_newest_first_with_tokens_that_open(
    api: SignedClient, redis: Redis, tokens: CardTokens, me: int
) -> None:
    likers = [me + n for n in range(1, 8)]
    await redis.set(f"tier:{{{me}}}", events.TIER_PLUS)
    await add_people(redis, *likers[:-1])
    await redis.zadd(f"likes:{{{me}}}", {str(p): 1e9 + p // 2 for p in likers})
    await run(redis.sadd("withdrawn", likers[0]))
    await run(redis.sadd(f"blocked:{{{me}}}", likers[1]))
    seen: list[int] = []
    after = ""
    while True:
        page = (
            await api.get(me, "/v1/likes", size=2, **({"after": after} if after else {}))
        ).json()
        assert page["count"] == 7
        for item in page["items"]:
            claims = tokens.open(item["token"], me, item["id"], NOW_MS)
            assert (claims.policy, claims.propensity) == ("likes_received", None)
            assert item["name"] == f"P{item['id']}"
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == sorted(likers[2:-1], key=lambda p: (p // 2, str(p)), reverse=True)


async def test_hidden_people_are_in_no_likes_but_stay_among_matches(
    api: SignedClient, redis: Redis, me: int
) -> None:
    await add_people(redis, me + 1, me + 2)
    await redis.set(f"tier:{{{me}}}", events.TIER_PLUS)
    row = bytearray(await redis.get(person_row_key(me + 1)) or b"")
    head = np.frombuffer(row[: HEAD_DTYPE.itemsize], HEAD_DTYPE).copy()
    head["visibility"], head["person"]["visible"] = events.VISIBILITY_PAUSED, False
    await redis.set(person_row_key(me + 1), head.tobytes() + row[HEAD_DTYPE.itemsize :])
    for name in ("likes", "matches"):
        await redis.zadd(f"{name}:{{{me}}}", {str(me + n): 1e9 + n for n in (1, 2)})
    likes = (await api.get(me, "/v1/likes")).json()["items"]
    assert [(item["id"] - me, item["simulated"]) for item in likes] == [(2, True)]
    matches = (await api.get(me, "/v1/matches")).json()["items"]
    assert [(item["person"] - me, item["simulated"]) for item in matches] == [(2, True), (1, True)]


async def test_paging_goes_on_when_the_last_entry_has_gone(
    api: SignedClient, redis: Redis, me: int
) -> None:
    await add_people(redis, *(me + n for n in range(1, 5)))
    await redis.zadd(f"matches:{{{me}}}", {str(me + n): 1e9 + n for n in range(1, 5)})
    page = (await api.get(me, "/v1/matches", size=2)).json()
    assert [item["person"] - me for item in page["items"]] == [4, 3]
    await redis.zrem(f"matches:{{{me}}}", me + 3)
    page = (await api.get(me, "/v1/matches", size=2, after=page["next"])).json()
    assert [item["person"] - me for item in page["items"]] == [2, 1]


async def test_a_block_holds_before_it_is_acknowledged(
    api: SignedClient, kernel: Kernel, redis: Redis, me: int
) -> None:
    other = me + 1
    await add_people(redis, me, other)
    for a, b in ((me, other), (other, me)):
        await redis.zadd(f"matches:{{{a}}}", {str(b): 1e9})
        await redis.zadd(f"likes:{{{a}}}", {str(b): 1e9})
    assert (await api.post(me, "/v1/blocks", {"person": other})).status_code == 204
    assert await redis.keys("matches:*") + await redis.keys("likes:*") == []
    assert await run(redis.smembers(f"blocked:{{{me}}}")) == {b"%d" % other}
    assert await run(redis.smembers(f"blocked:{{{other}}}")) == {b"%d" % me}


async def test_nobody_blocks_themselves_or_somebody_unknown(
    api: SignedClient, redis: Redis, me: int
) -> None:
    await add_people(redis, me)
    for person, status, code in ((me, 422, "self_block"), (me + 1, 404, "person_unknown"),
                                 (-1, 422, "invalid_request"), (2**63, 422, "invalid_request")):  # fmt: skip # noqa: E501
        response = await api.post(me, "/v1/blocks", {"person": person})
        assert (response.status_code, response.json()["code"]) == (status, code)
    assert await redis.keys("blocked:*") == []


async def test_foreign_cursors_and_sizes_are_problems(api: SignedClient, me: int) -> None:
    for after in ("x", "AAAA", "bmFufDE", "é", "MXwtMQ", "a" * 200):
        response = await api.get(me, "/v1/likes", after=after)
        assert response.status_code == 422, after
    for size in (0, 101, "x"):
        assert (await api.get(me, "/v1/matches", size=size)).status_code == 422


def test_a_cursor_is_of_one_viewer_and_list_and_tells_nothing() -> None:
    cursors = Cursors(b"k" * 32)
    place = Place("1760016624.378", 2**63 - 1)
    text = cursors.seal(7, "likes", place.pack())
    assert Place.unpack(cursors.open(7, "likes", text)) == place
    # Of one length, so that not even how long an id is can be seen.
    assert len(cursors.seal(7, "likes", Place("1.000", 1).pack())) == len(text)
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert place.pack()[8:] not in raw
    for viewer, of, changed in ((8, "likes", text), (7, "matches", text), (7, "likes", text[:-4])):
        with pytest.raises(CursorInvalid):
            cursors.open(viewer, of, changed)
    with pytest.raises(CursorInvalid):
        Cursors(b"l" * 32).open(7, "likes", text)


async def test_likes_are_blurred_until_one_is_entitled_to_see_them(
    api: SignedClient, redis: Redis, me: int
) -> None:
    photo: dict[str, str | int] = {
        "url": "https://media/secret.jpg",
        "blurhash": "LEHV6n",
        "width": 3,
        "height": 4,
    }
    await add_people(redis, *(me + n for n in range(1, 4)), photos=[photo])
    await redis.zadd(f"likes:{{{me}}}", {str(me + n): NOW_S + 1234.5 for n in range(1, 4)})
    for tier in (None, events.TIER_FREE):
        if tier is not None:
            await redis.set(f"tier:{{{me}}}", tier)
        response = await api.get(me, "/v1/likes", size=2)
        assert response.json()["count"] == 3
        assert response.json()["items"] == 2 * [
            {"blurred": True, "simulated": True, "liked_at": "2026-03-01T12:00:00Z"}
        ]
        for secret in ("secret", "LEHV6n", "token", "P1", str(me)[:-1]):
            assert secret not in response.text
        after = response.json()["next"]
        assert len((await api.get(me, "/v1/likes", after=after)).json()["items"]) == 1
    for tier in (events.TIER_PLUS, events.TIER_GOLD):
        await redis.set(f"tier:{{{me}}}", tier)
        items = (await api.get(me, "/v1/likes")).json()["items"]
        assert [item["id"] - me for item in items] == [3, 2, 1]
        assert {item["blurred"] for item in items} == {False}
        assert all(item["token"] and item["photos"] == [photo] for item in items)


async def test_withdrawals_follow_the_newest_decision_and_erasure_stays(
    pairs: asyncpg.Pool, redis: Redis
) -> None:
    def decided(person: int, decision: int, minutes: int) -> Record:
        event = events.SafetyDecided(
            person=person,
            decision=events.SafetyDecision.ValueType(decision),
            occurred_at_ms=NOW_MS + minutes * 60_000,
        )
        return Record("safety.decided", 0, 0, b"", event.SerializeToString())

    erased = events.PersonErased(person=3, occurred_at_ms=NOW_MS).SerializeToString()
    await decide(pairs, (3, 4, LIKE))
    await redis.zadd("likes:{4}", {"3": 1})
    await redis.zadd("seen:{3}", {"4": 1})
    async with pairs.acquire() as conn:
        await withdrawals.subscription(redis, lambda: NOW).handle(
            conn,
            [
                decided(1, events.SAFETY_DECISION_LIFTED, 2),
                decided(1, events.SAFETY_DECISION_BANNED, 1),
                decided(2, events.SAFETY_DECISION_SHADOW_BANNED, 1),
                Record("person.erased", 0, 0, b"", erased),
                decided(3, events.SAFETY_DECISION_LIFTED, 5),
            ],
        )
    rows = await pairs.fetch("select person, withdrawn from withdrawn_persons order by person")
    assert [tuple(row) for row in rows] == [(1, False), (2, True), (3, True)]
    assert await redis.keys("*") == []
    (sent,) = await pairs.fetch("select value from outbox where topic = 'user.swipes'")
    command_sent = events.PairCommand.FromString(sent["value"])
    assert (command_sent.actor, command_sent.target) == (3, 4)
    assert command_sent.WhichOneof("command") == "erase"
