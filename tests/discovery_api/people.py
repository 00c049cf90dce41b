"""People of a small world in Redis, as profiles and import write them."""

import numpy as np
import numpy.typing as npt
from redis.asyncio import Redis

from features.disk_cells import cells_of
from features.person_row import PersonTail, cell_key, encode_head, encode_tail, person_row_key
from tests.serving.worlds import World, world

CELL_RESOLUTION = 6
VISIBLE, HIDDEN = 1, 2


def sociable(n: int = 300, seed: int = 1, spread_km: float = 5.0) -> World:
    """People who live close together and would meet nearly anybody."""
    made = world(np.random.default_rng(seed), n, spread_km=spread_km)
    made.table["visible"], made.table["seeks"] = True, 14
    made.table["age_min"], made.table["age_max"] = 18, 99
    made.table["max_distance_km"] = 100.0
    return made


async def write_people(redis: Redis, people: World) -> None:
    """Rows and cells; the higher an id, the later active."""
    for row in range(len(people)):
        await write_person(redis, people, row)
    cells = cells_of(people.latitude, people.longitude, CELL_RESOLUTION)
    async with redis.pipeline(transaction=False) as pipe:
        for cell, person in zip(cells.tolist(), people.table["person_id"].tolist(), strict=True):
            pipe.zadd(cell_key(cell), {str(person): 1_000_000 + person})
        await pipe.execute()


async def write_person(
    redis: Redis, people: World, row: int, visibility: int = VISIBLE, version: int = 1
) -> None:
    """One row, from the world as it is now."""
    table: npt.NDArray[np.void] = people.table[row : row + 1]
    shown = visibility if bool(table["visible"][0]) else HIDDEN
    head = encode_head(table, people.latitude[row], people.longitude[row], version, shown)[0]
    person = int(table["person_id"][0])
    photo: dict[str, str | int] = {
        "url": f"https://photos.example/{person}.jpg",
        "blurhash": "L6Pj0^jE.AyE_3t7t7R**0o#DgR4",
        "width": 600,
        "height": 800,
    }
    tail = encode_tail(PersonTail(f"Person {person}", {}, [photo], simulated=True))
    await redis.set(person_row_key(person), head + tail)
