"""Decks without the ranker: whatever is wrong with it, a viewer gets people who are right."""

import asyncio
from typing import Any, TypedDict

import numpy as np
import pytest
from redis.asyncio import Redis

from contracts.ranking_pb2 import RankAnswer
from discovery_api import fallback
from discovery_api.domain import Filters, asker_of
from discovery_api.fallback import MOST_OF_A_CELL, Gathered, gather
from features.disk_cells import cells_of
from features.eligibility import Candidates, eligible, viewer_of
from features.person_row import cell_key, decode_heads
from tests.discovery_api.conftest import Discovery
from tests.discovery_api.people import CELL_RESOLUTION, sociable, write_people
from tests.serving.worlds import NOW, TODAY, World


async def test_no_release_means_fallback(discovery: Discovery) -> None:
    await discovery.kernel.redis.delete("release:serving")
    deck = await fallback_deck(discovery)
    assert discovery.ranker.asked == 0
    assert deck["cards"][0]["why"][0]["code"] == "near_you"


async def test_a_release_that_the_ranker_does_not_hold_means_fallback(discovery: Discovery) -> None:
    await discovery.kernel.redis.set("release:serving", "8")
    await fallback_deck(discovery)


async def test_an_answer_that_makes_no_sense_means_fallback(discovery: Discovery) -> None:
    for body in (b"", b"{}", b"<html>", b"\x0a\x017"):
        discovery.ranker.body = body
        await fallback_deck(discovery, body)


VIEWER = int(sociable().table["person_id"][3])


def sensible(**changes: Any) -> bytes:
    """An answer about three people with two features each, but for the changes."""
    answer: dict[str, Any] = {
        "viewer": VIEWER,
        "release": "7",
        "policy": "ranker",
        "tau": 0.3,
        "seed": 1,
        "complete": True,
        "ids": ids(1, 2, 3),
        "scores": bytes(3 * 2),
        "why_codes": bytes([1, 0, 99, 3]),
        "why_values": bytes(4 * 4),
        "feature_names": ["a", "b"],
        "features": bytes(3 * 2 * 4),
    }
    return RankAnswer(**(answer | changes)).SerializeToString()


def ids(*people: int) -> bytes:
    return np.array(people, "<i8").tobytes()


UNFIT: list[dict[str, object]] = [
    {"features": b"AAA"},
    {"features": bytes(7)},
    {"features": bytes(2 * 2 * 4)},
    {"feature_names": []},
    {"feature_names": [], "features": b""},
    {"scores": bytes(2)},
    {"scores": bytes(5)},
    {"ids": ids(1, 1, 2)},
    {"ids": ids(0, 1, 2)},
    {"ids": ids(1, 2, -3)},
    {"ids": ids(1, 2, 3)[:-1]},
    {"why_codes": bytes(3)},
    {"why_codes": bytes(8), "why_values": bytes(32)},
    {"why_values": bytes(4)},
    {"tau": 0.0},
    {"tau": float("nan")},
    {"tau": float("inf")},
    {"scores": np.array([0, np.nan, 0], "<f2").tobytes()},
    {"features": np.array([0, 0, 0, 0, np.inf, 0], "<f4").tobytes()},
    {"viewer": VIEWER + 1},
    {"release": "6"},
]


async def test_an_answer_that_does_not_fit_together_means_fallback(discovery: Discovery) -> None:
    for changes in UNFIT:
        discovery.ranker.body = sensible(**changes)
        await fallback_deck(discovery, changes)


async def test_the_same_answer_whole_is_a_ranking(discovery: Discovery) -> None:
    discovery.ranker.body = sensible()
    viewer = int(discovery.people.table["person_id"][3])
    assert (await discovery.get(viewer)).json()["policy"] == "ranker"


async def test_a_late_ranker_means_fallback(discovery: Discovery) -> None:
    discovery.ranker.delay_s = 6.0
    await fallback_deck(discovery)


async def test_fallback_cards_have_no_propensity_and_hold_the_constraints(
    discovery: Discovery,
) -> None:
    people, redis = discovery.people, discovery.kernel.redis
    await redis.delete("release:serving")
    viewer = int(people.table["person_id"][3])
    mask = eligible(viewer_of(people.table, 3), Candidates.of(people.table), TODAY)
    everybody = set(people.table["person_id"][mask].tolist())
    swiped = set(sorted(everybody)[:40])
    await redis.zadd(f"seen:{{{viewer}}}", {str(person): 1 for person in swiped})
    deck = (await discovery.get(viewer, size=100)).json()
    assert {card["id"] for card in deck["cards"]} <= everybody - swiped
    assert len(deck["cards"]) == 100
    distances = [card["distance_km"] for card in deck["cards"]]
    assert np.mean(distances[:20]) < np.mean(distances[-20:])


async def test_the_cells_reach_as_far_as_the_viewer_wants(redis: Redis) -> None:
    people = sociable(60, seed=4, spread_km=25.0)
    people.table["max_distance_km"] = 30.0
    await write_people(redis, people)
    for row in range(0, 60, 6):
        mask = eligible(viewer_of(people.table, row), Candidates.of(people.table), TODAY)
        found = await gathered(redis, people, row, size=100)
        assert sorted(found.looked.ids) == sorted(people.table["person_id"][mask].tolist())
        assert found.whole


async def test_of_a_crowded_cell_the_latest_active_are_taken(redis: Redis) -> None:
    people = sociable(MOST_OF_A_CELL + 50, spread_km=0.0)
    await write_people(redis, people)
    gathering = await gathered(redis, people, 0, size=1000)
    found = gathering.looked.ids.tolist()
    cell = int(cells_of(people.latitude[0], people.longitude[0], CELL_RESOLUTION)[0])
    latest = await redis.zrevrange(cell_key(cell), 0, MOST_OF_A_CELL - 1)
    assert set(found) <= {int(person) for person in latest}
    assert len(found) >= MOST_OF_A_CELL - 1
    assert not gathering.whole


async def test_who_would_look_further_than_the_cells_reach_is_not_told_that_is_all(
    redis: Redis,
) -> None:
    people = sociable(20)
    people.table["max_distance_km"] = 101.0
    await write_people(redis, people)
    assert not (await gathered(redis, people, 0, size=100)).whole


async def test_where_hardly_anybody_is_eligible_the_work_is_bounded(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "MOST_LOOKED_AT", 500)
    people = sociable(1200)
    people.table["age_min"] = people.table["age_max"] = 99
    await write_people(redis, people)
    before = await rows_read(redis)
    found = await gathered(redis, people, 0, size=20)
    assert (len(found.looked.ids), found.whole) == (0, False)
    assert await rows_read(redis) - before == 1 + 500


READS = ("cmdstat_get", "cmdstat_getrange")


async def rows_read(redis: Redis) -> int:
    stats = await redis.info("commandstats")
    return sum(int(stats[name]["calls"]) for name in READS if name in stats)


async def gathered(redis: Redis, people: World, row: int, size: int) -> Gathered:
    key = f"person:{{{int(people.table['person_id'][row])}}}"
    asker = asker_of(decode_heads([await redis.get(key)]), Filters(), TODAY)
    return await gather(redis, asker, size, TODAY, NOW)


class Card(TypedDict):
    id: int
    distance_km: int
    why: list[dict[str, str]]


class Deck(TypedDict):
    policy: str
    release: str | None
    cards: list[Card]


async def fallback_deck(discovery: Discovery, of: object = "") -> Deck:
    async with asyncio.timeout(20):
        response = await discovery.get(int(discovery.people.table["person_id"][3]))
    deck: Deck = response.json()
    assert response.status_code == 200
    assert (deck["policy"], deck["release"]) == ("fallback", None), of
    assert len(deck["cards"]) == 20
    return deck
