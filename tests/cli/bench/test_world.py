"""The population of a benchmark: as large as wanted, consistent wherever it is written."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from redis.asyncio import Redis

from cli.bench.world.online import write_people, write_seen
from cli.bench.world.population import Population, draw_population, people_around
from cli.bench.world.release import write_population
from cli.bench.world.seen import Seen, draw_seen
from cli.bench.world.since import lagging, part_seen
from cli.bench.world.source import Source, source_for
from cli.bench.world.truth import world_of
from features.eligibility import Candidates, eligible, viewer_of
from features.person_row import decode_heads, person_row_key
from features.reader import read
from features.release import Release
from features.views import BEHAVIOUR, PROFILE
from features.wire import run
from simulator.population import DISTANCE_LIMITS_KM, DISTANCE_SHARES

PEOPLE = 1500
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TODAY = 20_513


@dataclass(frozen=True)
class Drawn:
    """A population, its source and whom it has seen."""

    source: Source
    population: Population
    seen: Seen


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """More people than the source has."""
    source = source_for(600, tmp_path_factory.mktemp("sources"), NOW)
    random = np.random.default_rng(1)
    population = draw_population(source, PEOPLE, TODAY, random)
    return Drawn(source, population, draw_seen(population, random))


def test_people_are_those_of_the_source_in_other_places(drawn: Drawn) -> None:
    people, source = drawn.population, drawn.source
    assert sorted(people.person_id) == list(range(1, PEOPLE + 1))
    assert np.all(people.cell[1:] >= people.cell[:-1])
    origin = source.release.arrays.columns[people.source]
    for name in ("gender", "seeks", "age_min", "age_max"):
        assert np.array_equal(people.table[name], origin[name])
    shares = [np.mean(people.table["max_distance_km"] == km) for km in DISTANCE_LIMITS_KM]
    assert shares == pytest.approx(DISTANCE_SHARES, abs=0.05)
    assert np.mean(people.table["visible"]) == pytest.approx(0.98, abs=0.02)
    # From San Diego to Oregon.
    assert np.ptp(people.latitude) > 6


def test_cities_have_more_people_around_them(drawn: Drawn) -> None:
    people = drawn.population
    around = people_around(people, np.arange(PEOPLE), 50.0)
    apart = people.latitude[:, None] - people.latitude, people.longitude[:, None] - people.longitude
    # A degree of longitude is shorter than one of latitude: these are within 50 km for certain.
    assert np.all(around >= np.sum(np.hypot(*apart) < 0.44, axis=1))
    in_angeles = np.hypot(people.latitude - 34.05, people.longitude + 118.24) < 0.2
    assert np.median(around[in_angeles]) > 2 * np.median(around)


def test_what_was_seen_is_sorted_distinct_and_sought(drawn: Drawn) -> None:
    table = drawn.population.table
    row_of = np.argsort(table["person_id"])
    assert 20 < len(drawn.seen.ids) / PEOPLE < 60
    for row in range(PEOPLE):
        ids = drawn.seen.of(row)
        assert np.all(np.diff(ids) > 0)
        assert table["person_id"][row] not in ids
        assert np.all((table["seeks"][row] >> table["gender"][row_of[ids - 1]]) & 1)


def test_a_release_of_it_opens_and_scores_as_its_source(drawn: Drawn, tmp_path: Path) -> None:
    population, source = drawn.population, drawn.source
    random = np.random.default_rng(2)
    write_population(tmp_path / "1", population, drawn.seen, source, NOW, random)
    release = Release.open(tmp_path / "1")
    assert release.manifest.people == PEOPLE
    assert release.manifest.calibration == source.release.manifest.calibration
    assert np.array_equal(release.arrays.columns, population.table)
    assert np.array_equal(release.seen_by(7), drawn.seen.of(7))
    me = population.person_id[7]
    passed = [row for row in range(PEOPLE) if me in drawn.seen.of(row)]
    assert len(passed) and np.array_equal(
        release.passed_by(7), np.sort(population.person_id[passed])
    )
    former = source.release.arrays.candidate_vectors[population.source]
    vectors = np.asarray(release.arrays.candidate_vectors)
    # Nobody is far from whom they come from.
    assert np.all(np.std(vectors - former, axis=0) <= 0.2 * np.std(former, axis=0) + 1e-6)
    assert len(np.unique(vectors, axis=0)) == PEOPLE


def test_the_truth_agrees_with_the_table(drawn: Drawn) -> None:
    population = drawn.population
    viewers = np.arange(0, PEOPLE, 50)
    world = world_of(population, drawn.seen, viewers)
    candidates = Candidates.of(population.table)
    for row in viewers.tolist():
        mask = eligible(viewer_of(population.table, row), candidates, TODAY)
        expected = np.setdiff1d(population.person_id[mask], drawn.seen.of(row))
        found = world.unseen_eligible(world.people.row(int(population.person_id[row])))
        assert np.array_equal(world.people.person[found], expected)


async def test_redis_has_the_people_of_the_table(drawn: Drawn, redis: Redis) -> None:
    population = drawn.population
    done: list[int] = []
    await write_people(redis, population, drawn.source, NOW, done.append)
    await write_seen(redis, population, drawn.seen, np.array([7]), NOW)
    assert done == [PEOPLE]
    ids = population.person_id
    heads = decode_heads(await redis.mget([person_row_key(person) for person in ids.tolist()]))
    assert np.array_equal(heads.people, population.table)
    views = await read(redis, [PROFILE, BEHAVIOUR], ids)
    assert np.array_equal(views["profile"].numbers("latitude"), population.latitude)
    counts = drawn.source.release.arrays.counts[population.source]
    assert np.array_equal(views["behaviour"].numbers("swipes_received"), counts[:, 3])
    # Nobody needs to be replayed when a release of it is activated.
    window = int((NOW - timedelta(hours=1)).timestamp() * 1000)
    assert np.all(views["behaviour"].event_ms < window)
    seen = await run(redis.zrange(f"seen:{{{int(ids[7])}}}", 0, -1))
    assert sorted(map(int, seen)) == drawn.seen.of(7).tolist()


def test_a_release_lags_behind_by_swipes_and_by_a_hair(drawn: Drawn) -> None:
    rows = np.arange(0, PEOPLE, 3)
    parted = part_seen(drawn.seen, rows, 10, np.random.default_rng(2))
    for row in range(PEOPLE):
        before, since = parted.before.of(row), parted.since.of(row)
        assert np.array_equal(np.union1d(before, since), drawn.seen.of(row))
        many = len(drawn.seen.of(row)) // 2 if row % 3 == 0 else 0
        assert (len(since), len(before) + len(since)) == (min(10, many), len(drawn.seen.of(row)))
    table = drawn.population.table
    then = lagging(drawn.population, rows)
    differ = np.flatnonzero(then != table)
    assert np.array_equal(differ, rows)
    assert np.all(table["max_distance_km"] - then["max_distance_km"] < 1e-4)
