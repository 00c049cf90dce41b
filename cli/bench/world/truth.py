"""A population as the brute force of `cli.check` wants it, without a look at release or Redis."""

from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.bench.world.population import Population
from cli.bench.world.seen import Seen
from cli.check.brute_force import People
from cli.check.world import World

_EPOCH: Final = date(1970, 1, 1)


def world_of(population: Population, seen: Seen, viewers: npt.NDArray[np.int64]) -> World:
    """Everybody, and whom the people of rows `viewers` (m,) have swiped; likes are not known."""
    n = len(population)
    # Ids are 1..n: whoever has id i is in row i - 1 of the brute force.
    swiper = population.person_id[viewers] - 1
    pairs = [at * n + seen.of(row) - 1 for row, at in zip(viewers, swiper, strict=True)]
    return World(
        people=people_of(population),
        body_type=np.broadcast_to(np.array("", np.str_), n),
        swiped_pairs=np.sort(np.concatenate([np.empty(0, np.int64), *pairs])),
        liked_pairs=np.empty(0, np.int64),
        today=_EPOCH + timedelta(days=population.today),
    )


def people_of(population: Population) -> People:
    """Everybody: whoever has id i is in row i - 1."""
    order = np.argsort(population.person_id)
    table = population.table[order]
    genders = np.arange(4)
    return People(
        person=np.asarray(table["person_id"], np.int64),
        latitude=population.latitude[order],
        longitude=population.longitude[order],
        birthday=table["birth_day"].astype("datetime64[D]"),
        gender=np.asarray(table["gender"], np.int64),
        seeks=(table["seeks"][:, None] >> genders) & 1 == 1,
        age_min=np.asarray(table["age_min"], np.int64),
        age_max=np.asarray(table["age_max"], np.int64),
        max_distance_km=np.asarray(table["max_distance_km"], np.float64),
        shown=np.asarray(table["visible"], np.bool_),
    )
