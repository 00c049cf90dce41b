"""The stream is exact: whatever is delivered again, together or out of order, counts once."""

import asyncio
from collections import Counter
from pathlib import Path

import asyncpg
import numpy as np
import pytest
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED, PROFILE_CHANGED, SWIPE_RECORDED, Topic
from features import reader, registry
from features.history import unpack
from features.live_releases import LiveReleases, LiveReleasesUnknown, current_key, ready_key
from features.offsets import OFFSETS_KEPT
from features.release import Release, ReleaseCorrupt
from features.stream import apply_swipes, refold, subscription, swipe_of
from features.swipe_state import Swipe, SwipeState, after
from features.swipe_store import read_states
from features.views import BEHAVIOUR, PROFILE, factors, photos
from features.wire import run
from gravity.bus import Record
from gravity.consumer import InvalidRecord
from tests.features.releases import D, tiny_release

LIKE, PASS, SUPERLIKE = 1, 2, 3


def random_swipes(count: int, people: int, seed: int = 0) -> list[Swipe]:
    rng = np.random.default_rng(seed)
    swiper = rng.integers(1, people + 1, count)
    swiped = 1 + (swiper - 1 + rng.integers(1, people, count)) % people
    rows = zip(swiper.tolist(), swiped.tolist(), rng.integers(1, 4, count).tolist(), strict=True)
    return [
        Swipe(a, b, action, 1_700_000_000_000 + 10 * n, n % 4, n // 4)
        for n, (a, b, action) in enumerate(rows)
    ]


def recount(swipes: list[Swipe], people: int) -> list[list[float]]:
    unique = {(s.partition, s.offset): s for s in swipes}.values()
    liked = [s for s in unique if s.action != PASS]
    columns = [
        Counter(s.swiper for s in liked),
        Counter(s.swiper for s in unique),
        Counter(s.swiped for s in liked),
        Counter(s.swiped for s in unique),
    ]
    return [[float(column[person]) for person in range(1, people + 1)] for column in columns]


async def counts(redis: Redis, people: int) -> list[list[float]]:
    rows = (await reader.read(redis, [BEHAVIOUR], np.arange(1, people + 1)))["behaviour"]
    return [rows.columns[f.name].tolist() for f in BEHAVIOUR.features[:4]]


async def test_two_consumers_with_redelivery_count_every_swipe_once(
    redis: Redis, tmp_path: Path
) -> None:
    release = tiny_release(tmp_path / "7", people=30)
    swipes = random_swipes(1200, 30)

    async def consumer(seed: int) -> None:
        rng = np.random.default_rng(seed)
        at = 0
        while at < len(swipes):
            # Goes back now and then, as after a crash before the position was stored.
            batch = swipes[at : at + 100]
            await apply_swipes(redis, batch, {"7": release})
            at = at + 100 if rng.random() < 0.7 else max(0, at - 100)

    await asyncio.gather(consumer(1), consumer(2))
    assert await counts(redis, 30) == recount(swipes, 30)


async def test_tastes_and_rates_are_those_of_the_stored_history(
    redis: Redis, tmp_path: Path
) -> None:
    release = tiny_release(tmp_path / "7", people=30)
    swipes = random_swipes(300, 30)
    await apply_swipes(redis, swipes[:200], {"7": release})
    await apply_swipes(redis, swipes[200:], {"7": release})
    found = (await reader.read(redis, [factors("7")], np.arange(1, 31)))["factors_7"]
    given = recount(swipes, 30)
    assert np.allclose(
        found.columns["given_rate"], (np.array(given[0]) + 4) / (np.array(given[1]) + 10)
    )
    for person in range(1, 31):
        made = [s for s in swipes if s.swiper == person]
        history = unpack((await read_states(redis, [person]))[0].state.history)
        assert sorted(history["candidate"].tolist()) == sorted(s.swiped for s in made)
        taste = release.fold_in(person, history["candidate"], history["action"])
        np.testing.assert_array_equal(found.columns["taste"][person - 1], taste)


async def test_a_refold_gives_what_the_stream_would_have_written(
    redis: Redis, tmp_path: Path
) -> None:
    release = tiny_release(tmp_path / "7")
    later = tiny_release(tmp_path / "8", seed=1)
    swipes = random_swipes(200, 30)
    await apply_swipes(redis, swipes, {"7": release, "8": later})
    both = await reader.read(redis, [factors("8")], np.arange(1, 31))
    await redis.flushall()
    await apply_swipes(redis, swipes, {"7": release})
    persons = list(range(1, 32))
    assert await refold(redis, "8", later, persons) == 30
    again = await reader.read(redis, [factors("8")], np.arange(1, 31))
    for name in ("taste", "given_rate", "received_rate"):
        np.testing.assert_array_equal(
            again["factors_8"].columns[name], both["factors_8"].columns[name]
        )


async def test_taste_in_photos_is_one_more_of_the_same_history(
    redis: Redis, tmp_path: Path
) -> None:
    release = tiny_release(tmp_path / "7", people=30, e=2)
    swipes = random_swipes(300, 30)
    for batch in (swipes[:200], swipes[150:], swipes[:250]):
        await apply_swipes(redis, batch, {"7": release})
    views = [factors("7"), photos("7")]
    found = await reader.read(redis, views, np.arange(1, 31))
    for person in range(1, 31):
        history = unpack((await read_states(redis, [person]))[0].state.history)
        taste = release.fold_in(person, history["candidate"], history["action"])
        assert len(history) and len(taste) == D + 2
        np.testing.assert_array_equal(found["factors_7"].columns["taste"][person - 1], taste[:D])
        np.testing.assert_array_equal(
            found["photos_7"].columns["photo_taste"][person - 1], taste[D:]
        )
    # Photos come from elsewhere; whoever swipes has none for that.
    assert np.isnan(found["photos_7"].lists("embedding")).all()


async def test_a_pass_on_a_photo_pushes_away_from_it_and_a_like_draws_near(tmp_path: Path) -> None:
    release = tiny_release(tmp_path / "7", people=30, e=2)
    own = release.arrays.appeal[int(release.rows_of([5])[0]), D:]
    liked, passed = (
        release.fold_in(1, np.array([5]), np.array([action], np.uint8))[D:] @ own
        for action in (LIKE, PASS)
    )
    assert liked > 0 > passed


async def test_swipes_during_a_refold_are_not_lost(redis: Redis, tmp_path: Path) -> None:
    release = tiny_release(tmp_path / "7")
    swipes = random_swipes(400, 30)
    await apply_swipes(redis, swipes[:200], {})

    async def stream() -> None:
        for at in range(200, 400, 20):
            await apply_swipes(redis, swipes[at : at + 20], {"7": release})

    await asyncio.gather(stream(), refold(redis, "7", release, list(range(1, 31))))
    assert await counts(redis, 30) == recount(swipes, 30)
    found = (await reader.read(redis, [factors("7")], np.arange(1, 31)))["factors_7"]
    for person in range(1, 31):
        history = unpack((await read_states(redis, [person]))[0].state.history)
        np.testing.assert_array_equal(
            found.columns["taste"][person - 1],
            release.fold_in(person, history["candidate"], history["action"]),
        )


def test_records_that_the_relay_published_out_of_order_all_count() -> None:
    swipes = [Swipe(1, n + 2, LIKE, n, 0, n) for n in range(50)]
    mixed = [swipes[n] for n in np.random.default_rng(0).permutation(50)]
    assert after(SwipeState(), 1, [*mixed, *swipes]).swipes_given == 50


def test_offsets_far_below_the_highest_are_taken_for_applied() -> None:
    ahead = after(SwipeState(), 1, [Swipe(1, 2, LIKE, 0, 0, 5), Swipe(1, 3, LIKE, 0, 0, 20_000)])
    assert ahead.applied == {0: np.array([20_000], "<i8").tobytes()}
    old = Swipe(1, 4, LIKE, 0, 0, 20_000 - OFFSETS_KEPT)
    assert after(ahead, 1, [old]) is ahead


async def test_a_profile_keeps_its_highest_version(redis: Redis, pool: asyncpg.Pool) -> None:
    def change(version: int, height: str) -> events.ProfileChanged:
        return events.ProfileChanged(
            person=3,
            version=version,
            occurred_at_ms=1000 * version,
            gender=events.GENDER_WOMAN,
            birth_day=-5,
            attributes={"height_cm": height, "body_type": "fit"},
            location=events.Location(latitude=-1.5, longitude=2.5),
        )

    for changes in ([change(2, "170"), change(3, "171")], [change(1, "169")], [change(3, "1")]):
        await _handle(pool, redis, PROFILE_CHANGED, changes)
    row = (await reader.read(redis, [PROFILE], [3]))["profile"]
    assert {name: column[0] for name, column in row.columns.items()} == {
        "gender": 2.0, "birth_day": -5.0, "body_type": "fit", "height_cm": 171.0,
        "latitude": -1.5, "longitude": 2.5,
    }  # fmt: skip


async def test_an_erased_person_has_no_features(redis: Redis, pool: asyncpg.Pool) -> None:
    await apply_swipes(redis, random_swipes(10, 2), {})
    await _handle(pool, redis, PERSON_ERASED, [events.PersonErased(person=1)])
    rows = (await reader.read(redis, [BEHAVIOUR], [1, 2]))["behaviour"]
    assert np.isnan(rows.columns["swipes_given"]).tolist() == [True, False]


async def test_what_is_delivered_after_an_erasure_does_not_make_the_person_anew(
    redis: Redis, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    releases = {"7": tiny_release(tmp_path / "7")}
    swipes = random_swipes(20, 2)
    await apply_swipes(redis, swipes[:10], releases)
    await _handle(pool, redis, PERSON_ERASED, [events.PersonErased(person=1)])
    await _handle(pool, redis, PROFILE_CHANGED, [events.ProfileChanged(person=1, version=9)])
    await apply_swipes(redis, swipes, releases)
    await refold(redis, "7", releases["7"], [1, 2])
    rows = await reader.read(redis, [BEHAVIOUR, PROFILE, factors("7")], [1, 2])
    assert {name: view.event_ms[0] for name, view in rows.items()} == {
        "behaviour": -1, "profile": -1, "factors_7": -1,
    }  # fmt: skip
    assert rows["behaviour"].columns["swipes_given"][1] == sum(s.swiper == 2 for s in swipes)


async def test_follows_the_live_releases_and_reports_them(redis: Redis, tmp_path: Path) -> None:
    async def opened(release_id: str) -> Release:
        return tiny_release(tmp_path / release_id)

    live = LiveReleases(redis, opened, "stream")
    await run(redis.sadd("releases:live", "7"))
    await live.refresh()
    assert await run(redis.smembers(ready_key("7"))) == {b"stream"}
    async with live.held() as releases:
        assert list(releases) == ["7"]
    await run(redis.srem("releases:live", "7"))
    await live.refresh()
    assert await run(redis.smembers(ready_key("7"))) == set()


async def test_swipes_wait_until_it_is_known_which_releases_are_live(
    redis: Redis, tmp_path: Path
) -> None:
    async def opened(release_id: str) -> Release:
        return tiny_release(tmp_path / release_id)

    live = LiveReleases(redis, opened, "stream")
    await run(redis.sadd("releases:live", "7"))

    async def ids() -> list[str]:
        async with live.held() as releases:
            return list(releases)

    waiting = asyncio.create_task(ids())
    done, _ = await asyncio.wait([waiting], timeout=0.05)
    assert not done
    await live.refresh()
    assert await waiting == ["7"]


async def test_a_stop_before_the_releases_are_known_ends_the_wait(redis: Redis) -> None:
    live = LiveReleases(redis, _none, "stream")
    stop = asyncio.Event()
    stop.set()
    await live.follow(stop)
    with pytest.raises(LiveReleasesUnknown):
        async with live.held():
            pass


async def test_goes_on_without_a_release_that_does_not_open_and_calls_it_outdated(
    redis: Redis, tmp_path: Path
) -> None:
    broken = {"7"}

    async def opened(release_id: str) -> Release:
        if release_id in broken:
            raise ReleaseCorrupt(release_id)
        return tiny_release(tmp_path / release_id)

    live = LiveReleases(redis, opened, "stream", retry_s=0)
    await run(redis.sadd("releases:live", "7", "8"))
    # As a process that was killed left it.
    await run(redis.sadd(ready_key("7"), "stream"))
    await redis.mset({current_key("7"): b"1", current_key("8"): b"1"})
    await live.refresh()
    async with live.held() as releases:
        assert list(releases) == ["8"]
    assert await run(redis.smembers(ready_key("7"))) == set()
    assert await redis.exists(current_key("7"), current_key("8")) == 1

    # Somebody may have replayed it while the stream went on without it.
    await redis.set(current_key("7"), b"1")
    broken.clear()
    await live.refresh()
    assert await run(redis.smembers(ready_key("7"))) == {b"stream"}
    assert await redis.exists(current_key("7")) == 0


def test_a_damaged_release_is_discarded_so_that_it_is_fetched_again(tmp_path: Path) -> None:
    tiny_release(tmp_path / "7")
    registry.discard(tmp_path / "7")
    registry.discard(tmp_path / "7")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "event",
    [
        events.SwipeRecorded(swiper=1, swiped=2, action=events.ACTION_LIKE),
        events.SwipeRecorded(
            swiper=0, swiped=2, action=events.ACTION_LIKE, source=events.Source(partition=0)
        ),
        events.SwipeRecorded(
            swiper=1, swiped=2, action=events.ACTION_UNSPECIFIED, source=events.Source(partition=0)
        ),
        events.SwipeRecorded(
            swiper=1, swiped=2, action=events.ACTION_LIKE, source=events.Source(partition=16)
        ),
    ],
)
def test_refuses_records_that_are_no_swipe(event: events.SwipeRecorded) -> None:
    with pytest.raises(InvalidRecord):
        swipe_of(Record(SWIPE_RECORDED.name, 0, 0, b"1:2", event.SerializeToString()))


async def _none(release_id: str) -> Release:
    raise AssertionError(release_id)


async def _handle(
    pool: asyncpg.Pool,
    redis: Redis,
    topic: Topic,
    messages: list[events.ProfileChanged] | list[events.PersonErased],
) -> None:
    live = LiveReleases(redis, _none, "stream")
    await live.refresh()
    handle = subscription(redis, live).handle
    records = [Record(topic.name, 0, n, b"", m.SerializeToString()) for n, m in enumerate(messages)]
    async with pool.acquire() as conn, conn.transaction():
        await handle(conn, records)
