"""Expected matches of the 20 best unseen people by four orders, judged by the simulated truth.

A list that is judged alone counts every like as read. So it shows what was learned, and no price
can pay in it: what prices give up here they bring where likes go unread, in markets that are played
(`gravity evaluate simulation`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

from cli.check.intervals import ratio_low
from cli.check.scores import Scores
from cli.check.world import World

BEST = 20


class Truth(Protocol):
    """The simulated market's own probabilities."""

    def p_like(
        self, viewers: NDArray[np.int64], candidates: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """P(viewer likes candidate) for each pair of ids; (m,)."""
        ...


class MatchesAt20(TypedDict):
    """Mean expected matches per viewer by each order; `ratio_low`: of learned to popularity."""

    learned: float
    less_prices: float
    popularity: float
    random: float
    ratio_low: float


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders compared, over the same eligible unseen people, by what models expect: likes that
    wait and passes count in none of them, nor in the truth that judges them."""

    world: World
    scores: Scores
    popularity: NDArray[np.int64]
    rng: np.random.Generator

    def best(self, row: int) -> tuple[NDArray[np.int64], ...]:
        """The rows of the 20 best by (learned, learned less prices, popularity, random)."""
        rows = np.flatnonzero(self.world.unseen_eligible(row))
        expected, less_prices = self.scores.models(row, rows)
        learned = rows[np.argsort(-expected, kind="stable")[:BEST]]
        priced = rows[np.argsort(-less_prices, kind="stable")[:BEST]]
        shuffled = self.rng.permutation(rows)
        popular = shuffled[np.argsort(-self.popularity[shuffled], kind="stable")[:BEST]]
        return learned, priced, popular, shuffled[:BEST]


def matches_at_20(
    world: World,
    scores: Scores,
    truth: Truth,
    viewers: Sequence[int],
    rng: np.random.Generator,
    advance: Callable[[], None],
) -> MatchesAt20:
    """Expected matches in the 20 best by each order, mean over the viewers."""
    orders = Orders(world, scores, world.likes_received(), rng)
    person = world.people.person
    sums = np.zeros((len(viewers), 4))
    for i, viewer in enumerate(viewers):
        for j, rows in enumerate(orders.best(world.people.row(viewer))):
            others = person[rows]
            there = truth.p_like(np.full(len(others), viewer), others)
            back = truth.p_like(others, np.full(len(others), viewer))
            sums[i, j] = float((there * back).sum())
        advance()
    learned, less_prices, popularity, random = (
        round(float(value), 4) for value in sums.mean(axis=0)
    )
    return {
        "learned": learned,
        "less_prices": less_prices,
        "popularity": popularity,
        "random": random,
        "ratio_low": round(ratio_low(sums[:, 0], sums[:, 2], rng), 4),
    }
