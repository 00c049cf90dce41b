"""A simulated market ready to be played: people, their truth and habits, and a month before."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulator.choices import Choices
from simulator.crowd import Crowd
from simulator.days import Past, Swiped
from simulator.history import as_in_lake, draw_history
from simulator.pools import Pools
from simulator.region import draw_region
from simulator.tastes import Market
from training.datasets import Datasets, Swipes, datasets_of

UNTIL: Final = datetime(2026, 3, 1, tzinfo=UTC)
"""When the first day begins."""
_AGE_BANDS: Final = (25, 30, 40, 130)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Town:
    """n people, everywhere in the order of `datasets.people`.

    `datasets` is what a platform knows on the morning of the first day: swipes of the month before
    among those who were there. `past`: the same of eligible pairs, day by day. `groups`: name of a
    division -> the group (n,) of each person, -1 for none.
    """

    datasets: Datasets
    choices: Choices
    pools: Pools
    past: Past
    groups: dict[str, Ints]
    seed: int

    @classmethod
    def draw(cls, people: int, days: int, seed: int) -> Self:
        """So many people, for so many days."""
        profiles = draw_region(people, UNTIL, seed)
        truth = Market.draw(profiles, seed)
        swipes = as_in_lake(draw_history(profiles, truth, UNTIL, seed).swipes)
        datasets = datasets_of(profiles, swipes, UNTIL, UNTIL)
        table = datasets.people.table
        row = truth.rows_of(np.asarray(table["person_id"], np.int64))
        crowd = Crowd.draw(people, days, seed)
        there = crowd.arrives <= 0
        before = datasets.seen.take(there[datasets.seen.viewer] & there[datasets.seen.candidate])
        pools = Pools.of(table, datasets.today)
        return cls(
            datasets=replace(datasets, seen=before, swipes=before),
            choices=Choices(truth.take(row), crowd),
            pools=pools,
            past=_day_by_day(before, pools, datasets.today),
            groups=_groups(table, profiles, row, datasets.today),
            seed=seed,
        )

    def __len__(self) -> int:
        return len(self.pools)

    @property
    def market(self) -> Market:
        """The truth."""
        return self.choices.market

    @property
    def crowd(self) -> Crowd:
        """Who comes when."""
        return self.choices.crowd


def _day_by_day(before: Swipes, pools: Pools, today: int) -> Past:
    eligible = before.take(pools.has(before.viewer, before.candidate))
    past = []
    for day in np.unique(eligible.day).tolist():
        of = eligible.between(day, day + 1)
        propensity = of.propensity.astype(np.float64)
        past.append((day - today, Swiped(of.viewer, of.candidate, of.liked, propensity)))
    return past


def _groups(
    table: npt.NDArray[np.void], profiles: pa.Table, row: Ints, today: int
) -> dict[str, Ints]:
    """Of a table of people, who are the rows (n,) of `profiles`."""
    gender, seeks = table["gender"].astype(np.int64), table["seeks"].astype(np.int64)
    own = np.left_shift(1, gender)
    age = (today - table["birth_day"]) / 365.25
    body = profiles["body_type"].combine_chunks().dictionary_encode()
    code = body.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return {
        # Gender, and whether they seek their own, others, or both.
        "orientation": gender * 4 + ((seeks & own) > 0) * 2 + ((seeks & ~own) > 0),
        "age": np.searchsorted(_AGE_BANDS, age, side="right").astype(np.int64),
        "body": code[row],
    }
