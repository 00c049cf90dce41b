"""What prices do to decks: who is shown how often, and what each viewer gives up for it.

Judged by the release's own probabilities, over the best decks of some viewers with and without
prices. What prices are to gain, matches that were lost in a crowd, a list does not show.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from features.ranker import Network, heads_of
from features.score import Sides
from training.eligible_lists import EligibleList
from training.exposure import DECK_SIZE
from training.inequality import gini

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_NOTICEABLE = 0.01
"""Nats: a hundredth of an expected match."""


@dataclass(frozen=True, slots=True)
class ByOrder:
    """One measure of decks with and without prices."""

    priced: float
    free: float


@dataclass(frozen=True, slots=True)
class PricedDecks:
    """Prices in nats, each candidate's mean: over all, over the dearest tenth, and the share of
    candidates who cost a hundredth or more. Gini of how often candidates are in a deck, of those
    who could be; expected matches of a deck if no like came in a crowd. NaN where nobody looks."""

    price_mean: float
    price_top_decile: float
    price_share: float
    gini: ByOrder
    matches: ByOrder


def priced_decks(
    lists: Sequence[EligibleList], sides: Sides, ranker: Network, prices: Prices
) -> PricedDecks:
    """Of the 20 best of each list by the ranker, less the prices (n) and not."""
    mean = prices.mean()
    return PricedDecks(
        price_mean=float(mean.mean()),
        price_top_decile=float(np.sort(mean)[-max(1, len(mean) // 10) :].mean()),
        price_share=float((mean >= _NOTICEABLE).mean()),
        **_of_decks(lists, sides, ranker, prices),
    )


def _of_decks(
    lists: Sequence[EligibleList], sides: Sides, ranker: Network, prices: Prices
) -> dict[str, ByOrder]:
    shown, may = np.zeros((2, len(prices)), np.int64), np.zeros(len(prices), np.bool_)
    matches = np.zeros(2)
    for each in lists:
        candidates = sides.take(each.candidates)
        heads = heads_of(ranker, sides.take([each.viewer]), candidates)
        free = heads.log_match()
        may[each.candidates] = True
        for order, score in enumerate((heads.priced(prices.take(each.candidates)), free)):
            deck = np.argsort(-score, kind="stable")[:DECK_SIZE]
            shown[order, each.candidates[deck]] += 1
            matches[order] += np.exp(free[deck].astype(np.float64)).sum()
    each_deck = matches / len(lists) if lists else np.full(2, np.nan)
    return {
        "gini": ByOrder(*(gini(of_order[may]) for of_order in shown)),
        "matches": ByOrder(*each_deck.tolist()),
    }
