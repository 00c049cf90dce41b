"""Everybody's inbox: how many likes come in a day, by how much the sender would be liked back.

A candidate's inbox is a histogram over logit q. The scale is that of their table of prices: a part
for each knot, each part of four bins, so knots and bins are the same fixed fractions for everybody.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from features.prices import KNOTS
from training.market.reading import read

Floats = npt.NDArray[np.float32]

_IN_A_PART: Final = 4
BINS: Final = KNOTS * _IN_A_PART
MOST: Final = 8.0
"""Nats that a price may reach: 1 in 3,000."""
_CHUNK: Final = 65_536
_MET: Final = np.float32(0.2)
"""The share of a like's match that does not hang on its being read (docs/decisions/0057)."""

_CENTRES: Final = (np.arange(BINS) + 0.5) / _IN_A_PART - 0.5
"""Of the bins, where knot i is at i."""


def _between(knots: Floats) -> Floats:
    """Values (n, BINS) at the bins' centres of what is (n, KNOTS) at the knots, in straight lines;
    beyond the outermost knots as there."""
    at = np.clip(_CENTRES, 0.0, KNOTS - 1.0)
    left = np.minimum(at.astype(np.int64), KNOTS - 2)
    share = (at - left).astype(np.float32)
    return np.asarray(knots[:, left] * (1.0 - share) + knots[:, left + 1] * share, np.float32)


prices_of_bins = _between
"""What a table (n, KNOTS) charges in each bin (n, BINS), as it is served."""


def bins_of(knots: Floats, logits: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """The bin (k,) of each logit (k,) between its candidate's knots (k, KNOTS)."""
    right = np.clip((knots < logits[:, None]).sum(axis=1), 1, KNOTS - 1)
    row = np.arange(len(knots))
    low, high = knots[row, right - 1], knots[row, right]
    at = right - 1 + (logits - low) / (high - low)
    return np.asarray(np.clip((at + 0.5) * _IN_A_PART, 0, BINS - 1), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Inboxes:
    """likes (n, BINS) float32: a day, into each bin; mean of what has been seen so far."""

    likes: Floats

    @classmethod
    def empty(cls, n: int) -> Self:
        """Nobody likes anybody."""
        return cls(np.zeros((n, BINS), np.float32))

    def average_in(self, likes: Floats, share: float) -> None:
        """Move the mean by `share` towards the likes (n, BINS) of one more day."""
        self.likes.__imul__(np.float32(1.0 - share))
        self.likes.__iadd__(np.float32(share) * likes)

    def worth(self, knots: Floats, attention: Floats) -> Floats:
        """What one more like in each bin (n, BINS) is worth, as a share of its own match: the slope
        of the candidate's expected matches, which are concave in these likes.

        A bin's likes stand behind those of higher bins, and its matches are q times the integral of
        h(s / a) from the first of them to the last. One more is read like the last, and shifts all
        bins of lower q', each of which loses q' times what h falls over it. It is worth more than
        h of all likes, and 1 at most.
        """
        worth = np.empty_like(self.likes)
        for start in range(0, len(worth), _CHUNK):
            part = slice(start, start + _CHUNK)
            worth[part] = _worth(self.likes[part], knots[part], attention[part, None])
        return worth


def _worth(likes: Floats, knots: Floats, attention: Floats) -> Floats:
    q = 1.0 / (1.0 + np.exp(-_between(knots)))
    last = read(np.cumsum(likes[:, ::-1], axis=1)[:, ::-1] / attention)
    first = np.concatenate((last[:, 1:], np.ones_like(last[:, :1])), axis=1)
    lost = q * (first - last)
    shifted = np.cumsum(lost, axis=1) - lost
    return np.asarray(last - shifted / q, np.float32)


def table(worth: Floats, likes: Floats) -> Floats:
    """Prices (n, KNOTS) in nats of what likes in bins (n, BINS) are worth: at each knot the mean of
    its part, over the likes that came."""
    parts = (len(worth), KNOTS, _IN_A_PART)
    return _nats(_mean(worth.reshape(parts), likes.reshape(parts)))


def table_beside_cards(worth: Floats, likes: Floats) -> Floats:
    """`table` of what likes are worth `beside_cards`."""
    return table(beside_cards(worth), likes)


def beside_cards(worth: Floats) -> Floats:
    """What likes are worth (n, BINS) where one that is not read is not lost yet: the candidate may
    meet the sender among their own cards."""
    return np.asarray(_MET + (np.float32(1.0) - _MET) * worth, np.float32)


def single(worth: Floats, likes: Floats) -> Floats:
    """One price for a candidate, the same at all knots (n, KNOTS): over the likes that came."""
    return np.repeat(_nats(_mean(worth, likes)[:, None]), KNOTS, axis=1)


def _mean(worth: Floats, likes: Floats) -> Floats:
    """Over the last axis."""
    # Where none came, over all bins alike.
    came = np.maximum(likes, np.float32(1e-9))
    return np.asarray(np.sum(worth * came, axis=-1) / came.sum(axis=-1), np.float32)


def _nats(worth: Floats) -> Floats:
    nats = np.clip(-np.log(np.maximum(worth, np.exp(-MOST))), 0.0, MOST)
    # What costs nothing costs no negative zero either.
    return np.asarray(nats + 0.0, np.float32)
