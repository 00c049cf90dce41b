"""What the check knows: Postgres' rows, everyone's swipes and the release, read once."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import asyncpg
import numpy as np
from numpy.typing import NDArray

from cli.check.brute_force import People, ages, eligible
from serving.store import LIKERS


@dataclass(frozen=True, slots=True)
class World:
    """Everyone and whom they have swiped, from Postgres alone."""

    people: People
    body_type: NDArray[np.str_]
    # Ordered pairs as swiper_row * n + swiped_row, ascending; likes among them beside, the oldest
    # first.
    swiped_pairs: NDArray[np.int64]
    liked_pairs: NDArray[np.int64]
    today: date

    def unseen_eligible(self, row: int) -> NDArray[np.bool_]:
        """Who may be shown to the person in `row` today and was not swiped yet; (n,) bool."""
        mask = eligible(self.people, row, self.today)
        mask[self._swiped_by(row)] = False
        return mask

    def likers(self, row: int) -> NDArray[np.bool_]:
        """Whose like waits for the person in `row`, of the latest `LIKERS`; (n,) bool."""
        n = len(self.people.person)
        on_them = self.liked_pairs[self.liked_pairs % n == row] // n
        waiting = on_them[~np.isin(on_them, self._swiped_by(row))]
        mask = np.zeros(n, np.bool_)
        mask[waiting[-LIKERS:]] = True
        return mask

    def likes_received(self) -> NDArray[np.int64]:
        """How many likes each person has received; (n,) int64."""
        n = len(self.people.person)
        return np.bincount(self.liked_pairs % n, minlength=n)

    def age(self) -> NDArray[np.int64]:
        """Everyone's age today; (n,) int64."""
        return ages(self.people.birthday, self.today)

    def _swiped_by(self, row: int) -> NDArray[np.int64]:
        n = len(self.people.person)
        low, high = np.searchsorted(self.swiped_pairs, [row * n, (row + 1) * n])
        return self.swiped_pairs[low:high] - row * n


_PEOPLE = """
    select person, latitude, longitude, birth_day, gender, seeks, age_min, age_max,
           max_distance_km, visibility, coalesce(attributes->>'body_type', '') as body_type
    from persons where latitude is not null order by person
"""


_STANDING = """
    select swiper, swiped, action, (extract(epoch from swiped_at) * 1000)::bigint
    from swipes where action <> 0
"""


async def read_world(pool: asyncpg.Pool, withdrawn: frozenset[int]) -> World:
    """Read everyone who has a home and all standing swipes."""
    async with pool.acquire() as connection:
        rows = await connection.fetch(_PEOPLE)
        people = _people(rows, withdrawn)
        swiper, swiped, liked, at = await _swipes(connection)
    n = len(people.person)
    from_row = np.searchsorted(people.person, swiper)
    to_row = np.searchsorted(people.person, swiped)
    pairs = from_row * n + to_row
    return World(
        people=people,
        body_type=np.array([row["body_type"] for row in rows], dtype=np.str_),
        swiped_pairs=np.sort(pairs),
        liked_pairs=pairs[liked][np.argsort(at[liked], kind="stable")],
        today=datetime.now(UTC).date(),
    )


def _people(rows: list[asyncpg.Record], withdrawn: frozenset[int]) -> People:
    def column(name: str, dtype: type) -> NDArray[np.generic]:
        return np.array([row[name] for row in rows], dtype=dtype)

    seeks = np.zeros((len(rows), 4), dtype=bool)
    for i, row in enumerate(rows):
        seeks[i, list(row["seeks"])] = True
    person = np.array([row["person"] for row in rows], dtype=np.int64)
    visible = np.array([row["visibility"] == 1 for row in rows], dtype=bool)
    return People(
        person=person,
        latitude=np.array([row["latitude"] for row in rows], dtype=np.float64),
        longitude=np.array([row["longitude"] for row in rows], dtype=np.float64),
        birthday=np.array([row["birth_day"] for row in rows], dtype=np.int64).astype(
            "datetime64[D]"
        ),
        gender=np.array([row["gender"] for row in rows], dtype=np.int64),
        seeks=seeks,
        age_min=np.array([row["age_min"] for row in rows], dtype=np.int64),
        age_max=np.array([row["age_max"] for row in rows], dtype=np.int64),
        max_distance_km=np.array([row["max_distance_km"] for row in rows], dtype=np.float64),
        shown=visible & ~np.isin(person, np.array(sorted(withdrawn), dtype=np.int64)),
    )


async def _swipes(
    connection: asyncpg.Connection,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """Standing swipes as (swiper, swiped, is a like, at in ms), read by server-side cursor in
    blocks."""
    blocks: list[NDArray[np.int64]] = []
    async with connection.transaction(readonly=True):
        cursor = await connection.cursor(_STANDING)
        while block := await cursor.fetch(100_000):
            blocks.append(np.array([tuple(row) for row in block], dtype=np.int64))
    table = np.concatenate(blocks) if blocks else np.empty((0, 4), dtype=np.int64)
    return table[:, 0], table[:, 1], table[:, 2] != 2, table[:, 3]
