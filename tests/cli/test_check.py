"""The check must be able to fail: it counts what is wrong, without sharing code with the right."""

from dataclasses import replace
from datetime import date
from uuid import uuid4

import asyncpg
import httpx
import numpy as np
import pytest

from cli.check.brute_force import People, eligible
from cli.check.decks import check_decks
from cli.check.intervals import mean_interval, ratio_low
from cli.check.matches import MatchCounts, count_matches
from cli.check.world import World
from cli.client import Client
from features.eligibility import Candidates, person_table, viewer_of
from features.eligibility import eligible as served_eligible
from gravity.postgres import migrate

TODAY = date(2026, 11, 24)
_DAY = (TODAY - date(1970, 1, 1)).days


def _people(count: int, seed: int) -> People:
    rng = np.random.default_rng(seed)
    seeks = rng.random((count, 4)) < 0.6
    seeks[:, 0] = False
    age_min = rng.integers(18, 40, count)
    return People(
        person=np.arange(1, count + 1) * 3,
        latitude=37.5 + rng.normal(0, 0.4, count),
        longitude=-122.2 + rng.normal(0, 0.4, count),
        birthday=(_DAY - rng.integers(18 * 365, 60 * 365, count)).astype("datetime64[D]"),
        gender=rng.integers(1, 4, count),
        seeks=seeks,
        age_min=age_min,
        age_max=age_min + rng.integers(0, 40, count),
        max_distance_km=rng.choice([10.0, 50.0, 100.0], count),
        shown=rng.random(count) < 0.9,
    )


def _world(people: People) -> World:
    nothing = np.zeros(0, np.int64)
    body_type = np.full(len(people.person), "fit")
    return World(people, body_type, nothing, nothing, TODAY)


def test_of_the_likes_that_nobody_answered_the_latest_wait() -> None:
    people = _people(700, 2)
    # Rows 1 to 600 like row 0, the last of them first; row 0 has swiped 600 and 3.
    on_them = np.arange(600, 0, -1) * 700
    swiped = np.array([3, 600], np.int64)
    world = replace(
        _world(people), swiped_pairs=swiped, liked_pairs=np.append(on_them, 5 * 700 + 9)
    )
    waiting = [row for row in range(1, 514) if row != 3]
    assert np.flatnonzero(world.likers(0)).tolist() == waiting[:512]
    assert np.flatnonzero(world.likers(9)).tolist() == [5]
    assert not world.likers(1).any()


@pytest.mark.parametrize("seed", range(5))
def test_both_writings_of_the_constraints_agree(seed: int) -> None:
    people = _people(300, seed)
    table = person_table(
        people.person,
        people.latitude,
        people.longitude,
        birth_day=people.birthday.astype("datetime64[D]").astype(np.int64),
        gender=people.gender,
        seeks=(people.seeks * (1 << np.arange(4))).sum(axis=1),
        age_min=people.age_min,
        age_max=people.age_max,
        max_distance_km=people.max_distance_km,
        visible=people.shown,
    )
    candidates = Candidates.of(table)
    for row in range(0, 300, 7):
        served = served_eligible(viewer_of(table, row), candidates, _DAY)
        assert eligible(people, row, TODAY).tolist() == served.tolist()


async def test_a_card_against_a_constraint_is_counted_and_so_is_a_short_deck() -> None:
    people = _people(200, 1)
    world = _world(people)
    row = int(np.argmax([eligible(people, r, TODAY).sum() for r in range(200)]))
    allowed = people.person[world.unseen_eligible(row)]
    forbidden = np.setdiff1d(people.person, allowed)[:2]
    assert len(allowed) > 5

    async def check(ids: list[int], size: int) -> tuple[int, int]:
        cards = [{"id": person} for person in ids]
        answer = {"deck_id": "x", "release": "1", "policy": "ranker", "cards": cards}
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
            client = Client(http, lambda _: "token")
            found = await check_decks(world, client, [int(people.person[row])], size, lambda: None)
        return found.violations, found.short_decks

    assert await check(allowed[:5].tolist(), 5) == (0, 0)
    assert await check([*allowed[:3].tolist(), *forbidden.tolist()], 5) == (2, 0)
    assert await check([*allowed[:4].tolist(), int(allowed[0])], 5) == (1, 0)
    assert await check(allowed[:3].tolist(), 5) == (0, 1)


async def test_matches_that_are_missing_or_told_under_two_ids_are_counted(
    pool: asyncpg.Pool,
) -> None:
    await migrate(pool, "interactions")
    likes = [(1, 2), (2, 1), (1, 3), (3, 1), (1, 4), (4, 1), (1, 5), (5, 1), (1, 6)]
    await pool.executemany("insert into swipes values ($1, $2, 1, now())", likes)
    await pool.execute("insert into blocks values (4, 1, now())")
    await pool.execute("insert into withdrawn_persons values (5, now(), true)")
    for other in (2, 3):
        await _match(pool, 1, other)
    assert await count_matches(pool) == MatchCounts(matches=2, duplicates=0, missing=0)

    told = "update match_members set match_id = gen_random_uuid() where person = 2"
    await pool.execute(told)
    assert await count_matches(pool) == MatchCounts(matches=2, duplicates=1, missing=1)
    await pool.execute(
        "update matches set match_id = (select match_id from matches where high = 3)"
    )
    assert (await count_matches(pool)).duplicates > 1
    for table in ("matches", "match_members"):
        await pool.execute(f"truncate {table}")
    assert await count_matches(pool) == MatchCounts(matches=0, duplicates=0, missing=2)


async def _match(pool: asyncpg.Pool, low: int, high: int) -> None:
    match_id = uuid4()
    await pool.execute("insert into matches values ($1, $2, $3, 1, now())", low, high, match_id)
    for sides in ((low, high), (high, low)):
        await pool.execute(
            "insert into match_members values ($1, $2, $3, 1, now())", *sides, match_id
        )


def test_intervals_hold_the_mean_and_the_ratio() -> None:
    rng = np.random.default_rng(0)
    below = rng.gamma(4, 1, 800)
    above = 2 * below + rng.normal(0, 0.1, 800)
    interval = mean_interval(below)
    assert interval is not None
    assert interval["low"] < 4 < interval["high"]
    assert 1.95 < ratio_low(above, below, rng) < 2.0
    assert mean_interval(np.array([1.0])) is None
