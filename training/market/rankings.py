"""Rankings as exposures: how much each candidate of a list is examined.

A policy is a mixture of rankings for each viewer. The markets here depend on it through exposures
alone: the probability (n, m) that viewer i examines candidate j. Those of a mixture are the mixture
of those of its rankings, and by Birkhoff, von Neumann and Rado they are exactly the rows that the
examination vector majorises: each is D v with D a doubly stochastic matrix of positions.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def examination(positions: int) -> Floats:
    """1, 1/2, 1/3 … (positions,): how likely each position is examined."""
    return np.asarray(1.0 / np.arange(1, positions + 1), np.float64)


def ranked(scores: Floats) -> Floats:
    """Exposures (n, m) where everybody's candidates stand by score (n, m), the highest first; equal
    scores by column. No linear exposures (sum of score times exposure) are better."""
    order = np.argsort(-scores, axis=1, kind="stable")
    exposures = np.empty(scores.shape)
    v = np.broadcast_to(examination(scores.shape[1]), scores.shape)
    np.put_along_axis(exposures, order, v, axis=1)
    return exposures


def even(viewers: int, candidates: int) -> Floats:
    """Exposures (n, m) of a ranking at random."""
    mean = examination(candidates).mean() if candidates else 0.0
    return np.full((viewers, candidates), mean)


def drawn(
    scores: npt.NDArray[np.floating], tau: float, draws: int, rng: np.random.Generator
) -> Floats:
    """Mean exposures (n, m) of Plackett-Luce draws over score / tau, as decks are served."""
    total = np.zeros(scores.shape)
    for _ in range(draws):
        total += ranked(scores / tau + rng.gumbel(size=scores.shape))
    return total / draws
