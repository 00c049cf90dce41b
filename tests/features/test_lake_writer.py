"""Records of the bus reach the lake once, whatever is delivered again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg

from contracts import events_pb2 as events
from contracts.topics import ALL, IMPRESSIONS, PROFILE_CHANGED, SWIPE_RECORDED
from features import lake_writer
from features.lake import read_profiles, read_rows, read_swipes
from features.lake_rows import swipe_rows
from gravity.bus import Message, Producer, Record, create_topics
from gravity.consumer import Subscription, consume
from gravity.postgres import migrate

AT = 1_770_000_000_000


def swipe(n: int) -> events.SwipeRecorded:
    return events.SwipeRecorded(
        event_id=f"e{n}",
        occurred_at_ms=AT + n,
        swiper=1,
        swiped=2 + n,
        action=events.ACTION_LIKE,
        impression=events.Impression(
            deck_id="d", position=n, release="7", policy="ranker", propensity=0.5
        ),
        source=events.Source(partition=1, offset=n),
    )


def deck(viewer: int = 1, at_ms: int = AT) -> events.DeckServed:
    return events.DeckServed(
        event_id="x", occurred_at_ms=at_ms, deck_id="d", viewer=viewer, release="",
        policy="fallback",
        cards=[events.ServedCard(candidate=5, position=0)], retrieved=[5, 6], scores=b"\1\2\3\4",
        feature_names=["a"], features=b"\0\0\0\0", seed=2**63,
    )  # fmt: skip


async def test_writes_by_age_then_moves_the_position(
    bus_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    await migrate(pool, "gravity")
    await create_topics(bus_url, ALL)
    subscription = _of(lake_writer.subscriptions(str(tmp_path), flush_s=0.2), SWIPE_RECORDED.name)
    producer = Producer.open(bus_url)
    stop = asyncio.Event()
    running = asyncio.create_task(consume(subscription, pool, bus_url, stop))
    messages = [
        Message(SWIPE_RECORDED.name, f"1:{n}".encode(), swipe(n).SerializeToString())
        for n in range(40)
    ]
    await producer.append_many([*messages, *messages[:10]])
    await eventually(lambda: _position(pool, subscription.name), 50)
    rows = read_swipes(tmp_path)
    stop.set()
    await running
    await producer.close()
    assert rows.num_rows == 40
    assert set(rows["event_id"].to_pylist()) == {f"e{n}" for n in range(40)}
    assert set(rows["propensity"].to_pylist()) == {0.5}


def test_a_batch_again_with_other_bounds_changes_nothing(tmp_path: Path) -> None:
    records = [
        Record(SWIPE_RECORDED.name, 0, n, b"", swipe(n).SerializeToString()) for n in range(9)
    ]
    tables = {"swipes": swipe_rows}
    for batch in (records[:5], records[:5], records[2:7], records[5:]):
        lake_writer.write(str(tmp_path), tables, batch)
    found = read_swipes(tmp_path)
    assert found.num_rows == 9
    assert set(found["source_offset"].to_pylist()) == set(range(9))


async def test_a_deck_becomes_a_row_and_its_cards_become_rows(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    subscription = _of(lake_writer.subscriptions(str(tmp_path)), IMPRESSIONS.name)
    record = Record(IMPRESSIONS.name, 0, 0, b"1", deck().SerializeToString())
    async with pool.acquire() as conn:
        await subscription.handle(conn, [record])
    cards = read_rows(tmp_path, "impressions").to_pylist()
    decks = read_rows(tmp_path, "decks").to_pylist()
    assert [(c["deck_id"], c["candidate"], c["propensity"], c["release"]) for c in cards] == [
        ("d", 5, None, None)
    ]
    assert [(d["retrieved"], d["scores"], d["seed"]) for d in decks] == [
        ([5, 6], b"\1\2\3\4", 2**63)
    ]


async def test_decks_under_one_id_of_a_client_are_kept_apart_and_each_once(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    subscription = _of(lake_writer.subscriptions(str(tmp_path)), IMPRESSIONS.name)
    served = [deck(), deck(viewer=2), deck(at_ms=AT + 1)]
    records = [
        Record(IMPRESSIONS.name, 0, n, b"1", each.SerializeToString())
        for n, each in enumerate([*served, *served])
    ]
    async with pool.acquire() as conn:
        await subscription.handle(conn, records[:4])
        await subscription.handle(conn, records[2:])
    for table in ("impressions", "decks"):
        assert read_rows(tmp_path, table).num_rows == 3


async def test_profile_changes_become_versions(pool: asyncpg.Pool, tmp_path: Path) -> None:
    subscription = _of(lake_writer.subscriptions(str(tmp_path)), PROFILE_CHANGED.name)
    records = [_changed(version, height) for version, height in ((1, "tall"), (2, "170"))]
    async with pool.acquire() as conn:
        await subscription.handle(conn, records)
    (row,) = read_profiles(tmp_path).to_pylist()
    assert (row["version"], row["height_cm"], row["seeks"]) == (2, 170.0, [1, 3])
    url = "https://x/1"
    assert row["photos"] == [{"url": url, "blurhash": "L", "width": 3, "height": 4}]
    # Services of before the dial say nothing of it.
    assert row["exposure"] == 1.0
    async with pool.acquire() as conn:
        await subscription.handle(conn, [_changed(3, "170", exposure=0.5)])
    assert read_profiles(tmp_path)["exposure"].to_pylist() == [0.5]


def _changed(version: int, height: str, exposure: float | None = None) -> Record:
    seeks = [events.GENDER_MAN, events.GENDER_NONBINARY]
    event = events.ProfileChanged(
        person=1,
        version=version,
        occurred_at_ms=AT,
        name="Ann",
        gender=events.GENDER_WOMAN,
        attributes={"height_cm": height},
        photos=[events.Photo(url="https://x/1", blurhash="L", width=3, height=4)],
        preferences=events.Preferences(seeks=seeks, age_min=20, age_max=30, exposure=exposure),
    )
    return Record(PROFILE_CHANGED.name, 0, version, b"1", event.SerializeToString())


async def eventually(value: Callable[[], Awaitable[int]], expected: int) -> None:
    async with asyncio.timeout(60):
        while await value() < expected:  # noqa: ASYNC110  (what is awaited is in the database)
            await asyncio.sleep(0.05)


async def _position(pool: asyncpg.Pool, consumer: str) -> int:
    found = await pool.fetchval(
        "select coalesce(sum(next_offset), 0) from positions where consumer = $1", consumer
    )
    return int(found)


def _of(subscriptions: list[Subscription], topic: str) -> Subscription:
    return next(s for s in subscriptions if s.topics[0].name == topic)
