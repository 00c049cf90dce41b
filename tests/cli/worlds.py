"""Small files to import, and what is in the stores afterwards."""

import os
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from redis.asyncio import Redis

from cli.importing.effects import Stores
from cli.importing.runs import Request
from features.lake import read_swipes
from gravity.kernel import utc_now
from gravity.postgres import migrate
from gravity.settings import Settings

PROFILES_HEAD = (
    "person,name,birth_date,gender,seeks,age_min,age_max,max_distance_km,latitude,longitude"
)


def environment_of(settings: Settings) -> dict[str, str]:
    """What `gravity up` would write to the environment file, for a command of its own."""
    return {
        **os.environ,
        "GRAVITY_HOME": str(settings.home),
        "GRAVITY_POSTGRES_URL": settings.postgres_url,
        "GRAVITY_REDIS_URL": settings.redis_url,
        "GRAVITY_BUS_URL": settings.bus_url,
        "GRAVITY_CARD_TOKEN_KEY": settings.card_token_key.get_secret_value(),
        "GRAVITY_JWT_PUBLIC_KEY": settings.jwt_public_key,
    }


async def stores_of(pool: asyncpg.Pool, redis: Redis, folder: Path) -> Stores:
    """Stores with their tables, and a lake in `folder`."""
    for package in ("gravity", "profiles", "interactions"):
        await migrate(pool, package)
    return Stores(pool, redis, redis, str(folder / "lake"))


def request(path: Path, rows_each: int = 1_000) -> Request:
    """A request that leaves its traces beside the file."""
    return Request(
        path=path,
        progress_folder=path.parent / "imports",
        rejected=path.with_name(f"{path.name}.rejected.csv"),
        rows_each=rows_each,
        now=utc_now(),
        report=lambda done, total: None,
    )


def write_people(path: Path, count: int) -> Path:
    """A CSV file of `count` valid profiles, ids from 1."""
    rows = [
        f"{person},P{person},1990-05-{1 + person % 28:02d},{'man' if person % 2 else 'woman'},"
        f"{'woman' if person % 2 else 'man'},18,99,100,37.{person % 90:02d},-122.2"
        for person in range(1, count + 1)
    ]
    path.write_text("\n".join([PROFILES_HEAD, *rows]) + "\n", encoding="utf-8")
    return path


def write_swipes(path: Path, people: int, each: int) -> Path:
    """A CSV file in which everybody of 1..people swipes on the `each` people after them."""
    rows = [
        f"{person},{1 + (person + step) % people},{'like' if (person * step) % 3 else 'pass'},"
        f"2024-01-{1 + step % 28:02d}T10:00:{person % 60:02d}Z"
        for person in range(1, people + 1)
        for step in range(each)
    ]
    path.write_text("\n".join(["swiper,swiped,action,swiped_at", *rows]) + "\n", encoding="utf-8")
    return path


@dataclass(frozen=True)
class State:
    """All that an import of swipes leaves behind, in comparable form."""

    stored: list[tuple[int, int, int]]
    lake: list[tuple[int, int, int]]
    matches: list[tuple[int, int]]
    seen: dict[bytes, int]
    behaviour_keys: int


async def state_of(stores: Stores) -> State:
    """What the stores hold now."""
    rows = await stores.pool.fetch("select swiper, swiped, action from swipes order by 1, 2")
    matches = await stores.pool.fetch("select low, high from matches order by 1, 2")
    lake = read_swipes(stores.lake, columns=["swiper", "swiped", "action"]).to_pylist()
    keys = [key async for key in stores.redis.scan_iter(match="*")]
    seen = {key: int(await stores.redis.zcard(key)) for key in keys if key.startswith(b"seen:")}
    return State(
        stored=[(row["swiper"], row["swiped"], row["action"]) for row in rows],
        lake=sorted((row["swiper"], row["swiped"], row["action"]) for row in lake),
        matches=[(row["low"], row["high"]) for row in matches],
        seen=dict(sorted(seen.items())),
        behaviour_keys=sum(b"gravity" in key for key in keys),
    )
