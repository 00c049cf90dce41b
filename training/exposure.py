"""How far the exposure draw may stray: the largest tau whose decks keep enough of their value."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

DECK_SIZE: Final = 20
KEPT: Final = 0.95
_DRAWS: Final = 4
_TAUS: Final[tuple[float, ...]] = tuple(np.geomspace(0.01, 2.0, 24).tolist())


def choose_tau(scores: Sequence[Floats], rng: np.random.Generator, kept: float = KEPT) -> float:
    """The largest tau of a grid whose Plackett-Luce decks of 20 keep `kept` of the greedy decks.

    `scores` holds, for some viewers, the scores (m,) of whom they would retrieve: log expected
    match less price, so that the value of a card is its expected match as far as it takes none
    from others. Mean over viewers; the smallest tau of the grid if none keeps enough.
    """
    if not scores:
        return _TAUS[0]
    greedy = sum(_expected(np.sort(s)[::-1]) for s in scores)
    noise = [rng.gumbel(size=(_DRAWS, len(s))) for s in scores]
    chosen = _TAUS[0]
    for tau in _TAUS:
        drawn = sum(_drawn(s, g, tau) for s, g in zip(scores, noise, strict=True))
        if drawn < kept * greedy:
            break
        chosen = tau
    return chosen


def _expected(scores: Floats) -> float:
    """Value of the first 20 of scores (..., m), summed."""
    return float(np.exp(scores[..., :DECK_SIZE].astype(np.float64)).sum())


def _drawn(scores: Floats, noise: npt.NDArray[np.float64], tau: float) -> float:
    """Value of a deck drawn by Gumbel top-k, mean over draws."""
    order = np.argsort(-(scores / tau + noise), axis=1)
    return _expected(scores[order]) / len(order)
