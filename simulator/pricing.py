"""Prices for who knows the truth, found as those of a release, from who is left for whom."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from training.market.prices import Shape
from training.market.served import LENGTH, by_rounds
from training.market.shortlists import NOBODY, Shortlists
from training.market.week import Week

SHARP: Final = 0.01
"""The temperature of decks that are not drawn, in what prices assume."""
_VIEWERS: Final = 8192
"""Who is asked at most, for everybody (docs/decisions/0057)."""
_BATCH: Final = 512

Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

Lists = Callable[[Ints, Floats32], Iterator[tuple[Ints, Floats32, Floats32]]]
"""From viewers (b,) and everybody's mean price of now (n,) to the best LENGTH left for each viewer,
log P(viewer likes candidate) and logit P(candidate likes viewer) of each."""


def find_prices(lists: Lists, week: Week, shape: Shape, rng: np.random.Generator) -> Prices:
    """The prices of n people for the next days."""
    cards = week.exposures()
    looking = np.flatnonzero(cards > 0.0)
    viewers = np.sort(rng.permutation(looking)[:_VIEWERS])

    def find(mean: Floats32) -> list[Shortlists]:
        stands_for = np.float32(len(looking) / max(1, len(viewers)))
        batches = (viewers[at : at + _BATCH] for at in range(0, len(viewers), _BATCH))
        return [_batch(lists(each, mean), cards[each], stands_for) for each in batches]

    return by_rounds(find, week.visits, SHARP, rng, shape)


def best_of(score: Floats32) -> Ints:
    """Places of the LENGTH highest (m,)."""
    if len(score) <= LENGTH:
        return np.arange(len(score))
    return np.argpartition(-score, LENGTH - 1)[:LENGTH]


def _batch(
    lists: Iterator[tuple[Ints, Floats32, Floats32]], cards: Floats32, stands_for: np.float32
) -> Shortlists:
    shape = (len(cards), LENGTH)
    candidates = np.full(shape, NOBODY, np.int32)
    log_p, logit_q = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for i, (found, there, back) in enumerate(lists):
        candidates[i, : len(found)] = found
        log_p[i, : len(found)], logit_q[i, : len(found)] = there, back
    return Shortlists(candidates, log_p, logit_q, cards, np.full_like(cards, stands_for))
