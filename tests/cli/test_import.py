"""`gravity import`: good rows go where they belong, bad ones into a file with their reasons."""

import asyncio
import csv
import gzip
import json
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest
from redis.asyncio import Redis

from cli.importing.ratings import RatingScale
from cli.importing.runs import import_profiles, import_ratings, import_swipes
from cli.importing.sources import UnreadableFile
from features.lake import read_profiles, read_rows, read_swipes
from features.person_row import decode_tail, person_row_key
from gravity.settings import Settings
from simulator.population import draw_population
from tests.cli.worlds import (
    PROFILES_HEAD,
    environment_of,
    request,
    state_of,
    stores_of,
    write_people,
    write_swipes,
)

REAL_RATINGS = Path(__file__).parents[2].parent / "shared" / "data" / "libimseti"
ANA = "Ana,1990-05-01,woman,man;nonbinary,25,45,50,37.7,-122.4"


def reasons(path: Path) -> dict[str, str]:
    with path.with_name(f"{path.name}.rejected.csv").open(encoding="utf-8") as source:
        return {row["row"]: row["reason"] for row in csv.DictReader(source)}


async def test_people_arrive_in_postgres_the_lake_and_redis(
    pool: asyncpg.Pool, redis: Redis, tmp_path: Path
) -> None:
    stores = await stores_of(pool, redis, tmp_path)
    path = tmp_path / "people.csv"
    path.write_text(f"{PROFILES_HEAD}\n7,{ANA}\n", encoding="utf-8")
    summary = await import_profiles(stores, request(path))
    assert (summary.rows, summary.recorded, summary.rejected) == (1, 1, 0)
    assert not path.with_name("people.csv.rejected.csv").exists()
    row = await pool.fetchrow("select name, gender, seeks, simulated from persons")
    assert tuple(row) == ("Ana", 2, [1, 3], False)
    (found,) = read_profiles(stores.lake).to_pylist()
    assert (found["person"], found["age_max"], found["latitude"]) == (7, 45, 37.7)
    assert await redis.exists(person_row_key(7))


async def test_each_bad_profile_is_named_and_the_good_ones_go_in(
    pool: asyncpg.Pool, redis: Redis, tmp_path: Path
) -> None:
    bad = {
        "younger than 18": "2,Bo,2020-01-01,man,woman,18,40,50,37.7,-122.4",
        "older than 120": "2,Bo,1850-01-01,man,woman,18,40,50,37.7,-122.4",
        "birth_date is not understood": "2,Bo,1990-02-31,man,woman,18,40,50,37.7,-122.4",
        "latitude is not understood": "2,Bo,1990-01-01,man,woman,18,40,50,nan,-122.4",
        "latitude is not within ±90": "2,Bo,1990-01-01,man,woman,18,40,50,90.1,-122.4",
        "longitude is not within ±180": "2,Bo,1990-01-01,man,woman,18,40,50,37.7,-181",
        "age_min is above age_max": "2,Bo,1990-01-01,man,woman,50,40,50,37.7,-122.4",
        "age_min is not within 18 and 120": "2,Bo,1990-01-01,man,woman,12,40,50,37.7,-122.4",
        "max_distance_km is not a distance on Earth": "2,Bo,1990-01-01,man,,18,40,-5,37.7,-122.4",
        "gender is not understood": "2,Bo,1990-01-01,robot,woman,18,40,50,37.7,-122.4",
        "seeks is not understood": "2,Bo,1990-01-01,man,woman;cat,18,40,50,37.7,-122.4",
        "name is missing": "2,  ,1990-01-01,man,woman,18,40,50,37.7,-122.4",
        "person is not understood": "two,Bo,1990-01-01,man,woman,18,40,50,37.7,-122.4",
        "person is not a positive number": "-2,Bo,1990-01-01,man,woman,18,40,50,37.7,-122.4",
        "person was in this file before": f"1,{ANA}",
    }
    stores = await stores_of(pool, redis, tmp_path)
    path = tmp_path / "people.csv"
    path.write_text("\n".join([PROFILES_HEAD, f"1,{ANA}", *bad.values()]) + "\n", "utf-8")
    # Few rows a chunk: that somebody came before is remembered over chunks.
    summary = await import_profiles(stores, request(path, rows_each=4))
    assert (summary.rows, summary.recorded, summary.rejected) == (len(bad) + 1, 1, len(bad))
    assert reasons(path) == {str(2 + place): reason for place, reason in enumerate(bad)}
    assert await pool.fetchval("select array_agg(person) from persons") == [1]


async def test_how_much_exposure_is_enough_arrives_or_is_refused(
    pool: asyncpg.Pool, redis: Redis, tmp_path: Path
) -> None:
    stores = await stores_of(pool, redis, tmp_path)
    path = tmp_path / "people.csv"
    enough = ("2.5", "", "0.25", "4", "0.2", "4.01", "-1", "nan", "much")
    rows = [f"{1 + place},{ANA},{dial}" for place, dial in enumerate(enough)]
    path.write_text("\n".join([f"{PROFILES_HEAD},exposure", *rows]) + "\n", "utf-8")
    summary = await import_profiles(stores, request(path))
    assert (summary.recorded, summary.rejected) == (4, 5)
    out, unknown = "exposure is not within 0.25 and 4", "exposure is not understood"
    assert reasons(path) == {"5": out, "6": out, "7": out, "8": unknown, "9": unknown}
    stored = await pool.fetch("select exposure from persons order by person")
    assert [row["exposure"] for row in stored] == [2.5, 1.0, 0.25, 4.0]
    assert read_profiles(stores.lake)["exposure"].to_pylist() == [2.5, 1.0, 0.25, 4.0]


async def test_photos_arrive_wherever_profiles_do(
    pool: asyncpg.Pool, redis: Redis, tmp_path: Path
) -> None:
    stores = await stores_of(pool, redis, tmp_path)
    until = datetime(2024, 3, 1, tzinfo=UTC)
    profiles = draw_population(60, until, seed=1)
    photos = profiles["photos"].to_pylist()
    assert {len(shown or []) for shown in photos} == {0, 1}
    pq.write_table(profiles, tmp_path / "people.parquet")
    pcsv.write_csv(with_text_for_lists(profiles), tmp_path / "people.csv")
    # The same people again, as text: what was there stays, and is the same.
    for name, counted in (("people.parquet", (60, 0)), ("people.csv", (0, 60))):
        summary = await import_profiles(stores, request(tmp_path / name))
        assert (summary.recorded, summary.known, summary.rejected) == (*counted, 0)
    stored = await pool.fetch("select photos from persons order by person")
    assert [json.loads(row["photos"]) for row in stored] == photos
    assert read_profiles(stores.lake)["photos"].to_pylist() == photos
    rows = await redis.mget([person_row_key(person) for person in range(1, 61)])
    assert [decode_tail(row).photos for row in rows] == photos


def with_text_for_lists(profiles: pa.Table) -> pa.Table:
    """The table as CSV can hold it: photos as JSON, genders with `;` between them."""
    for name, text in (
        ("photos", json.dumps),
        ("seeks", lambda genders: ";".join(str(gender) for gender in genders)),
    ):
        column = pa.array([text(value) for value in profiles[name].to_pylist()])
        profiles = profiles.set_column(profiles.schema.get_field_index(name), name, column)
    return profiles


async def test_each_bad_swipe_is_named_and_the_good_ones_go_in(
    pool: asyncpg.Pool, redis: Redis, tmp_path: Path
) -> None:
    bad = {
        "swiped is missing": "1,,like,2024-01-01T00:00:00Z",
        "swiper and swiped are the same person": "1,1,like,2024-01-01T00:00:00Z",
        "swiped is not a known person": "1,99,like,2024-01-01T00:00:00Z",
        "swiper is not a positive number": "0,1,like,2024-01-01T00:00:00Z",
        "action is not understood": "1,2,wave,2024-01-01T00:00:00Z",
        "swiped_at is not understood": "1,2,like,2024-01-01T00:00:00",
        "swiped_at is before the year 2000": "1,2,like,1990-01-01T00:00:00Z",
        "swiped_at is in the future": "1,2,like,2190-01-01T00:00:00Z",
    }
    stores = await stores_of(pool, redis, tmp_path)
    await import_profiles(stores, request(write_people(tmp_path / "people.csv", 5)))
    path = tmp_path / "swipes.csv"
    good = "1,2,like,2024-01-01T00:00:00Z\n2,1,superlike,2024-01-02T00:00:00+01:00"
    lines = ["swiper,swiped,action,swiped_at", *bad.values(), good, "1,2,pass,2024-01-03T00:00:00Z"]
    path.write_text("\n".join([*lines, "1,2"]) + "\n", encoding="utf-8")
    summary = await import_swipes(stores, request(path), without_profiles=False)
    assert (summary.recorded, summary.known, summary.matches) == (2, 1, 1)
    assert summary.rejected == len(bad) + 1
    found = reasons(path)
    assert found.pop("") == "2 columns instead of 4"
    assert found == {str(1 + place): reason for place, reason in enumerate(bad)}
    assert (await state_of(stores)).stored == [(1, 2, 1), (2, 1, 3)]


async def test_impressions_of_a_file_are_kept(
    pool: asyncpg.Pool, redis: Redis, tmp_path: Path
) -> None:
    stores = await stores_of(pool, redis, tmp_path)
    path = tmp_path / "swipes.parquet"
    deck = "0b2f6e5c-96ab-4d0f-9a5f-7f39f4f7c001"
    rows: dict[str, Any] = {
        "swiper": [1, 2, 3],
        "swiped": [2, 3, 1],
        "action": ["like", "pass", "like"],
        "swiped_at": pa.array([1_700_000_000_000] * 3, pa.timestamp("ms", tz="UTC")),
        "deck_id": [deck, None, "not-a-deck"],
        "position": [0, None, 1],
        "propensity": pa.array([0.25, None, 0.5], pa.float32()),
        "policy": ["exploring", None, None],
    }
    pq.write_table(pa.table(rows), path)
    summary = await import_swipes(stores, request(path), without_profiles=True)
    assert (summary.recorded, summary.rejected) == (2, 1)
    assert reasons(path) == {"3": "deck_id is not a UUID"}
    (impression,) = read_rows(stores.lake, "impressions").to_pylist()
    assert impression["deck_id"] == deck
    assert (impression["viewer"], impression["candidate"]) == (1, 2)
    assert (impression["propensity"], impression["policy"]) == (0.25, "exploring")
    ids = read_swipes(stores.lake)["event_id"].to_pylist()
    assert len(set(ids)) == 2
    assert all(str(each)[14] == "7" for each in ids)


async def test_a_file_is_imported_once(pool: asyncpg.Pool, redis: Redis, tmp_path: Path) -> None:
    stores = await stores_of(pool, redis, tmp_path)
    path = write_swipes(tmp_path / "swipes.csv", people=20, each=5)
    first = await import_swipes(stores, request(path), without_profiles=True)
    before = await state_of(stores)
    second = await import_swipes(stores, request(path), without_profiles=True)
    assert not first.imported_before
    assert second.imported_before
    assert second.recorded == first.recorded
    assert await state_of(stores) == before


async def test_an_older_profile_does_not_replace_a_newer_one(
    pool: asyncpg.Pool, redis: Redis, tmp_path: Path
) -> None:
    stores = await stores_of(pool, redis, tmp_path)
    for name, version in (("new", 5), ("old", 4)):
        path = tmp_path / f"{name}.csv"
        head = f"{PROFILES_HEAD},version\n"
        path.write_text(f"{head}1,{ANA.replace('Ana', name)},{version}\n", encoding="utf-8")
        await import_profiles(stores, request(path))
    assert await pool.fetchval("select name from persons") == "new"
    assert read_profiles(stores.lake)["name"].to_pylist() == ["new"]
    assert b"new" in (await redis.get(person_row_key(1)))


async def test_what_postgres_keeps_is_kept_in_redis_and_the_lake_too(
    pool: asyncpg.Pool, redis: Redis, tmp_path: Path
) -> None:
    stores = await stores_of(pool, redis, tmp_path)
    for name in ("first", "second"):
        # Both are version 1, as in every file that names none.
        path = tmp_path / f"{name}.csv"
        path.write_text(f"{PROFILES_HEAD}\n1,{ANA.replace('Ana', name)}\n", encoding="utf-8")
        summary = await import_profiles(stores, request(path))
    assert (summary.recorded, summary.known) == (0, 1)
    assert await pool.fetchval("select name from persons") == "first"
    assert read_profiles(stores.lake)["name"].to_pylist() == ["first"]
    assert b"first" in (await redis.get(person_row_key(1)))


async def test_profiles_killed_before_the_lake_arrive_when_run_again(
    pool: asyncpg.Pool, redis: Redis, tmp_path: Path
) -> None:
    stores = await stores_of(pool, redis, tmp_path)
    path = write_people(tmp_path / "people.csv", 3)
    asked = request(path)
    await import_profiles(stores, asked)
    for done in (
        *asked.progress_folder.glob("*/*.done"),
        *asked.progress_folder.glob("*/summary*"),
    ):
        done.unlink()
    shutil.rmtree(stores.lake)
    await redis.flushall()
    await pool.execute("update persons set name = 'changed since', version = 2 where person = 2")
    assert (await import_profiles(stores, asked)).recorded == 2
    assert set(read_profiles(stores.lake)["person"].to_pylist()) == {1, 3}
    assert await redis.exists(person_row_key(1), person_row_key(2), person_row_key(3)) == 2


async def test_unreadable_files_are_said_to_be(
    pool: asyncpg.Pool, redis: Redis, tmp_path: Path
) -> None:
    stores = await stores_of(pool, redis, tmp_path)
    wrong = {"a.txt": "x", "b.parquet": "no parquet", "c.csv": "swiper,swiped\n1,2\n"}
    for name, text in wrong.items():
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UnreadableFile, match=name):
            await import_swipes(stores, request(path), without_profiles=True)
    with pytest.raises(UnreadableFile, match=r"absent\.csv"):
        await import_profiles(stores, request(tmp_path / "absent.csv"))


_RUN_IN_SMALL_CHUNKS = """
import asyncio, sys
from pathlib import Path
from cli.importing.effects import open_stores
from cli.importing.runs import import_swipes
from gravity.settings import Settings
from tests.cli.worlds import request

async def main():
    each = request(Path(sys.argv[1]), rows_each=100)
    async with open_stores(Settings.load()) as stores:
        await import_swipes(stores, each, without_profiles=True)

asyncio.run(main())
"""


def kill_when(folder: Path, marker: str, path: Path, environment: dict[str, str]) -> None:
    """Run an import and end it with SIGKILL as soon as the marker file is there."""
    run = subprocess.Popen([sys.executable, "-c", _RUN_IN_SMALL_CHUNKS, str(path)], env=environment)
    while run.poll() is None and not list(folder.glob(marker)):
        time.sleep(0.002)
    run.kill()
    assert run.wait() == -signal.SIGKILL


@pytest.mark.parametrize("chunk", [0, 7, 23])
async def test_an_import_killed_anywhere_ends_as_if_it_had_not_been(
    chunk: int, settings: Settings, pool: asyncpg.Pool, redis: Redis, tmp_path: Path
) -> None:
    stores = await stores_of(pool, redis, tmp_path)
    path = write_swipes(tmp_path / "swipes.csv", people=80, each=30)
    marker = f"imports/*/chunk-{chunk:06d}.begun"
    await asyncio.to_thread(kill_when, tmp_path, marker, path, environment_of(settings))
    summary = await import_swipes(stores, request(path, rows_each=100), without_profiles=True)
    assert summary.rows == 2400
    assert chunk <= summary.resumed_chunks <= chunk + 1
    state = await state_of(stores)
    assert state.lake == state.stored
    assert len(state.stored) == summary.recorded
    likes = {(swiper, swiped) for swiper, swiped, action in state.stored if action != 2}
    assert state.matches == sorted((a, b) for a, b in likes if a < b and (b, a) in likes)
    assert sum(state.seen.values()) == len(state.stored)
    assert state.behaviour_keys == 80


async def test_the_command_reports_as_json_and_says_what_went_wrong(
    settings: Settings, tmp_path: Path
) -> None:
    async def gravity(*arguments: str) -> tuple[int, str, str]:
        run = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.main", "import", *arguments),
            env=environment_of(settings),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, error = await run.communicate()
        return run.returncode or 0, out.decode(), error.decode()

    people = write_people(tmp_path / "people.csv", 20)
    code, out, _ = await gravity("profiles", str(people), "--json")
    assert code == 0
    assert json.loads(out)["recorded"] == 20
    swipes = write_swipes(tmp_path / "swipes.csv", people=25, each=3)
    code, out, _ = await gravity("swipes", str(swipes))
    assert code == 0
    assert "rejected rows and reasons" in out
    code, _, error = await gravity("swipes", str(tmp_path / "absent.csv"))
    assert code == 2
    assert "absent.csv" in error


async def test_ratings_become_likes_and_passes_over_the_days_before(
    pool: asyncpg.Pool, redis: Redis, tmp_path: Path
) -> None:
    stores = await stores_of(pool, redis, tmp_path)
    path = tmp_path / "ratings.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as target:
        target.write("rater,rated,rating\n0,1,8\n1,0,10\n1,2,7.5\n2,2,9\n2,x,9\n")
    summary = await import_ratings(stores, request(path), RatingScale(add_to_ids=1))
    assert (summary.recorded, summary.rejected, summary.matches) == (3, 2, 1)
    assert (await state_of(stores)).stored == [(1, 2, 1), (2, 1, 1), (2, 3, 2)]
    at = read_swipes(stores.lake)["swiped_at"].to_numpy()
    assert at.max() - at.min() == np.timedelta64(12, "D")


@pytest.mark.skipif(
    not REAL_RATINGS.exists(), reason="LibímSeTi is not shipped: ../shared/data/libimseti is absent"
)
async def test_real_ratings_of_real_people_are_imported(
    pool: asyncpg.Pool, redis: Redis, tmp_path: Path
) -> None:
    stores = await stores_of(pool, redis, tmp_path)
    for part, rows in (("train", 70_599), ("validation", 8_769), ("test", 8_769)):
        path = tmp_path / f"{part}.csv.gz"
        path.write_bytes((REAL_RATINGS / path.name).read_bytes())
        scale = RatingScale(add_to_ids=1_000_000)
        summary = await import_ratings(stores, request(path, 50_000), scale)
        assert (summary.rows, summary.rejected) == (rows, 0)
    swipes = read_swipes(stores.lake, columns=["action"])["action"].to_numpy()
    assert len(swipes) == 88_137
    assert (swipes == 1).mean() == pytest.approx(0.365, abs=0.001)
    # 23.3% of the 3,050 pairs with both sides are mutual likes.
    assert await pool.fetchval("select count(*) from matches") == 712
