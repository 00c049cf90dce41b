"""Simulated markets as training reads the lake, and the truth beside them that only cli may see."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

    from simulator.tastes import Market
    from training.datasets import Datasets

UNTIL: Final = datetime(2026, 3, 1, tzinfo=UTC)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """A month of a market: what training may read, and the truth.

    `truth_row` (n,): the row of `truth` of each person of `datasets.people`.
    """

    datasets: "Datasets"
    truth: "Market"
    truth_row: Ints


def simulate(people: int, seed: int) -> Simulated:
    """The month before `UNTIL` of `people` people, as the simulator draws it."""
    from simulator.history import draw_history
    from simulator.population import draw_population
    from simulator.tastes import Market
    from training.datasets import datasets_of

    profiles = draw_population(people, UNTIL, seed)
    truth = Market.draw(profiles, seed)
    swipes = draw_history(profiles, truth, UNTIL, seed).swipes
    datasets = datasets_of(profiles, as_in_the_lake(swipes), UNTIL, UNTIL)
    ids = np.asarray(datasets.people.table["person_id"], np.int64)
    return Simulated(datasets, truth, truth.rows_of(ids))


def as_in_the_lake(swipes: "pa.Table") -> "pa.Table":
    """The simulator's swipes with the lake's numbers for actions."""
    import pyarrow as pa

    from features.fold_in import LIKE, PASS, SUPERLIKE

    words = np.asarray(swipes["action"])
    numbers = np.select([words == "like", words == "superlike"], [LIKE, SUPERLIKE], PASS)
    column = pa.array(numbers.astype(np.uint8))
    return swipes.set_column(swipes.schema.get_field_index("action"), "action", column)
