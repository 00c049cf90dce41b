"""Ways to make probabilities of scores: ours, and what it is held against.

All learn from the same pairs of the calibration days and read the same factors, so they differ in
nothing but what the regression sees. Each is one logistic regression with the same ridge, or one
for each gender of the viewer; there is nothing else in them to be tuned.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from features.behaviour import GENDERS, logit, smoothed_rate
from features.score import Calibration, Calibrations
from training.calibration import Inputs, calibrate, predicted
from training.fitting import Learned
from training.snapshot import People

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

OURS: Final = "gravity"


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """Pairs with all that was known of them at their moment."""

    people: People
    learned: Learned

    def inputs(self) -> Inputs:
        """Those of ours."""
        return self.learned.inputs(self.people)


def probabilities(past: Moment, asked: Moment, level: float) -> dict[str, Floats]:
    """P(like) (m,) of the pairs of `asked` by each method, learned from the pairs of `past`.

    `level` is the logit of typical pairs.
    """
    liked = past.learned.pairs.liked
    found: dict[str, Floats] = {}
    for method, view in _VIEWS.items():
        fitted = _FITS.get(method, calibrate)(view(past), liked)
        found[method] = sigmoid(predicted(view(asked), fitted))
    # The logit as it stands, whose units are right by design (training/factors.py).
    plain = dict.fromkeys(GENDERS, Calibration(1.0, 1.0, 1.0, -level))
    found["uncalibrated"] = sigmoid(predicted(asked.inputs(), plain))
    return found


def _score(moment: Moment) -> Inputs:
    """What ALS makes of likes and passes, which holds who is popular, and no rate."""
    nothing = np.zeros_like(moment.inputs().score)
    return replace(moment.inputs(), score=_als(moment), given=nothing, received=nothing)


def _scores(moment: Moment) -> Inputs:
    """That score beside our own; still no rate."""
    of_ours = moment.inputs()
    return replace(of_ours, given=np.zeros_like(of_ours.score), received=_als(moment))


def _als(moment: Moment) -> npt.NDArray[np.float32]:
    latent, pairs = moment.learned.factors.latent, moment.learned.pairs
    score = np.vecdot(latent.user[pairs.viewer], latent.item[pairs.candidate])
    return np.asarray(score, np.float32)


def _popularity(moment: Moment) -> Inputs:
    of_ours = moment.inputs()
    return replace(of_ours, given=np.zeros_like(of_ours.score))


def _shares(moment: Moment) -> Inputs:
    """Rates as the smoothed shares of likes, whoever was met."""
    c, rates = moment.learned.counts, moment.learned.rates
    given = smoothed_rate(c.given[:, 0], c.given[:, 1], rates.given_prior)
    received = smoothed_rate(c.received[:, 0], c.received[:, 1], rates.received_prior)
    return replace(moment.inputs(), given=logit(given), received=logit(received))


def _one_for_all(inputs: Inputs, liked: Bools) -> Calibrations:
    everybody = calibrate(replace(inputs, gender=np.full_like(inputs.gender, GENDERS[0])), liked)
    return dict.fromkeys(GENDERS, everybody[GENDERS[0]])


_VIEWS: Final[dict[str, Callable[[Moment], Inputs]]] = {
    "score-only": _score,
    "without-rates": _scores,
    "without-viewers-rate": _popularity,
    "smoothed-shares": _shares,
    OURS: Moment.inputs,
}
_FITS: Final[dict[str, Callable[[Inputs, Bools], Calibrations]]] = {"score-only": _one_for_all}


def sigmoid(x: npt.NDArray[np.floating]) -> Floats:
    """Probabilities (m,) float64 of logits (m,)."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x.astype(np.float64))), np.float64)
