"""Inverse propensities: what a policy shows often is not what is liked more."""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_MOST_WEIGHT: Final = 20.0


def inverse_propensities(propensity: Floats) -> Floats:
    """Weights (m,) float32: 1 for the card of median propensity, at most 20; 1 where there is none.

    Clipped, since one rare card would outweigh all others (Bottou et al., JMLR 2013).
    """
    known = np.isfinite(propensity) & (propensity > 0)
    weight = np.ones(len(propensity), np.float32)
    if known.any():
        inverse = 1.0 / propensity[known]
        weight[known] = np.minimum(inverse / np.median(inverse), _MOST_WEIGHT)
    return weight
