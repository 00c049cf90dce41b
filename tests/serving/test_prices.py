"""Prices where decks are made: who is crowded comes later, who is not known costs nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from redis.asyncio import Redis

from contracts.ranking import Ranking
from features.eligibility import viewer_of
from features.narrowing import RETRIEVED, SEARCHED, narrowed
from features.prices import KNOTS, Prices
from features.ranker import heads_of
from features.release import Release
from features.score import candidate_vectors, query_vectors
from features.signature import Signature
from features.views import factors
from serving import pipeline
from serving.index import ExactIndex, Query
from serving.overlay import Overlay
from serving.people import Persons, sides_of
from serving.pipeline import Loaded
from serving.store import Online
from serving.why import typical
from tests.serving.test_pipeline import request_of
from tests.serving.worlds import TODAY, World, world, write_world

VIEWER, CROWDED, EQUAL = 3, 7, 8


@pytest.fixture
def people() -> World:
    made = world(np.random.default_rng(1), 60, spread_km=2.0)
    made.table["visible"] = True
    made.table["seeks"] = 14
    made.table["age_min"], made.table["age_max"] = 18, 99
    made.table["max_distance_km"] = 100.0
    return made


def costs(crowded: float) -> Prices:
    """One of 60 people costs something, the more the less they like who looks at them."""
    knots = np.tile(np.linspace(-8, 8, KNOTS, dtype=np.float32), (60, 1))
    nats = np.zeros_like(knots)
    nats[CROWDED] = crowded * np.linspace(1.0, 0.5, KNOTS)
    return Prices(knots, nats).rounded()


def equals(release: Release) -> Release:
    """The two candidates as one and the same in all but their id and price."""
    arrays = release.arrays
    names = ("taste", "appeal", "given_rate", "received_rate", "line")
    changed = {name: np.array(getattr(arrays, name)) for name in names}
    columns = np.array(arrays.columns)
    for values in (*changed.values(), columns["gender"]):
        values[EQUAL] = values[CROWDED]
    made = replace(release, arrays=replace(arrays, **changed, columns=columns))
    everybody = everybody_of(made)
    vectors = candidate_vectors(
        sides_of(made, everybody, TODAY), made.prices_of(everybody.rows).uppermost()
    )
    return replace(made, arrays=replace(made.arrays, candidate_vectors=vectors))


def everybody_of(release: Release) -> Persons:
    columns = release.arrays.columns
    rows = np.arange(len(columns))
    return Persons(columns["person_id"], rows, columns["gender"], columns["birth_day"])


def priced(path: Path, people: World, prices: Prices) -> Loaded:
    written = write_world(path, people, np.random.default_rng(2), seen=0.0, prices=prices)
    release = equals(written)
    index = ExactIndex(release, Overlay(release))
    signature = Signature.of_views([factors("7")], {"taste": release.manifest.d})
    return Loaded("7", release, signature, index, typical(release), 11)


async def ranking(redis: Redis, people: World, loaded: Loaded, deck: int = 1) -> Ranking:
    return await pipeline.rank(Online(redis, redis), loaded, request_of(people, VIEWER, deck))


def of(answer: Ranking, people: World, row: int) -> float:
    (score,) = answer.scores[answer.ids == people.table["person_id"][row]].tolist()
    return float(score)


async def test_who_is_crowded_falls_behind_an_equal_who_is_not(
    redis: Redis, people: World, tmp_path: Path
) -> None:
    loaded = priced(tmp_path / "7", people, costs(1.0))
    answer = await ranking(redis, people, loaded)
    sides = sides_of(loaded.release, everybody_of(loaded.release), TODAY)
    heads = heads_of(loaded.release.ranker, sides.take([VIEWER]), sides.take([CROWDED]))
    (cost,) = loaded.release.prices_of(np.array([CROWDED])).at(heads.back).tolist()
    assert 0.5 < cost < 1.0
    difference = of(answer, people, EQUAL) - of(answer, people, CROWDED)
    assert difference == pytest.approx(cost, abs=0.01)
    # And in the draw: of many decks by as much more often as the scores say.
    ids = people.table["person_id"]
    ahead = 0
    for deck in range(200):
        order = (await ranking(redis, people, loaded, deck)).ids.tolist()
        ahead += order.index(ids[EQUAL]) < order.index(ids[CROWDED])
    expected = 1 / (1 + np.exp(-cost / loaded.release.manifest.tau))
    assert ahead / 200 == pytest.approx(expected, abs=0.12)


def test_retrieval_goes_by_prices_too(people: World, tmp_path: Path) -> None:
    ranks = []
    for crowded in (0.0, 1.0):
        loaded = priced(tmp_path / str(crowded), people, costs(crowded))
        sides = sides_of(loaded.release, everybody_of(loaded.release), TODAY)
        vector = query_vectors(sides.take([VIEWER]))[0]
        viewer = viewer_of(loaded.release.arrays.columns, VIEWER)
        found = loaded.index.search(Query(viewer, TODAY, vector, (), 60))
        rows = found.persons.rows.tolist()
        ranks.append((rows.index(CROWDED), rows.index(EQUAL)))
        scores = dict(zip(rows, found.scores.tolist(), strict=True))
        assert scores[EQUAL] - scores[CROWDED] >= 0.5 * crowded
    assert abs(ranks[0][0] - ranks[0][1]) == 1
    assert ranks[1][0] > ranks[1][1]


async def test_without_prices_a_deck_is_by_expected_matches_alone(
    redis: Redis, people: World, tmp_path: Path
) -> None:
    loaded = priced(tmp_path / "7", people, costs(0.0))
    answer = await ranking(redis, people, loaded)
    release = loaded.release
    sides = sides_of(release, everybody_of(release), TODAY)
    heads = heads_of(release.ranker, sides.take([VIEWER]), sides.take(release.rows_of(answer.ids)))
    np.testing.assert_array_equal(answer.scores, heads.log_match().astype(np.float16))


def test_a_price_stays_with_whoever_moves(people: World, tmp_path: Path) -> None:
    release = priced(tmp_path / "7", people, costs(1.0)).release
    overlay = Overlay(release)
    moved = np.array(release.arrays.columns[[CROWDED, EQUAL]])
    moved["max_distance_km"] = 77.0
    overlay.put_many(moved, np.array([2, 2]), TODAY)
    vectors = overlay.current().vectors
    np.testing.assert_array_equal(vectors, release.arrays.candidate_vectors[[CROWDED, EQUAL]])
    assert not np.array_equal(vectors[0], vectors[1])


async def test_somebody_the_release_does_not_know_costs_nothing(
    redis: Redis, people: World, tmp_path: Path
) -> None:
    everybody_costs = Prices(costs(1.0).knots, np.full((60, KNOTS), 2.0, np.float32))
    loaded = priced(tmp_path / "7", people, everybody_costs)
    newcomer = np.array(loaded.release.arrays.columns[[CROWDED]])
    newcomer["person_id"] = 901
    overlay = Overlay(loaded.release)
    overlay.put(newcomer, 1, TODAY)
    loaded = replace(loaded, index=ExactIndex(loaded.release, overlay))
    answer = await ranking(redis, people, loaded)
    persons = Persons(np.array([901]), np.array([-1]), newcomer["gender"], newcomer["birth_day"])
    release = loaded.release
    viewer = sides_of(release, everybody_of(release), TODAY).take([VIEWER])
    heads = heads_of(release.ranker, viewer, sides_of(release, persons, TODAY))
    (score,) = answer.scores[answer.ids == 901].tolist()
    assert score == pytest.approx(heads.log_match()[0], abs=2e-3)


async def test_of_a_crowd_the_best_by_tables_are_ranked_and_a_deck_is_not_complete(
    redis: Redis, tmp_path: Path
) -> None:
    crowd = world(np.random.default_rng(1), 2 * SEARCHED, spread_km=2.0)
    crowd.table["visible"], crowd.table["seeks"] = True, 14
    crowd.table["age_min"], crowd.table["age_max"] = 18, 99
    crowd.table["max_distance_km"] = 100.0
    release = write_world(tmp_path / "7", crowd, np.random.default_rng(2), seen=0.0)
    signature = Signature.of_views([factors("7")], {"taste": release.manifest.d})
    index = ExactIndex(release, Overlay(release))
    loaded = Loaded("7", release, signature, index, typical(release), 11)
    answer = await ranking(redis, crowd, loaded)
    assert not answer.complete
    assert len(answer.ids) == RETRIEVED
    sides = sides_of(release, everybody_of(release), TODAY)
    others = np.delete(np.arange(len(crowd)), VIEWER)
    linear = release.arrays.candidate_vectors[others] @ query_vectors(sides.take([VIEWER]))[0]
    found = others[np.argsort(-linear, kind="stable")[:SEARCHED]]
    kept = narrowed(sides.take([VIEWER]), sides.take(found), release.prices_of(found))
    expected = release.arrays.person_id[found[kept]]
    assert sorted(answer.ids.tolist()) == sorted(expected.tolist())
    # The first by the inner product alone are others.
    assert len(np.setdiff1d(found[:RETRIEVED], found[kept])) > 10
