"""The market of Tomita and Yokoyama, 'Fair Reciprocal Recommendation in Matching Markets' (RecSys
2024): both sides get a list of the other, and two who examine and like each other match."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEFT: Final = 30
RIGHT: Final = 20
SEED: Final = 0
_COMMON: Final = 0.5
"""How much of every taste is the common one."""
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Envies:
    """Ordered pairs of one side, of whom the first would rather stand where the second does."""

    left: int
    right: int


@dataclass(frozen=True, slots=True, eq=False)
class MutualMarket:
    """left_likes (l, r), right_likes (r, l): probabilities that one who examines likes."""

    left_likes: Floats
    right_likes: Floats

    @classmethod
    def published(cls) -> Self:
        """30 left and 20 right, NumPy's legacy seed 0: uniform tastes, half of the way to a common
        order that falls evenly from 1 to 0."""
        random = np.random.RandomState(SEED)
        left, right = random.random_sample((LEFT, RIGHT)), random.random_sample((RIGHT, LEFT))
        return cls(_mixed(left), _mixed(right))

    @property
    def both(self) -> Floats:
        """Probabilities (l, r) that two who examine each other match."""
        return self.left_likes * self.right_likes.T

    def matches(self, left: Floats, right: Floats) -> float:
        """Expected matches of exposures left (l, r) and right (r, l): exact, since the two sides
        examine independently."""
        return float(np.sum(self.both * left * right.T))

    def envies(self, left: Floats, right: Floats) -> Envies:
        """Who would have more expected matches in the place of another of their side on all lists
        of the other side, their own list unchanged."""
        of_left = (self.both * left) @ right
        of_right = (self.both.T * right) @ left
        return Envies(_envies(of_left), _envies(of_right))


def _mixed(taste: Floats) -> Floats:
    common = np.linspace(1.0, 0.0, taste.shape[1])
    return np.clip((1.0 - _COMMON) * taste + _COMMON * common, 0.0, 1.0)


def _envies(in_place_of: Floats) -> int:
    """in_place_of (n, n): matches of i in the place of j."""
    own = np.diagonal(in_place_of)[:, None]
    return int(np.sum(in_place_of > own + _ROUNDING))
