"""Changes from the bus reach the overlay, and no record keeps those behind it away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import ALL, PROFILE_CHANGED, SAFETY_DECIDED, person_key
from features.eligibility import person_table
from features.news import CHANGED, tell_changed, tell_standing
from features.person_row import (
    VISIBLE,
    PersonTail,
    encode_head,
    encode_tail,
    person_row_key,
)
from features.release import Release
from features.wire import round_trip, run
from gravity.bus import Message, Producer, Record, create_topics
from gravity.settings import Settings
from serving.changes import follow, positions_of
from serving.live import Live
from serving.overlay import Overlay
from tests.serving.worlds import TODAY, world, write_world


def profile(person: int, **changes: object) -> Message:
    """Somebody at a place; `changes` over fields of the event."""
    event = events.ProfileChanged(
        event_id=f"of {person}",
        person=person,
        version=1,
        birth_day=TODAY - 31 * 365,
        gender=events.GENDER_WOMAN,
        preferences=events.Preferences(
            seeks=[events.GENDER_MAN], age_min=18, age_max=99, max_distance_km=50.0
        ),
        location=events.Location(latitude=37.0, longitude=-122.0),
        visibility=events.VISIBILITY_VISIBLE,
    )
    event.MergeFrom(events.ProfileChanged(**changes))  # type: ignore[arg-type]
    return Message(PROFILE_CHANGED.name, person_key(person), event.SerializeToString())


async def test_records_that_make_no_sense_do_not_keep_the_later_ones_away(
    settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    await create_topics(settings.bus_url, ALL)
    overlay = Overlay(opened(tmp_path))
    strange = [
        profile(901, gender=200),
        profile(902, preferences=events.Preferences(seeks=[77])),  # type: ignore[list-item]
        profile(903, preferences=events.Preferences(seeks=[-1])),  # type: ignore[list-item]
        profile(904, location=events.Location(latitude=400.0)),
        Message(PROFILE_CHANGED.name, person_key(905), b"\xff\xff"),
    ]
    await append(settings, *strange, profile(906))
    assert await followed(settings, redis, overlay, lambda: TODAY) == [906]


async def test_an_error_of_any_kind_is_no_end_of_following(
    settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    await create_topics(settings.bus_url, ALL)
    overlay = Overlay(opened(tmp_path))
    await append(settings, profile(906))
    days = iter([None, *[TODAY] * 100])

    def today() -> int:
        """The first time it fails."""
        day = next(days)
        if day is None:
            raise RuntimeError("no clock")
        return day

    assert await followed(settings, redis, overlay, today) == [906]


async def test_what_is_told_is_there_before_it_comes_by_the_bus(
    settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    await create_topics(settings.bus_url, ALL)
    overlay = Overlay(opened(tmp_path))
    async with following(settings, redis, overlay):
        await say(redis, tell_changed(b"of another format"), tell_changed(row_of(907, version=3)))
        await until(lambda: visible(overlay) == [907])
        # The bus tells what was true before, and the same again.
        await append(settings, profile(907, version=2, visibility=events.VISIBILITY_HIDDEN))
        await append(settings, profile(907, version=3), profile(908))
        await until(lambda: visible(overlay) == [907, 908])


async def test_what_a_newcomer_says_is_there_with_the_news_and_with_the_bus(
    settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    await create_topics(settings.bus_url, ALL)
    overlay = Overlay(opened(tmp_path))
    said = {"body_type": "thin", "diet": "vegan"}
    async with following(settings, redis, overlay):
        row = row_of(907)[:-2] + encode_tail(PersonTail("Somebody", said, (), True))
        await run(redis.set(person_row_key(907), row))
        # Of 908 only the head has come.
        await say(redis, tell_changed(row), tell_changed(row_of(908)))
        await until(lambda: visible(overlay) == [907, 908])
        vectors = dict(zip(visible(overlay), overlay.current().vectors, strict=True))
        assert not np.array_equal(vectors[907], vectors[908])
        await append(settings, profile(909, attributes=said))
        await until(lambda: visible(overlay) == [907, 908, 909])
        assert len(overlay.newcomers) == 3


async def test_none_of_many_news_at_once_is_lost(
    settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    await create_topics(settings.bus_url, ALL)
    overlay = Overlay(opened(tmp_path))
    many = range(1_000, 1_350)
    async with following(settings, redis, overlay):
        await say(redis, *(tell_changed(row_of(person)) for person in many))
        await until(lambda: visible(overlay) == list(many))


async def test_news_that_make_no_sense_do_not_keep_the_later_ones_away(
    settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    await create_topics(settings.bus_url, ALL)
    overlay = Overlay(opened(tmp_path))
    async with following(settings, redis, overlay):
        await say(redis, tell_changed(row_of(907, gender=200)), tell_standing(b"nobody"))
        await say(redis, tell_changed(row_of(908)))
        # What came along with it may have to wait for the bus.
        await append(settings, profile(908))
        await until(lambda: visible(overlay) == [908])


async def test_a_standing_is_what_the_set_says_when_it_is_told(
    settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    await create_topics(settings.bus_url, ALL)
    overlay = Overlay(opened(tmp_path))
    overlay.put(person(907), 1, TODAY)
    async with following(settings, redis, overlay):
        await run(redis.sadd("withdrawn", 907))
        await say(redis, tell_standing(b"907"))
        await until(lambda: visible(overlay) == [])
        await run(redis.srem("withdrawn", 907))
        await say(redis, tell_standing(b"907"))
        await until(lambda: visible(overlay) == [907])


async def test_an_older_lift_undoes_no_newer_ban(redis: Redis, tmp_path: Path) -> None:
    live = Live("1", Overlay(opened(tmp_path)), lambda: TODAY, redis)
    await live.apply([record(1, profile(907)), record(2, profile(908))])
    banned, lifted = events.SAFETY_DECISION_BANNED, events.SAFETY_DECISION_LIFTED
    # News have told of a ban that the bus brings later.
    await run(redis.sadd("withdrawn", 907))
    await live.stand([907])
    await live.apply([record(3, decided(907, lifted)), record(4, decided(908, banned))])
    assert visible(live.overlay) == []
    # One that the set does not know yet holds, in one batch with the lift before it too.
    await live.apply([record(5, decided(908, lifted)), record(6, decided(908, banned))])
    assert visible(live.overlay) == []
    await run(redis.srem("withdrawn", 907))
    await live.apply([record(7, decided(n, lifted)) for n in (907, 908)])
    assert visible(live.overlay) == [907, 908]


async def test_thousands_of_changes_at_once_let_others_work_in_between(
    redis: Redis, tmp_path: Path
) -> None:
    live = Live("1", Overlay(opened(tmp_path)), lambda: TODAY, redis)
    changes = [record(n, profile(1000 + n)) for n in range(5_000)]
    seen: set[int] = set()

    async def others() -> None:
        """A deck now and then sees whole batches, each once it is applied."""
        while True:
            seen.add(len(live.overlay))
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    await live.apply(changes)
    beside.cancel()
    assert len(visible(live.overlay)) == 5_000
    assert len(seen) >= 49


async def test_one_of_a_thousand_that_makes_no_sense_costs_only_itself(
    redis: Redis, tmp_path: Path
) -> None:
    live = Live("1", Overlay(opened(tmp_path)), lambda: TODAY, redis)
    changes = [record(n, profile(1000 + n)) for n in range(1_000)]
    changes[500] = record(500, profile(1500, gender=200))
    await live.apply(changes)
    assert visible(live.overlay) == [n for n in range(1000, 2000) if n != 1500]


async def test_caught_up_is_told_while_changes_keep_coming(
    settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    await create_topics(settings.bus_url, ALL)
    overlay = Overlay(opened(tmp_path))
    await append(settings, *(profile(1000 + n) for n in range(1_000)))
    caught_up = asyncio.Event()

    async def busy() -> None:
        for n in range(10_000):
            await append(settings, profile(5000 + n))

    beside = asyncio.create_task(busy())
    async with following(settings, redis, overlay, caught_up):
        async with asyncio.timeout(20):
            await caught_up.wait()
        assert set(range(1000, 2000)) <= set(visible(overlay))
    beside.cancel()
    await asyncio.wait([beside])


async def test_caught_up_is_told_when_every_partition_is_read(
    settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    await create_topics(settings.bus_url, ALL)
    # Of both partitions, in many appends: more than comes with the first answers of the bus.
    for start in range(1000, 5000, 50):
        await append(settings, *(profile(person) for person in range(start, start + 50)))
    overlay, caught_up = Overlay(opened(tmp_path)), asyncio.Event()
    async with following(settings, redis, overlay, caught_up):
        async with asyncio.timeout(20):
            await caught_up.wait()
        assert visible(overlay) == list(range(1000, 5000))


async def test_a_bus_that_is_away_keeps_nobody_waiting(
    settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    nobody = settings.model_copy(update={"bus_url": "tansu://127.0.0.1:1"})
    caught_up = asyncio.Event()
    async with following(nobody, redis, Overlay(opened(tmp_path)), caught_up):
        async with asyncio.timeout(20):
            await caught_up.wait()


async def followed(
    settings: Settings, redis: Redis, overlay: Overlay, today: Callable[[], int]
) -> list[int]:
    """Who is visible in the overlay once there is somebody."""
    async with following(settings, redis, overlay, today=today) as task:
        await until(lambda: bool(visible(overlay)))
        assert not task.done()
        return visible(overlay)


@asynccontextmanager
async def following(
    settings: Settings,
    redis: Redis,
    overlay: Overlay,
    caught_up: asyncio.Event | None = None,
    today: Callable[[], int] = lambda: TODAY,
) -> AsyncIterator["asyncio.Task[None]"]:
    start = positions_of({}, settings.bus_url)
    live = Live("1", overlay, today, redis)
    task = asyncio.create_task(follow(live, settings.bus_url, start, caught_up or asyncio.Event()))
    try:
        async with asyncio.timeout(20):
            while not (await redis.pubsub_numsub(CHANGED))[0][1]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def append(settings: Settings, *messages: Message) -> None:
    producer = Producer.open(settings.bus_url)
    try:
        await producer.append_many(messages)
    finally:
        await producer.close()


async def say(redis: Redis, *commands: bytes) -> None:
    await round_trip(redis, b"".join(commands), len(commands))


def record(offset: int, message: Message) -> Record:
    return Record(message.topic, 0, offset, message.key, message.value)


def decided(person: int, decision: events.SafetyDecision.ValueType) -> Message:
    event = events.SafetyDecided(event_id="decided", person=person, decision=decision)
    return Message(SAFETY_DECIDED.name, person_key(person), event.SerializeToString())


def person(number: int, **columns: int) -> npt.NDArray[np.void]:
    """PERSON_DTYPE (1,) of `profile(number)`."""
    given = {"gender": 2, "birth_day": TODAY - 31 * 365} | columns
    wants = {"seeks": 2, "age_min": 18, "age_max": 99, "max_distance_km": 50.0}
    return person_table([number], [37.0], [-122.0], **given, **wants)


def row_of(number: int, version: int = 1, **columns: int) -> bytes:
    return encode_head(person(number, **columns), 37.0, -122.0, version, VISIBLE)[0] + b"{}"


def visible(overlay: Overlay) -> list[int]:
    now = overlay.current().candidates
    ids: list[int] = now.person_id[now.visible].tolist()
    return sorted(ids)


def opened(folder: Path) -> Release:
    rng = np.random.default_rng(5)
    return write_world(folder / "1", world(rng, 5), rng)
