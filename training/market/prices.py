"""Prices of exposure by turns: decks by prices, inboxes by decks, prices by inboxes.

A market in which the shown read their likes by position (Su, Bayoumi and Joachims, WWW 2022) loses
with each like that comes on top of others. The price is that loss: the marginal congestion cost of
one more exposure, in nats of the viewer's own expected match, so a card's score becomes
log p + log q - price(logit q). Each turn is a step of Frank-Wolfe (Jaggi, ICML 2013) on expected
matches, which are concave in the likes that come (training.market.inboxes): the decks that prices
call for are averaged with those before, by 2 / (t + 2). Where all agree on the best, they take
turns: one order for all would be wrong there. The decks of a turn are drawn as serving draws them
(Plackett-Luce over score / tau, features.plackett_luce): prices fit the decks that they will meet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from training.market.inboxes import BINS, Inboxes, bins_of, prices_of_bins, table
from training.market.knots import knots_of
from training.market.shortlists import NOBODY, Looks, Shortlists, exposed

Floats = npt.NDArray[np.float32]

STEPS: Final = 24
_TINY: Final = np.finfo(np.float32).tiny

Shape = Callable[[Floats, Floats], Floats]
"""From what likes in bins are worth and how many came (n, BINS) to prices (n, KNOTS)."""


@dataclass(frozen=True, slots=True)
class Serving:
    """How decks are made and looked at: `looks` by position, drawn with temperature `tau` > 0."""

    looks: Looks
    tau: float


def solve(
    batches: Sequence[Shortlists],
    attention: Floats,
    serving: Serving,
    rng: np.random.Generator,
    steps: int = STEPS,
    shape: Shape = table,
) -> Prices:
    """Prices of n candidates who read `attention` (n,) of their likes (training.market.reading);
    infinite: free. `shape` is `inboxes.table`, or `inboxes.single` for one price each."""
    n = len(attention)
    knots = knots_of(batches, n)
    parts = [_Part.of(batch, knots) for batch in batches]
    inboxes = Inboxes.empty(n)
    nats = np.zeros_like(knots)
    for step in range(steps):
        likes = _day(parts, nats, serving, rng)
        inboxes.average_in(likes, 2.0 / (step + 2.0))
        nats = shape(inboxes.worth(knots, attention), inboxes.likes)
    return Prices(knots, nats)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Shortlists, and the bin (b, m) of each pair in the candidate's inbox."""

    of_viewers: Shortlists
    bin: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, batch: Shortlists, knots: Floats) -> "_Part":
        of_pair = np.maximum(batch.candidates.ravel(), 0)
        found = bins_of(knots[of_pair], batch.logit_q.ravel().astype(np.float32))
        return cls(batch, found.reshape(batch.candidates.shape))


def _day(
    parts: Sequence[_Part], nats: Floats, serving: Serving, rng: np.random.Generator
) -> Floats:
    """Likes (n, BINS) of one day of drawn decks under prices (n, KNOTS)."""
    likes = np.zeros(len(nats) * BINS, np.float32)
    charged = prices_of_bins(nats).ravel()
    for part in parts:
        batch = part.of_viewers
        where = np.maximum(batch.candidates, 0).astype(np.int64) * BINS + part.bin
        # An exponential in 32 bits may be 0.
        drawn = np.maximum(rng.standard_exponential(where.shape, np.float32), _TINY)
        score = (batch.log_match() - charged[where]) / np.float32(serving.tau) - np.log(drawn)
        rates = exposed(score, serving.looks(batch.exposures, where.shape[1]))
        rates *= np.exp(batch.log_p.astype(np.float32)) * batch.stands_for[:, None]
        there = batch.candidates != NOBODY
        np.add.at(likes, where[there], rates[there])
    return likes.reshape(-1, BINS)
