"""A simulated market of which a tenth of the people are held out of training, entirely."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from cli.evaluate.simulated import UNTIL

if TYPE_CHECKING:
    import pyarrow as pa

    from features.profile_code import Profiles
    from simulator.tastes import Market
    from training.cold.newcomers import Cards
    from training.datasets import Datasets

HISTORY: Final = 100
ASKED: Final = 20
_HELD_OUT: Final = 0.1
_ANYWHERE_KM: Final = 500.0

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Training's view of everybody else, and p newcomers with their profiles.

    `given` are the cards that each swiped, `received` those whose viewers swiped each: HISTORY and
    ASKED, all of people in training. `truth_row` (p,) and `known_row` (n,) are rows of the truth.
    `eligible` (p, n) says who may meet whom, wherever they live.
    """

    datasets: "Datasets"
    profiles: "Profiles"
    given: "Cards"
    received: "Cards"
    truth: "Market"
    truth_row: Ints
    known_row: Ints
    eligible: npt.NDArray[np.bool_]

    def p_match(self, newcomers: Ints, known: Ints) -> Floats:
        """The truth of both likes (a, b) between newcomers (a,) and known rows (b,)."""
        new = np.repeat(self.truth_row[newcomers], len(known))
        old = np.tile(self.known_row[known], len(newcomers))
        there, back = self.truth.logits(new, old), self.truth.logits(old, new)
        p = 1.0 / (1.0 + np.exp(-there)) / (1.0 + np.exp(-back))
        return np.asarray(p.reshape(len(newcomers), len(known)), np.float64)


def hold_out(people: int, seed: int) -> Joined:
    """The market of `people` and the swipes between those who are not held out."""
    from simulator.history import as_in_lake, draw_history
    from simulator.population import draw_population
    from simulator.tastes import Market
    from training.attributes import read_profile_columns
    from training.datasets import datasets_of

    rng = np.random.default_rng([seed, 55])
    profiles = draw_population(people, UNTIL, seed)
    truth = Market.draw(profiles, seed)
    swipes = as_in_lake(draw_history(profiles, truth, UNTIL, seed).swipes)
    is_new = rng.random(people) < _HELD_OUT
    datasets = datasets_of(_rows(profiles, ~is_new), swipes, UNTIL, UNTIL)
    known_row = truth.rows_of(np.asarray(datasets.people.table["person_id"], np.int64))
    new_row, may = _with_enough_around(profiles, np.flatnonzero(is_new), known_row, datasets)
    mask = np.zeros(people, bool)
    mask[new_row] = True
    return Joined(
        datasets=datasets,
        profiles=read_profile_columns(_rows(profiles, mask)),
        given=_cards(truth, new_row, known_row, may, rng, as_viewers=True),
        received=_cards(truth, new_row, known_row, may, rng, as_viewers=False),
        truth=truth,
        truth_row=new_row,
        known_row=known_row,
        eligible=may,
    )


def _rows(table: "pa.Table", mask: npt.NDArray[np.bool_]) -> "pa.Table":
    import pyarrow as pa

    return table.filter(pa.array(mask))


def _with_enough_around(
    profiles: "pa.Table", new: Ints, known: Ints, datasets: "Datasets"
) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Those of `new` who have enough eligible people, and who these are: (p,), (p, n).

    Distances are left aside: small markets would leave few with a hundred people around.
    """
    from features.eligibility import Candidates, eligible, viewer_of
    from features.person_rows import people_of

    table = people_of(profiles)
    table["max_distance_km"] = _ANYWHERE_KM
    candidates = Candidates.of(table[known])
    may = np.stack([eligible(viewer_of(table, int(r)), candidates, datasets.today) for r in new])
    enough = may.sum(axis=1) >= HISTORY + ASKED
    return new[enough], may[enough]


def _cards(
    truth: "Market",
    new: Ints,
    known: Ints,
    may: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    as_viewers: bool,
) -> "Cards":
    """Random eligible people of each, half of them drawn by how much they are liked.

    Answers are drawn from the truth, as the simulator draws its history.
    """
    from training.cold.newcomers import Cards

    popular = np.exp(truth.appeal[known] / 4.0)
    others = np.stack([_drawn(np.flatnonzero(each), popular, rng) for each in may])
    there, back = np.repeat(new, others.shape[1]), known[others.ravel()]
    x = truth.logits(there, back) if as_viewers else truth.logits(back, there)
    liked = (x + rng.logistic(size=len(x)) > 0).reshape(others.shape)
    return Cards(others, liked)


def _drawn(rows: Ints, popular: Floats, rng: np.random.Generator) -> Ints:
    weight = 0.5 / len(rows) + 0.5 * popular[rows] / popular[rows].sum()
    clocks = rng.exponential(size=len(rows)) / weight
    return rows[np.argsort(clocks)[: HISTORY + ASKED]]
