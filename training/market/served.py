"""How the prices of a release are found: what they assume of its decks, how many turns they take,
and that exposure is to be shared.

Prices by expected matches alone leave most of it to few, whose matches are worth most. So a like is
worth less to whoever gets many, the slope of a welfare that is concave in them: the fairness of Mo
and Walrand (IEEE/ACM Trans. Networking 2000), as Do, Corbett-Davies, Atif and Usunier have it for
both sides of a market (NeurIPS 2021). What it costs, and brings: docs/decisions/0085.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from training.market.inboxes import beside_cards, table
from training.market.prices import Shape

TAU: Final = 0.1
"""The release's own is chosen by scores that have prices in them; by tens of thousands of people it
comes out near this (docs/decisions/0042)."""
STEPS: Final = (6, 6, 6, 16)
"""Turns of each round: the rounds before the last only tell who comes into question."""
_EVENNESS: Final = 0.6
"""0 counts all matches alike, 1 whose they are as a logarithm of how many likes they get."""

Floats = npt.NDArray[np.float32]


def shape_of(room: npt.ArrayLike) -> Shape:
    """Tables of a release. `room` (n,) > 0, or one for all: so many times as many likes as people
    usually get are as much to somebody as these to others."""
    room_of = np.asarray(room, np.float32)

    def shape(worth: Floats, likes: Floats) -> Floats:
        return table(beside_cards(worth) * _wanted(likes.sum(axis=1), room_of)[:, None], likes)

    return shape


def _wanted(likes: Floats, room: Floats) -> Floats:
    """What one more like is worth (n,), as a share of the first, to who gets so many (n,)."""
    usual = likes.sum() / np.float32(max(1, int(np.count_nonzero(likes))))
    crowd = likes / np.maximum(room * usual, np.float32(1e-9))
    return np.asarray((np.float32(1.0) + crowd) ** np.float32(-_EVENNESS), np.float32)
