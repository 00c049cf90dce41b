"""From ids to a ranking, with features in a real Redis."""

import uuid
from pathlib import Path

import numpy as np
import pytest
from redis.asyncio import Redis

from contracts.ranking import Constraints, Ranking, RankRequest, RetrieveRequest
from contracts.ranking_pb2 import (
    WHY_CODE_LIKES_YOU_PROBABLY,
    WHY_CODE_MAY_LIKE_YOU,
    WHY_CODE_YOUR_PHOTO_TASTE,
)
from features.cluster import Cluster
from features.eligibility import Candidates, eligible, viewer_of
from features.ranker import CORE_NAMES, core_logits, heads_of
from features.release import Release
from features.score import Sides, like_logits, match_scores
from features.signature import Signature
from features.view_writer import write_factors, write_photos
from features.views import factors
from serving import pipeline
from serving.index import ExactIndex
from serving.overlay import Overlay
from serving.pipeline import Loaded
from serving.store import Online
from serving.why import typical
from tests.serving.worlds import CALIBRATIONS, TODAY, WINDOW_END, D, World, world, write_world


@pytest.fixture
def people() -> World:
    made = world(np.random.default_rng(1), 400, spread_km=5.0)
    made.table["visible"] = True
    made.table["seeks"] = 14
    made.table["age_min"], made.table["age_max"] = 18, 99
    made.table["max_distance_km"] = 100.0
    return made


@pytest.fixture
def loaded(people: World, tmp_path: Path) -> Loaded:
    release = write_world(tmp_path / "7", people, np.random.default_rng(2))
    index = ExactIndex(release, Overlay(release))
    signature = Signature.of_views([factors("7")], {"taste": release.manifest.d})
    return Loaded("7", release, signature, index, typical(release), 11)


@pytest.fixture
def with_photos(people: World, tmp_path: Path) -> Loaded:
    release = write_world(tmp_path / "9", people, np.random.default_rng(2), e=2)
    index = ExactIndex(release, Overlay(release))
    signature = Signature.of_release(release.manifest.features, "9")
    return Loaded("9", release, signature, index, typical(release), 11)


def request_of(people: World, row: int, deck: int = 1) -> RankRequest:
    return RankRequest(
        viewer=int(people.table["person_id"][row]),
        release="7",
        size=20,
        deck_id=uuid.UUID(int=deck),
        constraints=constraints_of(people, row),
        today=TODAY,
    )


def constraints_of(people: World, row: int) -> Constraints:
    person = people.table[row]
    return Constraints(
        latitude=float(people.latitude[row]),
        longitude=float(people.longitude[row]),
        birth_day=int(person["birth_day"]),
        gender=int(person["gender"]),
        seeks_mask=int(person["seeks"]),
        age_min=int(person["age_min"]),
        age_max=int(person["age_max"]),
        max_distance_km=float(person["max_distance_km"]),
    )


async def test_without_features_the_releases_own_values_rank(
    redis: Redis, people: World, loaded: Loaded
) -> None:
    answer = await pipeline.rank(Online(redis, redis), loaded, request_of(people, 3))
    assert len(answer.ids) == 200
    assert not answer.complete
    rows = loaded.release.rows_of(answer.ids)
    sides, prices = sides_of(loaded.release), loaded.release.prices_of(rows)
    viewer, candidates = sides.take([3]), sides.take(rows)
    expected = heads_of(loaded.release.ranker, viewer, candidates).priced(prices)
    np.testing.assert_allclose(answer.scores, expected, rtol=2e-3)
    # The ranker of this release has something to say.
    assert np.abs(answer.scores - match_scores(viewer, candidates)).max() > 0.05
    np.testing.assert_array_equal(answer.scores, answer.scores.astype(np.float16))


async def test_fresh_features_of_both_sides_are_what_ranks(
    redis: Redis, people: World, loaded: Loaded
) -> None:
    rng = np.random.default_rng(3)
    n = len(people)
    taste = rng.normal(0, 1, (n, D)).astype(np.float32)
    given, received = (rng.uniform(0.1, 0.9, n).astype(np.float32) for _ in range(2))
    await write_factors(redis, "7", people.table["person_id"], taste, given, received, 1_000)
    answer = await pipeline.rank(Online(redis, redis), loaded, request_of(people, 3))
    arrays = loaded.release.arrays
    sides = Sides.of(
        taste, arrays.appeal, given, received, arrays.line, people.table["gender"], CALIBRATIONS
    )
    rows = loaded.release.rows_of(answer.ids)
    viewer, candidates = sides.take([3]), sides.take(rows)
    prices = loaded.release.prices_of(rows)
    expected = heads_of(loaded.release.ranker, viewer, candidates).priced(prices)
    np.testing.assert_allclose(answer.scores, expected, rtol=2e-3)
    assert tuple(answer.feature_names) == CORE_NAMES
    core = core_logits(viewer, candidates)
    np.testing.assert_allclose(answer.features, core, rtol=1e-4, atol=1e-5)


async def test_features_in_a_cluster_rank_as_in_one_redis(
    redis: Redis, cluster_url: str, people: World, loaded: Loaded
) -> None:
    ids = people.table["person_id"]
    viewer = int(ids[3])
    rng = np.random.default_rng(3)
    taste = rng.normal(0, 1, (len(people), D)).astype(np.float32)
    given, received = (rng.uniform(0.1, 0.9, len(people)).astype(np.float32) for _ in range(2))
    await redis.zadd(f"seen:{{{viewer}}}", {str(ids[9]): int(WINDOW_END.timestamp()) + 60})
    without = await pipeline.rank(Online(redis, redis), loaded, request_of(people, 3))
    cluster = Cluster.from_url(cluster_url)
    await write_factors(cluster, "7", ids, taste, given, received, 1_000)
    clustered = await pipeline.rank(Online(redis, cluster), loaded, request_of(people, 3))
    await cluster.aclose()
    await write_factors(redis, "7", ids, taste, given, received, 1_000)
    single = await pipeline.rank(Online(redis, redis), loaded, request_of(people, 3))
    assert clustered.encoded() == single.encoded() != without.encoded()
    assert int(ids[9]) not in clustered.ids


async def test_photos_of_both_sides_rank_and_a_new_photo_at_once(
    redis: Redis, people: World, with_photos: Loaded
) -> None:
    release = with_photos.release
    request = request_of(people, 3).model_copy(update={"release": "9"})
    rng, ids, arrays = np.random.default_rng(3), people.table["person_id"], release.arrays
    n = len(people)
    taste = rng.normal(0, 1, (n, D + 2)).astype(np.float32)
    given, received = (rng.uniform(0.1, 0.9, n).astype(np.float32) for _ in range(2))
    await write_factors(redis, "9", ids, taste[:, :D], given, received, 1_000)
    photo = np.array(arrays.appeal[:, D:])
    # Of some nothing is known but what the release says.
    known = np.arange(n) % 3 > 0
    photo[known] = rng.normal(0, 1, (n, 2))[known]
    await write_photos(redis, "9", ids[known], photo[known], taste[known, D:], 1_000)
    # Those of another release are of another space.
    ones = np.ones((n, 2), np.float32)
    await write_photos(redis, "8", ids, ones, ones, 1_000)
    answer = await pipeline.rank(Online(redis, redis), with_photos, request)
    appeal = np.concatenate((arrays.appeal[:, :D], photo), axis=1)
    tastes = np.where(known[:, None], taste, np.hstack((taste[:, :D], arrays.taste[:, D:])))
    sides = Sides.of(
        tastes, appeal, given, received, arrays.line, people.table["gender"], CALIBRATIONS
    )
    rows = release.rows_of(answer.ids)
    viewer, candidates = sides.take([3]), sides.take(rows)
    expected = heads_of(release.ranker, viewer, candidates).priced(release.prices_of(rows))
    np.testing.assert_allclose(answer.scores, expected, rtol=2e-3)


async def test_a_card_says_when_photos_moved_it(
    redis: Redis, people: World, with_photos: Loaded
) -> None:
    release = with_photos.release
    request = request_of(people, 3).model_copy(update={"release": "9"})
    ids, n = people.table["person_id"], len(people)
    half = np.full(n, 0.5, np.float32)
    likes_one_kind = np.tile(np.array([1.0, 0.0], np.float32), (n, 1))
    photo = np.zeros((n, 2), np.float32)
    photo[::2, 0] = 3.0
    await write_factors(redis, "9", ids, np.zeros((n, D), np.float32), half, half, 1_000)
    await write_photos(redis, "9", ids, photo, likes_one_kind, 1_000)
    answer = await pipeline.rank(Online(redis, redis), with_photos, request)
    shown = answer.ids[: len(answer.why_codes)]
    of_the_kind = photo[release.rows_of(shown), 0] > 0
    said = (answer.why_codes == WHY_CODE_YOUR_PHOTO_TASTE).any(axis=1)
    assert of_the_kind.any() and not of_the_kind.all()
    np.testing.assert_array_equal(said, of_the_kind)


async def test_factors_of_another_release_are_not_read(
    redis: Redis, people: World, loaded: Loaded
) -> None:
    before = await pipeline.rank(Online(redis, redis), loaded, request_of(people, 3))
    n = len(people)
    ones = np.full(n, 0.9, np.float32)
    await write_factors(
        redis, "8", people.table["person_id"], np.ones((n, D), np.float32), ones, ones, 1_000
    )
    after = await pipeline.rank(Online(redis, redis), loaded, request_of(people, 3))
    assert after.encoded() == before.encoded()


async def test_a_deck_id_gives_one_order_and_another_gives_another(
    redis: Redis, people: World, loaded: Loaded
) -> None:
    first = await pipeline.rank(Online(redis, redis), loaded, request_of(people, 3))
    again = await pipeline.rank(Online(redis, redis), loaded, request_of(people, 3))
    assert again.encoded() == first.encoded()
    other = await pipeline.rank(Online(redis, redis), loaded, request_of(people, 3, deck=2))
    assert set(other.ids.tolist()) == set(first.ids.tolist())
    assert other.ids.tolist() != first.ids.tolist()


async def test_people_swiped_since_the_release_are_not_retrieved(
    redis: Redis, people: World, loaded: Loaded
) -> None:
    before = await all_ids(redis, people, loaded, 3)
    swiped = sorted(before)[:30]
    now = int(WINDOW_END.timestamp()) + 60
    viewer = int(people.table["person_id"][3])
    await redis.zadd(f"seen:{{{viewer}}}", {str(person): now for person in swiped})
    assert await all_ids(redis, people, loaded, 3) == before - set(swiped)


async def test_retrieving_everybody_gives_exactly_the_eligible_and_unseen(
    redis: Redis, people: World, loaded: Loaded
) -> None:
    for row in range(0, 400, 40):
        mask = eligible(viewer_of(people.table, row), Candidates.of(people.table), TODAY)
        expected = set(people.table["person_id"][mask].tolist())
        expected -= set(loaded.release.seen_by(row).tolist())
        assert await all_ids(redis, people, loaded, row) == expected


async def test_somebody_whom_the_release_does_not_know_gets_the_means_of_their_band(
    redis: Redis, people: World, loaded: Loaded
) -> None:
    request = request_of(people, 3).model_copy(update={"viewer": 999_999})
    answer = await pipeline.rank(Online(redis, redis), loaded, request)
    assert len(answer.ids) == 200
    assert np.all(np.isfinite(answer.scores))


async def test_nobody_around_gives_an_empty_complete_answer(
    redis: Redis, people: World, loaded: Loaded
) -> None:
    request = request_of(people, 3)
    nowhere = request.constraints.model_copy(update={"latitude": -48.9, "longitude": -123.4})
    request = request.model_copy(update={"constraints": nowhere})
    answer = await pipeline.rank(Online(redis, redis), loaded, request)
    assert (len(answer.ids), len(answer.why_codes), answer.complete) == (0, 0, True)
    assert Ranking.decoded(answer.encoded()).encoded() == answer.encoded()


async def test_reasons_name_only_what_lifted_the_card(
    redis: Redis, people: World, loaded: Loaded
) -> None:
    answer = await pipeline.rank(Online(redis, redis), loaded, request_of(people, 3))
    back = answer.features[:, answer.feature_names.index("logit_candidate_likes_viewer")]
    liking = (WHY_CODE_LIKES_YOU_PROBABLY, WHY_CODE_MAY_LIKE_YOU)
    named = np.flatnonzero(np.isin(answer.why_codes, liking).any(axis=1))
    assert len(named)
    viewer = sides_of(loaded.release).take([3])
    assert back[named].min() > like_logits(loaded.typical, viewer).min()
    percent = answer.why_values[np.isin(answer.why_codes, liking)]
    assert np.all((percent % 5 == 0) & (percent <= 100))
    # What lifted most stands first, so nothing comes after none.
    assert not np.any((answer.why_codes[:, 0] == 0) & (answer.why_codes[:, 1] > 0))


async def all_ids(redis: Redis, people: World, loaded: Loaded, row: int) -> set[int]:
    request = RetrieveRequest(
        viewer=int(people.table["person_id"][row]),
        k=100_000,
        constraints=constraints_of(people, row),
        today=TODAY,
    )
    return set(await pipeline.retrieve_all(Online(redis, redis), loaded, request))


def sides_of(release: Release) -> Sides:
    a = release.arrays
    return Sides.of(
        a.taste, a.appeal, a.given_rate, a.received_rate, a.line, a.columns["gender"], CALIBRATIONS
    )
