"""What the two rates alone say of a like."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from features.behaviour import logit, smoothed_rate
from training.datasets import Swipes
from training.rates import Counts, Priors

Floats64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RatesModel:
    """Coefficients, and the probability of a like (m,) of the swipes that it was fitted on."""

    intercept: float
    w_given: float
    w_received: float
    p_like: Floats64


def rates_model(swipes: Swipes, counts: Counts, priors: Priors) -> RatesModel:
    """Fitted on swipes (m,) by rates of the other swipes of the same people.

    A rate that holds the very swipe it explains would explain it too well.
    """
    liked = swipes.liked.astype(np.int64)
    viewer, candidate = swipes.viewer, swipes.candidate
    given = smoothed_rate(
        counts.likes_given[viewer] - liked, counts.swipes_given[viewer] - 1, priors.given
    )
    received = smoothed_rate(
        counts.likes_received[candidate] - liked,
        counts.swipes_received[candidate] - 1,
        priors.received,
    )
    x = np.stack((logit(given), logit(received)), axis=1).astype(np.float64)
    model = LogisticRegression(C=1.0, max_iter=200).fit(x, swipes.liked)
    w_given, w_received = (float(w) for w in model.coef_[0])
    p_like = np.asarray(model.predict_proba(x)[:, 1], np.float64)
    return RatesModel(float(model.intercept_[0]), w_given, w_received, p_like)
