"""The exposure policy: a Plackett-Luce draw over score / tau, and its exact propensities.

Each place goes to one of those left with probability proportional to exp(score / tau). By Luce's
axiom the order of a subset is distributed as if the others had never been there: candidates may be
withdrawn after the draw, and propensities are then those among the rest.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)


def draw(scores: npt.ArrayLike, tau: float, gumbels: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Order (n,) of a draw: Gumbel noise (n,) added to score / tau, highest first (Gumbel top-k).

    Equal sums keep the order they came in.
    """
    keys = np.asarray(scores, np.float64) / tau + np.asarray(gumbels, np.float64)
    return np.asarray(np.argsort(-keys, kind="stable"), np.int64)


def log_propensities(scores: npt.ArrayLike, tau: float) -> Floats:
    """Log probability (n,) of each card in its place, given those above; scores (n,) in deck order.

    The scores must be all of those drawn from, not only the ones shown.
    """
    scaled = np.asarray(scores, np.float64) / tau
    left = np.logaddexp.accumulate(scaled[::-1])[::-1]
    return np.asarray(scaled - left, np.float64)


def gumbels(key: int, candidates: npt.ArrayLike) -> Floats:
    """Standard Gumbel noise (n,) of ids (n,): a pure function of each id and the 64-bit `key`."""
    mixed = _mix(np.asarray(candidates, np.int64).astype(np.uint64) * _GOLDEN + np.uint64(key))
    mixed = _mix(mixed ^ np.uint64(key))
    # 53 bits, in the middle of their interval: never 0 nor 1.
    uniform = ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return np.asarray(-np.log(-np.log(uniform)), np.float64)


def _mix(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of SplitMix64: every bit of the result depends on every bit of the input."""
    bits = (bits ^ (bits >> np.uint64(30))) * _MIX_1
    bits = (bits ^ (bits >> np.uint64(27))) * _MIX_2
    return np.asarray(bits ^ (bits >> np.uint64(31)), np.uint64)
