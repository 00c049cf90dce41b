"""The towers in closed form: what the model lets expect of people, as a map from their profiles.

The priors of taste and rates are regressions on attributes already, learned with the factors from
swipes (training/tastes.py, training/standing.py), and the observed block of appeal is a map of the
attributes. Those four are affine in the profile's columns, so the least squares here find them
exactly, and somebody new gets just what a known person without swipes has. The latent block of
appeal and the line are regressed on the same columns.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from features.behaviour import GENDERS
from features.towers import Towers
from training.model import Model
from training.snapshot import People

Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]

_RIDGE: Final = 1e-3
"""Only to tell apart what the columns cannot: each person has one value of each attribute."""
_STRONG_RIDGE: Final = 20.0


def tower_inputs(people: People) -> Floats64:
    """Columns (n, 3 + a): gender as 0 and 1, then the encoded profile."""
    gender = people.gender[:, None] == np.array(GENDERS)
    return np.concatenate((gender.astype(np.float64), people.attributes), axis=1, dtype=np.float64)


def fit_towers(people: People, model: Model) -> Towers:
    """The towers of a model of these people."""
    inputs = tower_inputs(people)
    observed = model.factors.basis.observed.shape[1]
    appeal = model.factors.appeal
    exact = _regressed(
        inputs,
        np.column_stack(
            (
                model.factors.prior,
                appeal[:, :observed],
                model.rates.given_expected,
                model.rates.received_expected,
            )
        ),
        _RIDGE,
    )
    rest = _regressed(inputs, np.column_stack((appeal[:, observed:], model.line)), _STRONG_RIDGE)
    d = appeal.shape[1]
    return Towers(
        code=people.code,
        taste=exact[:, :d],
        appeal=np.ascontiguousarray(np.column_stack((exact[:, d : d + observed], rest[:, :-2]))),
        given=exact[:, -2],
        received=exact[:, -1],
        line=rest[:, -2:],
    )


def _regressed(inputs: Floats64, targets: npt.NDArray[np.floating], ridge: float) -> Floats:
    """Ridge coefficients (q, K) of targets (n, K)."""
    left = inputs.T @ inputs + ridge * np.eye(inputs.shape[1])
    return np.linalg.solve(left, inputs.T @ targets.astype(np.float64)).astype(np.float32)
