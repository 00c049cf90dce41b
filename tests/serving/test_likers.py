"""Decks of somebody for whose answer others wait, with the likes in a real Redis."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
from redis.asyncio import Redis

from contracts.ranking import Ranking
from features.cluster import Cluster
from features.narrowing import RETRIEVED, SEARCHED, narrowed
from features.prices import KNOTS, Prices
from features.ranker import core_logits, heads_of
from features.score import log_sigmoid, query_vectors
from features.signature import Signature
from features.view_writer import write_factors
from features.views import factors
from serving import pipeline
from serving.index import ExactIndex
from serving.overlay import Overlay
from serving.people import Persons, sides_of
from serving.pipeline import Loaded
from serving.store import LIKERS, Online, ViewerState, read_viewer
from serving.why import typical
from tests.serving.test_pipeline import all_ids, request_of
from tests.serving.test_prices import everybody_of
from tests.serving.worlds import TODAY, WINDOW_END, D, World, world, write_world

VIEWER = 3
NOW_S = int(WINDOW_END.timestamp())

Ints = npt.NDArray[np.int64]


def sociable(count: int) -> World:
    made = world(np.random.default_rng(1), count, spread_km=2.0)
    made.table["visible"], made.table["seeks"] = True, 14
    made.table["age_min"], made.table["age_max"] = 18, 99
    made.table["max_distance_km"] = 100.0
    return made


@pytest.fixture
def crowd() -> World:
    """Twice as many as the inner product finds, of whom everybody may see everybody."""
    return sociable(2 * SEARCHED)


@pytest.fixture
def few() -> World:
    return sociable(60)


def loaded_of(path: Path, people: World, prices: Prices | None = None) -> Loaded:
    release = write_world(path / "7", people, np.random.default_rng(2), seen=0.0, prices=prices)
    signature = Signature.of_views([factors("7")], {"taste": release.manifest.d})
    index = ExactIndex(release, Overlay(release))
    return Loaded("7", release, signature, index, typical(release), 11)


async def like(redis: Redis, people: World, likers: Sequence[int]) -> None:
    """People by id like the viewer, the last of them last."""
    at = {str(person): NOW_S + place for place, person in enumerate(likers)}
    await redis.zadd(f"likes:{{{viewer_id(people)}}}", at)


def viewer_id(people: World) -> int:
    return int(people.table["person_id"][VIEWER])


async def ranking(redis: Redis, people: World, loaded: Loaded, deck: int = 1) -> Ranking:
    return await pipeline.rank(Online(redis, redis), loaded, request_of(people, VIEWER, deck))


async def state(redis: Redis, people: World, loaded: Loaded) -> ViewerState:
    online = Online(redis, redis)
    return await read_viewer(online, loaded.release, loaded.signature, viewer_id(people))


def by_the_product(loaded: Loaded) -> Ints:
    """Rows of everybody else, best first by the inner product."""
    sides = sides_of(loaded.release, everybody_of(loaded.release), TODAY)
    vectors = loaded.release.arrays.candidate_vectors
    others = np.delete(np.arange(len(vectors)), VIEWER)
    linear = vectors[others] @ query_vectors(sides.take([VIEWER]))[0]
    return np.asarray(others[np.argsort(-linear, kind="stable")], np.int64)


def most_liked(loaded: Loaded, rows: Ints, count: int) -> Ints:
    """Of rows those whom the viewer likes most, by the calibrated logits."""
    sides = sides_of(loaded.release, everybody_of(loaded.release), TODAY)
    there = core_logits(sides.take([VIEWER]), sides.take(rows))[:, 0]
    return rows[np.argsort(-there)[:count]]


async def test_likers_whom_retrieval_would_never_find_are_in_the_deck(
    redis: Redis, crowd: World, tmp_path: Path
) -> None:
    loaded = loaded_of(tmp_path, crowd)
    ids = loaded.release.arrays.person_id
    beyond = most_liked(loaded, by_the_product(loaded)[SEARCHED + 200 :], 5)
    without = await ranking(redis, crowd, loaded)
    assert not np.isin(ids[beyond], without.ids).any()
    await like(redis, crowd, ids[beyond].tolist())
    answer = await ranking(redis, crowd, loaded)
    assert len(answer.ids) == len(set(answer.ids.tolist())) == RETRIEVED
    assert not answer.complete
    best = answer.ids[np.argsort(-answer.scores, kind="stable")[:20]]
    assert np.isin(ids[beyond], best).all()
    # Whom the second look keeps, and the rest as they were.
    sides = sides_of(loaded.release, everybody_of(loaded.release), TODAY)
    rows = np.concatenate((by_the_product(loaded)[:SEARCHED], beyond))
    prices = loaded.release.prices_of(rows)
    kept = narrowed(sides.take([VIEWER]), sides.take(rows), prices, np.isin(rows, beyond))
    assert sorted(answer.ids.tolist()) == sorted(ids[rows[kept]].tolist())


async def test_the_order_is_exact_with_likes_and_without(
    redis: Redis, few: World, tmp_path: Path
) -> None:
    loaded = loaded_of(tmp_path, few)
    release = loaded.release
    likers = release.arrays.person_id[5:30:3]
    without = await ranking(redis, few, loaded)
    await like(redis, few, likers.tolist())
    answer = await ranking(redis, few, loaded)
    rows = release.rows_of(answer.ids)
    sides = sides_of(release, everybody_of(release), TODAY)
    viewer, candidates = sides.take([VIEWER]), sides.take(rows)
    heads = heads_of(release.ranker, viewer, candidates)
    free = np.isin(answer.ids, likers)
    expected = np.where(
        free, log_sigmoid(heads.there), heads.log_match() - release.prices_of(rows).at(heads.back)
    )
    assert free.sum() == len(likers)
    np.testing.assert_array_equal(answer.scores, expected.astype(np.float16))
    # What is logged of each is the model's own, and so are the reasons: no card tells of a like.
    np.testing.assert_array_equal(answer.features, core_logits(viewer, candidates))
    now, before = reasons_of(answer), reasons_of(without)
    shown = now.keys() & before.keys()
    assert len(shown & set(likers.tolist())) > 3
    assert {person: now[person] for person in shown} == {person: before[person] for person in shown}


def reasons_of(answer: Ranking) -> dict[int, tuple[list[int], list[float]]]:
    shown = answer.ids[: len(answer.why_codes)].tolist()
    told = zip(answer.why_codes.tolist(), answer.why_values.tolist(), strict=True)
    return dict(zip(shown, told, strict=True))


async def test_a_match_at_once_crowds_nobody(redis: Redis, few: World, tmp_path: Path) -> None:
    knots = np.tile(np.linspace(-8, 8, KNOTS, dtype=np.float32), (60, 1))
    everybody_costs = Prices(knots, np.full((60, KNOTS), 2.0, np.float32))
    dear, free = (
        loaded_of(tmp_path / name, few, prices)
        for name, prices in (("dear", everybody_costs), ("free", Prices.free(60)))
    )
    person = int(few.table["person_id"][7])
    await like(redis, few, [person])
    (one,), (other,) = (
        answer.scores[answer.ids == person]
        for answer in (await ranking(redis, few, dear), await ranking(redis, few, free))
    )
    assert one == other


async def test_who_may_not_be_shown_is_not_for_liking(
    redis: Redis, crowd: World, tmp_path: Path
) -> None:
    likers = by_the_product(loaded_of(tmp_path / "before", crowd))[-60:]
    far, wrong, seeks_others, young, hidden, swiped, banned, moved = likers[:40].reshape(8, 5)
    crowd.table["max_distance_km"][far] = 0.001
    crowd.table["seeks"][VIEWER] = 2 | 4
    crowd.table["gender"][wrong] = 3
    crowd.table["seeks"][seeks_others] = 14 - (1 << int(crowd.table["gender"][VIEWER]))
    crowd.table["age_min"][young] = crowd.table["age_max"][young] = 99
    crowd.table["visible"][hidden] = False
    loaded = loaded_of(tmp_path / "after", crowd)
    overlay = Overlay(loaded.release)
    loaded = replace(loaded, index=ExactIndex(loaded.release, overlay))
    ids = crowd.table["person_id"]
    overlay.withdraw(ids[banned].tolist())
    away = crowd.table[moved].copy()
    away["x"], away["y"], away["z"] = 0.0, 0.0, 1.0
    overlay.put_many(away, np.full(5, 2), TODAY)
    swipes = {str(person): NOW_S + 60 for person in ids[swiped].tolist()}
    await redis.zadd(f"seen:{{{viewer_id(crowd)}}}", swipes)
    await like(redis, crowd, [*ids[likers].tolist(), viewer_id(crowd), 999_999])
    asker = await pipeline.prepare(
        Online(redis, redis), loaded, viewer_id(crowd), request_of(crowd, VIEWER).constraints, TODAY
    )
    found = await pipeline.retrieve(loaded, asker, TODAY, 1)
    everybody = await all_ids(redis, crowd, loaded, VIEWER)
    allowed = {person for person in ids[likers[40:]].tolist() if person in everybody}
    assert 5 < len(allowed) <= 20
    assert set(found.persons.ids[1:].tolist()) == allowed - {int(found.persons.ids[0])}
    never = ids[likers[:40]]
    assert not np.isin(never, found.persons.ids).any()
    for deck in range(5):
        assert not np.isin(never, (await ranking(redis, crowd, loaded, deck)).ids).any()


async def test_a_newcomer_who_likes_is_in_the_deck(
    redis: Redis, crowd: World, tmp_path: Path
) -> None:
    loaded = loaded_of(tmp_path, crowd)
    arrays = loaded.release.arrays
    liked_by_many = np.array(arrays.cold_start)
    liked_by_many["received_rate"] = 0.97
    release = replace(loaded.release, arrays=replace(arrays, cold_start=liked_by_many))
    overlay = Overlay(release)
    loaded = replace(loaded, release=release, index=ExactIndex(release, overlay))
    newcomers = np.repeat(crowd.table[VIEWER : VIEWER + 1], 2)
    newcomers["person_id"] = 900_001, 900_002
    overlay.put_many(newcomers, np.array([1, 1]), TODAY)
    # The last by the inner product, whom they would like nevertheless.
    overlay.current().vectors[:] = arrays.candidate_vectors[by_the_product(loaded)[-1]]
    await like(redis, crowd, [900_002])
    answer = await ranking(redis, crowd, loaded)
    assert 900_002 in answer.ids
    assert 900_001 not in answer.ids
    persons = Persons(
        np.array([900_002]), np.array([-1]), newcomers["gender"][1:], newcomers["birth_day"][1:]
    )
    sides = sides_of(release, everybody_of(release), TODAY).take([VIEWER])
    heads = heads_of(release.ranker, sides, sides_of(release, persons, TODAY))
    expected = log_sigmoid(heads.there).astype(np.float16)
    np.testing.assert_array_equal(answer.scores[answer.ids == 900_002], expected)


@pytest.mark.parametrize(("rate", "counts"), [(0.89, True), (0.92, False)])
async def test_who_likes_nearly_all_is_ranked_as_anybody(
    redis: Redis, few: World, tmp_path: Path, rate: float, counts: bool
) -> None:
    loaded = loaded_of(tmp_path, few)
    ids, n = few.table["person_id"], len(few)
    given = np.full(n, 0.4, np.float32)
    given[7] = rate
    half, taste = np.full(n, 0.5, np.float32), np.zeros((n, D), np.float32)
    await write_factors(redis, "7", ids, taste, given, half, 1_000)
    before = await ranking(redis, few, loaded)
    await like(redis, few, [int(ids[7])])
    after = await ranking(redis, few, loaded)
    assert (after.encoded() != before.encoded()) == counts


async def test_100_000_likes_that_wait_cost_one_bounded_read(
    redis: Redis, few: World, tmp_path: Path
) -> None:
    loaded = loaded_of(tmp_path, few)
    await state(redis, few, loaded)
    assert await reads_of(redis, few, loaded) == 1
    likers = np.random.default_rng(5).permutation(100_000) + 1_000
    await like(redis, few, likers.tolist())
    assert await reads_of(redis, few, loaded) == 1
    found = (await state(redis, few, loaded)).likers
    assert found.dtype == np.int64
    assert found.tolist() == sorted(likers[-LIKERS:].tolist())


async def reads_of(redis: Redis, people: World, loaded: Loaded) -> int:
    """How often the server reads from its clients for one viewer: once a round trip."""
    before = await server_reads(redis)
    await state(redis, people, loaded)
    # The last question is read too.
    return await server_reads(redis) - before - 1


async def server_reads(redis: Redis) -> int:
    found = cast("dict[str, int]", await redis.info("stats"))
    return found["total_reads_processed"]


async def test_likes_are_beside_what_was_seen_where_features_are_in_a_cluster(
    redis: Redis, cluster_url: str, few: World, tmp_path: Path
) -> None:
    loaded = loaded_of(tmp_path, few)
    await like(redis, few, [9, 8])
    await redis.zadd(f"seen:{{{viewer_id(few)}}}", {"7": NOW_S + 60})
    cluster = Cluster.from_url(cluster_url)
    online = Online(redis, cluster)
    found = await read_viewer(online, loaded.release, loaded.signature, viewer_id(few))
    await cluster.aclose()
    assert (found.swiped.tolist(), found.likers.tolist()) == ([7], [8, 9])


async def test_a_set_that_holds_no_ids_makes_no_ranking(
    redis: Redis, few: World, tmp_path: Path
) -> None:
    # As of whom they swiped: discovery falls back then.
    loaded = loaded_of(tmp_path, few)
    await redis.zadd(f"likes:{{{viewer_id(few)}}}", {"nobody": NOW_S})
    with pytest.raises(ValueError, match="invalid literal"):
        await ranking(redis, few, loaded)


async def test_whom_the_index_finds_alone_is_asked_without_likes(
    redis: Redis, few: World, tmp_path: Path
) -> None:
    loaded = loaded_of(tmp_path, few)
    before = await all_ids(redis, few, loaded, VIEWER)
    await like(redis, few, sorted(before))
    assert await all_ids(redis, few, loaded, VIEWER) == before
