"""Rates of behaviour, and the bands of people that stand in for those without any."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.eligibility import ages

Floats = npt.NDArray[np.float32]

AGE_BANDS: Final = ((18, 24), (25, 29), (30, 34), (35, 44), (45, 54), (55, 120))
"""Inclusive ages in years."""
GENDERS: Final = (1, 2, 3)
"""`Gender` of the contracts: man, woman, nonbinary."""
BANDS: Final = len(GENDERS) * len(AGE_BANDS)

_LEAST_RATE: Final = 1e-3
_BAND_STARTS: Final = np.array([start for start, _ in AGE_BANDS[1:]], np.int64)


@dataclass(frozen=True, slots=True)
class Prior:
    """A Beta prior in swipes: `likes` of `swipes` imagined before anything is seen."""

    likes: float
    swipes: float


def smoothed_rate(likes: npt.ArrayLike, swipes: npt.ArrayLike, prior: Prior) -> Floats:
    """Share of likes (n,) float32, strictly within (0, 1), of counts (n,)."""
    share = (np.asarray(likes, np.float64) + prior.likes) / (
        np.asarray(swipes, np.float64) + prior.swipes
    )
    return np.asarray(share, np.float32)


def rate_after(
    rate: npt.ArrayLike,
    before: npt.NDArray[np.int64],
    now: npt.NDArray[np.int64],
    strength: float,
) -> Floats:
    """Rates (n,) float32 that went on from `rate` (n,) as counts of likes and swipes grew.

    `before` and `now` are (n, 2); the rate weighs as much as the swipes it came from and `strength`
    more. Counts that shrank (swipes taken back) move it back; it stays within (0, 1).
    """
    likes, swipes = np.asarray(now - before, np.float64).T
    weight = before[:, 1] + strength
    moved = (np.asarray(rate, np.float64) * weight + likes) / np.maximum(weight + swipes, 1.0)
    return np.asarray(np.clip(moved, _LEAST_RATE, 1.0 - _LEAST_RATE), np.float32)


def logit(rate: npt.ArrayLike) -> Floats:
    """Log odds (n,) float32 of rates (n,) within (0, 1)."""
    p = np.asarray(rate, np.float64)
    return np.asarray(np.log(p) - np.log1p(-p), np.float32)


def age_bands(birth_day: npt.ArrayLike, today: int) -> npt.NDArray[np.int64]:
    """Index into AGE_BANDS (n,) of birth days (n,), both in days since 1970."""
    return np.searchsorted(_BAND_STARTS, ages(birth_day, today), side="right")


def bands(gender: npt.ArrayLike, birth_day: npt.ArrayLike, today: int) -> npt.NDArray[np.int64]:
    """Band (n,) in 0..BANDS-1 of genders and birth days (n,): one a gender and age band."""
    column = np.clip(np.asarray(gender, np.int64), GENDERS[0], GENDERS[-1]) - GENDERS[0]
    return np.asarray(column * len(AGE_BANDS) + age_bands(birth_day, today), np.int64)
