"""Simulated markets as training reads the lake, and the truth beside them that only cli may see."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
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


def simulate(people: int, seed: int, swipes_each: float | None = None) -> Simulated:
    """The month before `UNTIL` of `people` people, who swipe as often as the simulator has it, or
    `swipes_each` times on average."""
    from simulator.history import SWIPES_EACH, as_in_lake, draw_history
    from simulator.population import draw_population
    from simulator.tastes import Market
    from training.datasets import datasets_of

    profiles = draw_population(people, UNTIL, seed)
    truth = Market.draw(profiles, seed)
    swipes = draw_history(profiles, truth, UNTIL, seed, swipes_each or SWIPES_EACH).swipes
    datasets = datasets_of(profiles, as_in_lake(swipes), UNTIL, UNTIL)
    ids = np.asarray(datasets.people.table["person_id"], np.int64)
    return Simulated(datasets, truth, truth.rows_of(ids))
