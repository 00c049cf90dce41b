"""Prices for who knows the truth, by the platform's solver, from who is left for whom."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from training.market.inboxes import table_beside_cards
from training.market.prices import Serving, solve
from training.market.shortlists import NOBODY, Shortlists, day_by_day
from training.market.week import Week

LENGTH: Final = 128
"""Candidates of a shortlist."""
SHARP: Final = 0.01
"""The temperature of decks that are not drawn, in what prices assume."""
_VIEWERS: Final = 8192
"""Who is asked at most, for everybody (docs/decisions/0057)."""
_BATCH: Final = 512

Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

Lists = Callable[[Ints, Floats32], Iterator[tuple[Ints, Floats32, Floats32]]]
"""From viewers (b,) and everybody's mean price of now (n,) to each one's candidates in question (at
most LENGTH), log P(viewer likes candidate) and logit P(candidate likes viewer) of each."""


def find_prices(lists: Lists, now: Prices, week: Week, rng: np.random.Generator) -> Prices:
    """The prices of n people for the next days, from those of now."""
    batches = list(_batches(lists, week.exposures(), now.mean(), rng))
    return solve(batches, week.visits, Serving(day_by_day, SHARP), rng, shape=table_beside_cards)


def shortlist(free: Floats32, mean: Floats32) -> Ints:
    """Places (at most LENGTH) of the candidates (m,) who are best without prices, and with the
    prices (m,) of now: who is priced out would be free again if nobody had them on a list."""
    if len(free) <= LENGTH:
        return np.arange(len(free))
    half = LENGTH // 2
    among = np.zeros(len(free), bool)
    for score in (free, free - mean):
        among[np.argpartition(-score, half)[:half]] = True
    return np.flatnonzero(among)


def _batches(
    lists: Lists, cards: Floats32, mean: Floats32, rng: np.random.Generator
) -> Iterator[Shortlists]:
    looking = np.flatnonzero(cards > 0.0)
    viewers = np.sort(rng.permutation(looking)[:_VIEWERS])
    stands_for = np.float32(len(looking) / max(1, len(viewers)))
    for start in range(0, len(viewers), _BATCH):
        rows = viewers[start : start + _BATCH]
        shape = (len(rows), LENGTH)
        candidates = np.full(shape, NOBODY, np.int32)
        log_p, logit_q = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for i, (found, there, back) in enumerate(lists(rows, mean)):
            candidates[i, : len(found)] = found
            log_p[i, : len(found)], logit_q[i, : len(found)] = there, back
        looked = cards[rows]
        yield Shortlists(candidates, log_p, logit_q, looked, np.full_like(looked, stands_for))
