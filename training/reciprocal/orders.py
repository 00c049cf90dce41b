"""Orders of pairs by what both sides are expected to say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from sklearn.linear_model import LogisticRegression

from training.reciprocal.estimates import sigmoid
from training.reciprocal.ratings import Bools, Floats

ORDERS: Final = ("there", "back", "sum", "product", "harmonic", "minimum", "learned")
"""One side (the viewer's opinion, then the candidate's alone), and both."""


@dataclass(frozen=True, slots=True)
class Together:
    """logit P(both like) = level + both * (x + y) + apart * |x - y| of two logits: symmetric."""

    level: float
    both: float
    apart: float

    @classmethod
    def fit(cls, there: Floats, back: Floats, match: Bools) -> Self:
        """From logits (k,) of held-out pairs. With no match, or only matches, it is the sum."""
        if match.all() or not match.any():
            return cls(0.0, 1.0, 0.0)
        model = LogisticRegression(C=1.0).fit(_symmetric(there, back), match)
        both, apart = (float(each) for each in model.coef_[0])
        return cls(float(model.intercept_[0]), both, apart)

    def logits(self, there: Floats, back: Floats) -> Floats:
        """Logits (k,)."""
        weights = np.array([self.both, self.apart])
        return np.asarray(self.level + _symmetric(there, back) @ weights)


def orders(there: Floats, back: Floats, together: Together) -> Mapping[str, Floats]:
    """Scores (k,) of pairs in each of ORDERS, from both calibrated logits (k,).

    `sum` is of logits; product, harmonic mean and minimum are of probabilities.
    """
    p, q = sigmoid(there), sigmoid(back)
    scores = (
        there,
        back,
        there + back,
        p * q,
        2.0 * p * q / np.maximum(p + q, 1e-12),
        np.minimum(p, q),
        together.logits(there, back),
    )
    return dict(zip(ORDERS, scores, strict=True))


def _symmetric(there: Floats, back: Floats) -> Floats:
    return np.stack((there + back, np.abs(there - back)), axis=1)
