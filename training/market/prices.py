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
    parts = [_Part.of(batch, knots, serving) for batch in batches]
    inboxes = Inboxes.empty(n)
    nats = np.zeros_like(knots)
    for step in range(steps):
        likes = _day(parts, nats, serving.tau, rng)
        inboxes.average_in(likes, 2.0 / (step + 2.0))
        nats = shape(inboxes.worth(knots, attention), inboxes.likes)
    return Prices(knots, nats)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Shortlists as turns meet them, all (b, m): the log of a pair's match; the bin `at` of all
    inboxes, one after the other, where its price stands and its likes come; how many likes come of
    one look; how often each position is looked at."""

    log_match: Floats
    at: npt.NDArray[np.int32]
    likes: Floats
    looked: Floats

    @classmethod
    def of(cls, batch: Shortlists, knots: Floats, serving: Serving) -> "_Part":
        of_pair = np.maximum(batch.candidates, 0)
        logits = batch.logit_q.ravel().astype(np.float32)
        found = bins_of(knots[of_pair.ravel()], logits).reshape(of_pair.shape)
        likes = np.exp(batch.log_p.astype(np.float32)) * batch.stands_for[:, None]
        likes[batch.candidates == NOBODY] = 0.0
        looked = serving.looks(batch.exposures, of_pair.shape[1])
        return cls(batch.log_match(), of_pair * np.int32(BINS) + found, likes, looked)


def _day(parts: Sequence[_Part], nats: Floats, tau: float, rng: np.random.Generator) -> Floats:
    """Likes (n, BINS) of one day of drawn decks under prices (n, KNOTS)."""
    likes = np.zeros(len(nats) * BINS, np.float32)
    charged = prices_of_bins(nats).ravel()
    for part in parts:
        # An exponential in 32 bits may be 0.
        drawn = np.maximum(rng.standard_exponential(part.at.shape, np.float32), _TINY)
        score = (part.log_match - charged.take(part.at)) / np.float32(tau) - np.log(drawn)
        came = exposed(score, part.looked) * part.likes
        np.add.at(likes, part.at.ravel(), came.ravel())
    return likes.reshape(-1, BINS)
