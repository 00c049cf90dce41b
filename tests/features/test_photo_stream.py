"""Photos of changed profiles in the online store: the newest win, once, under every release."""

import asyncio
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import asyncpg
import numpy as np
import pytest
from PIL import Image
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import PROFILE_CHANGED
from features import photo_embedder, reader
from features.forget import forget
from features.live_releases import LIVE_KEY
from features.media import MediaUnreachable
from features.mlflow_rest import MLflowUnreachable
from features.photo_embedder import EMBEDDED, REFUSED, Embedder
from features.photo_marks import PHOTOS_OF_PERSON
from features.photo_releases import LiveReleasePhotos
from features.photo_stream import LivePhotos, apply_photos, subscription
from features.profile_stream import apply_profiles
from features.release_photos import ReleasePhotos
from features.views import PROFILE, photos
from features.wire import run
from gravity.bus import Record
from tests.features.photo_networks import mean_colour

ANN, BOB = 2, 2**60
AT = 1_770_000_000_000
HOUR = 3_600_000
AXES = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
MEANS = np.array([[0, 0], [0.5, 0.25], [0, 0]], np.float32)
RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)
# Less the mean of women.
REDDISH, GREENISH = [0.5, -0.25], [-0.5, 0.75]


def space(name: str, times: float = 1.0, people_ms: int = AT - 2 * HOUR) -> LivePhotos:
    network = np.frombuffer(mean_colour(times), np.uint8)
    return LivePhotos(ReleasePhotos(name, network, AXES, MEANS), people_ms)


LIVE = {"7": space("1")}


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """A folder of photos: a red and a green one, one cut short, and a text."""
    folder = tmp_path / "media" / "photos"
    folder.mkdir(parents=True)
    for name, colour in (("red", RED), ("green", GREEN), ("black", BLACK)):
        out = BytesIO()
        Image.new("RGB", (80, 90), colour).save(out, "PNG")
        (folder / name).write_bytes(out.getvalue())
    (folder / "cut").write_bytes((folder / "red").read_bytes()[:60])
    (folder / "text").write_text("nothing")
    return tmp_path / "media"


@pytest.fixture
def embedder(media: Path) -> Embedder:
    return Embedder(str(media))


def change(person: int, version: int, *names: str, at_ms: int = AT) -> events.ProfileChanged:
    return events.ProfileChanged(
        person=person,
        version=version,
        occurred_at_ms=at_ms + version,
        gender=events.GENDER_WOMAN,
        photos=[events.Photo(url=f"/photos/{name}") for name in names],
    )


async def stored(redis: Redis, release: str = "7", *persons: int) -> list[list[float]]:
    """The embeddings of Ann, or of people; -9 where there is none."""
    view = photos(release)
    ids = np.array(persons or (ANN,), np.int64)
    rows = (await reader.read(redis, [view], ids, widths={"embedding": 2, "taste": 2}))[view.name]
    embedding = np.asarray(rows.columns["embedding"], np.float64)
    found: list[list[float]] = np.round(np.nan_to_num(embedding, nan=-9), 3).tolist()
    return found


def embedded() -> float:
    return float(EMBEDDED._value.get())


async def test_photos_are_written_along_the_directions(redis: Redis, embedder: Embedder) -> None:
    changes = [change(ANN, 1, "red"), change(BOB, 1, "red", "green")]
    assert await apply_photos(redis, changes, LIVE, embedder) == 2
    assert await stored(redis, "7", ANN, BOB) == [REDDISH, [0.0, 0.25]]


async def test_a_release_has_its_own_space(redis: Redis, embedder: Embedder) -> None:
    live = {"7": space("1"), "8": space("2", times=2.0), "9": space("1")}
    await apply_photos(redis, [change(ANN, 1, "red")], live, embedder)
    found = [await stored(redis, release) for release in live]
    assert found == [[REDDISH], [[1.5, -0.25]], [REDDISH]]


async def test_another_gender_is_another_place_of_the_same_photos(
    redis: Redis, embedder: Embedder
) -> None:
    await apply_photos(redis, [change(ANN, 1, "red")], LIVE, embedder)
    before = await stored(redis)
    other = change(ANN, 2, "red")
    other.gender = events.GENDER_MAN
    assert await apply_photos(redis, [other], LIVE, embedder) == 1
    assert await stored(redis) != before == [REDDISH]


async def test_redelivery_reads_nothing_and_changes_nothing(
    redis: Redis, embedder: Embedder
) -> None:
    await apply_photos(redis, [change(ANN, 1, "red")], LIVE, embedder)
    before = embedded()
    for again in ([change(ANN, 1, "red")], [change(ANN, 1, "red"), change(ANN, 2, "red")]):
        assert await apply_photos(redis, again, LIVE, embedder) == 0
    assert embedded() == before


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1), (3, 2, 1)])
async def test_the_newest_version_wins(
    redis: Redis, embedder: Embedder, order: tuple[int, ...]
) -> None:
    versions = {1: "red", 2: "black", 3: "green"}
    for version in order:
        await apply_photos(redis, [change(ANN, version, versions[version])], LIVE, embedder)
    assert await stored(redis) == [GREENISH]


async def test_what_comes_late_is_late_though_the_newest_changed_nothing(
    redis: Redis, embedder: Embedder
) -> None:
    for version, name in ((1, "red"), (3, "red"), (2, "black")):
        await apply_photos(redis, [change(ANN, version, name)], LIVE, embedder)
    assert await stored(redis) == [REDDISH]


async def test_of_a_batch_the_newest_counts(redis: Redis, embedder: Embedder) -> None:
    changes = [change(ANN, 2, "green"), change(ANN, 1, "red")]
    assert await apply_photos(redis, changes, LIVE, embedder) == 1
    assert await stored(redis) == [GREENISH]


async def test_two_consumers_and_a_stream_leave_the_newest(
    redis: Redis, embedder: Embedder
) -> None:
    names = ["red", "green", "black"]
    changes = [change(ANN, v, names[v % 3]) for v in range(1, 13)] + [change(ANN, 13, "red")]
    await asyncio.gather(
        *(apply_photos(redis, [each], LIVE, embedder) for each in changes),
        *(apply_photos(redis, [each], LIVE, embedder) for each in reversed(changes)),
        *(apply_profiles(redis, [each]) for each in changes),
    )
    assert await stored(redis) == [REDDISH]
    rows = (await reader.read(redis, [PROFILE], np.array([ANN])))[PROFILE.name]
    assert rows.columns["gender"].tolist() == [events.GENDER_WOMAN]


async def test_photos_that_are_gone_leave_the_place_of_nobody(
    redis: Redis, embedder: Embedder
) -> None:
    await apply_photos(redis, [change(ANN, 1, "red"), change(BOB, 1)], LIVE, embedder)
    await apply_photos(redis, [change(ANN, 2)], LIVE, embedder)
    assert await stored(redis, "7", ANN, BOB) == [[0, 0], [0, 0]]


async def test_refused_photos_are_counted_and_left_out(redis: Redis, embedder: Embedder) -> None:
    counted = {reason: REFUSED.labels(reason)._value.get() for reason in REASONS}
    bad = ("cut", "text", "none")
    await apply_photos(redis, [change(ANN, 1, *bad, "red"), change(BOB, 1, *bad)], LIVE, embedder)
    assert await stored(redis, "7", ANN, BOB) == [REDDISH, [0, 0]]
    assert {r: REFUSED.labels(r)._value.get() - counted[r] for r in REASONS} == REASONS
    assert await apply_photos(redis, [change(BOB, 2, *bad)], LIVE, embedder) == 0


REASONS = {"damaged": 1, "not-an-image": 1, "missing": 1}


async def test_of_twenty_photos_the_first_ten_count(redis: Redis, embedder: Embedder) -> None:
    many = ["red"] * PHOTOS_OF_PERSON + ["green"] * 10
    await apply_photos(redis, [change(ANN, 1, *many)], LIVE, embedder)
    assert await stored(redis) == [REDDISH]


async def test_a_release_that_became_live_later_gets_what_its_people_lack(
    redis: Redis, embedder: Embedder
) -> None:
    await apply_photos(redis, [change(ANN, 1, "red")], LIVE, embedder)
    moved = change(ANN, 2, "red")
    # Learned after the photo was there: it has its own.
    learned_since = LIVE | {"8": space("2", people_ms=AT + 2 * HOUR)}
    assert await apply_photos(redis, [moved], learned_since, embedder) == 0
    learned_before = LIVE | {"8": space("2", people_ms=AT)}
    assert await apply_photos(redis, [moved], learned_before, embedder) == 1
    assert await stored(redis, "8") == [REDDISH]
    assert await apply_photos(redis, [moved], learned_before, embedder) == 0


async def test_what_is_caught_up_is_written_again(redis: Redis, embedder: Embedder) -> None:
    await apply_photos(redis, [change(ANN, 2, "red")], LIVE, embedder)
    assert await apply_photos(redis, [change(ANN, 2, "red")], LIVE, embedder, ["7"]) == 1
    assert await apply_photos(redis, [change(ANN, 1, "green")], LIVE, embedder, ["7"]) == 0
    assert await stored(redis) == [REDDISH]


async def test_without_a_release_of_photos_nothing_is_read(redis: Redis) -> None:
    assert await apply_photos(redis, [change(ANN, 1, "red")], {}, Embedder("/none")) == 0
    assert await redis.keys("*") == []


async def test_an_erased_person_stays_erased(redis: Redis, embedder: Embedder) -> None:
    await apply_photos(redis, [change(ANN, 1, "red")], LIVE, embedder)
    await forget(redis, [ANN])
    await apply_photos(redis, [change(ANN, 2, "green")], LIVE, embedder)
    assert await stored(redis) == [[-9, -9]]


async def test_media_that_are_away_are_waited_for_but_not_for_ever(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A port where nobody answers.
    embedder = Embedder("http://127.0.0.1:9")
    monkeypatch.setattr(photo_embedder, "_TRIES", 2)
    with pytest.raises(MediaUnreachable):
        await apply_photos(redis, [change(ANN, 1, "red")], LIVE, embedder)
    assert await apply_photos(redis, [change(ANN, 1, "red")], LIVE, embedder) == 1
    assert await stored(redis) == [[0, 0]]


async def test_a_photo_that_was_away_is_read_at_the_next_change(
    redis: Redis, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_embedder, "_TRIES", 1)
    await apply_photos(redis, [change(ANN, 1, "red")], LIVE, Embedder("http://127.0.0.1:9"))
    assert await apply_photos(redis, [change(ANN, 2, "red")], LIVE, embedder) == 1
    assert await stored(redis) == [REDDISH]


async def test_the_consumer_writes_under_what_is_live(
    redis: Redis, pool: asyncpg.Pool, embedder: Embedder
) -> None:
    opened: list[str] = []

    async def opening(release: str) -> LivePhotos | None:
        opened.append(release)
        if release == "broken":
            raise ValueError(release)
        return None if release == "without" else space("1")

    live = LiveReleasePhotos(redis, opening)
    handle = subscription(redis, live, embedder).handle
    changes = [change(ANN, 1, "red"), change(ANN, 2, "green")]
    records = [
        Record(PROFILE_CHANGED.name, 0, at, b"", each.SerializeToString())
        for at, each in enumerate(changes)
    ]
    async with pool.acquire() as conn:
        await run(redis.sadd(LIVE_KEY, "7", "broken", "without"))
        await handle(conn, records)
        await handle(conn, records)
        assert await stored(redis) == [GREENISH]
        assert opened == ["7", "broken", "without"]
        await run(redis.srem(LIVE_KEY, "7"))
        assert await live.current() == {}
        await run(redis.sadd(LIVE_KEY, "7"))
        assert list(await live.current()) == ["7"]


async def test_nothing_is_left_under_a_release_that_retired_meanwhile(
    redis: Redis, pool: asyncpg.Pool, embedder: Embedder
) -> None:
    class Retiring:
        """Release 8 retires while the batch is applied."""

        def __init__(self) -> None:
            self.asked = 0

        async def current(self) -> Mapping[str, LivePhotos]:
            self.asked += 1
            return {"7": space("1"), "8": space("1")} if self.asked == 1 else {"7": space("1")}

    handle = subscription(redis, Retiring(), embedder).handle
    record = Record(PROFILE_CHANGED.name, 0, 0, b"", change(ANN, 1, "red").SerializeToString())
    async with pool.acquire() as conn:
        await handle(conn, [record])
    assert await stored(redis, "7") == [REDDISH]
    assert (await reader.read(redis, [photos("8")], [ANN]))["photos_8"].event_ms.tolist() == [-1]


async def test_photos_wait_for_an_mlflow_that_is_away(redis: Redis) -> None:
    async def opening(_: str) -> LivePhotos | None:
        raise MLflowUnreachable

    await run(redis.sadd(LIVE_KEY, "7"))
    with pytest.raises(MLflowUnreachable):
        await LiveReleasePhotos(redis, opening).current()
