"""How the prices of a release are found: what they assume of its decks, how many turns they take,
and that exposure is to be shared.

Prices by expected matches alone leave most of it to few, whose matches are worth most. So a like is
worth less to whoever gets many: a weight like the slope of alpha-fairness (Mo and Walrand, IEEE/ACM
Trans. Networking 2000; for both sides of a market Do, Corbett-Davies, Atif and Usunier, NeurIPS
2021), on what it is worth in matches. What that costs, and brings: docs/decisions/0085.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from training.market.inboxes import beside_cards, table
from training.market.prices import Serving, Shape, solve
from training.market.shortlists import Shortlists, day_by_day

TAU: Final = 0.1
"""The release's own is chosen by scores that have prices in them; by tens of thousands of people it
comes out near this (docs/decisions/0042)."""
STEPS: Final = (6, 6, 6, 16)
"""Turns of each round: the rounds before the last only tell who comes into question."""
_EVENNESS: Final = 0.75
"""The power by which a like is worth less as likes come: at 0 not at all, at 1 one more
to whoever has as many as is usual is worth half of a first one."""
_ROOM: Final = (1e-6, 1e6)

LENGTH: Final = 96
"""Candidates that each round brings into question for a viewer."""

Floats = npt.NDArray[np.float32]

Find = Callable[[Floats], Sequence[Shortlists]]
"""From everybody's mean price of now (n,) to shortlists of LENGTH: of the same viewers each time,
in the same order."""


def by_rounds(
    find: Find, reading: Floats, tau: float, rng: np.random.Generator, shape: Shape
) -> Prices:
    """Prices of n people who read so many (n,) of their likes (training.market.reading), from
    shortlists that grow; decks are drawn with temperature tau > 0."""
    prices, serving = Prices.free(len(reading)), Serving(day_by_day, tau)
    lists: Sequence[Shortlists] = ()
    for steps in STEPS:
        found = find(prices.mean())
        # Whoever was crowded stays in question, or crowds would only go from some to others.
        lists = [a.with_more(b) for a, b in zip(lists, found, strict=True)] if lists else found
        prices = solve(lists, reading, serving, rng, steps, shape)
    return prices


def shape_of(room: npt.ArrayLike) -> Shape:
    """Tables of a release. `room` (n,) > 0, or one for all, is how many likes are enough for each,
    by both dials: with 2, twice as many are no more of a crowd."""
    room_of = np.clip(room, *_ROOM).astype(np.float32)

    def shape(worth: Floats, likes: Floats) -> Floats:
        return table(beside_cards(worth) * _wanted(likes.sum(axis=1), room_of)[:, None], likes)

    return shape


def _wanted(likes: Floats, room: Floats) -> Floats:
    """What one more like is worth (n,), as a share of the first, to who gets so many (n,)."""
    usual = likes.sum() / np.float32(max(1, int(np.count_nonzero(likes))))
    crowd = likes / np.maximum(room * usual, np.finfo(np.float32).tiny)
    return np.asarray((np.float32(1.0) + crowd) ** np.float32(-_EVENNESS), np.float32)
