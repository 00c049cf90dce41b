"""What a method says of pairs nobody has rated yet, and how its likes become probabilities."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from training.reciprocal.ratings import GRADES, Floats, Ints, Ratings, require_likes


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Of m pairs: the expected rating (m,), and a score of a like (m,) that ascends with it."""

    rating: Floats
    like: Floats

    @classmethod
    def of_ratings(cls, rating: Floats) -> Self:
        """Of a method that knows ratings alone; no rating is outside the scale."""
        return cls(np.clip(rating, 1.0, GRADES), rating)


Method = Callable[[Ratings, Ints, Ints], Estimates]
"""Learns from ratings; tells of raters (m,) and rated (m,)."""


@dataclass(frozen=True, slots=True)
class LikeScale:
    """logit P(like) = slope * score + intercept: Platt's, from ratings the method did not see."""

    slope: float
    intercept: float

    @classmethod
    def fit(cls, like: Floats, held_out: Ratings) -> Self:
        """From scores (m,) of held-out ratings. Raises NoLikes; all likes give a flat scale."""
        require_likes(held_out)
        if held_out.liked.all():
            return cls(0.0, 5.0)
        unit = float(np.std(like)) or 1.0
        model = LogisticRegression(C=100.0).fit(like[:, None] / unit, held_out.liked)
        return cls(float(model.coef_[0, 0]) / unit, float(model.intercept_[0]))

    def logits(self, like: Floats) -> Floats:
        """Logits (m,) of P(like)."""
        return np.asarray(self.slope * like + self.intercept)


def sigmoid(x: Floats) -> npt.NDArray[np.float64]:
    """1 / (1 + e^-x), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), np.float64)
