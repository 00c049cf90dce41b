"""TU matching: rank by the stable matching with transferable utility.

Tomita, Togashi, Hashizume and Ohsaka, 'Fast and Examination-agnostic Reciprocal Recommendation in
Matching Markets' (RecSys 2023). The equilibrium of Choo and Siow (2006), by iterative proportional
fitting: mu_ij = exp(u_ij / 2b) A_i B_j where everybody's matches and A_i^2 (unmatched) sum to 1.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_MOST: Final = 10_000
_CLOSE: Final = 1e-10


def transferable_matching(utility: Floats, beta: float) -> Floats:
    """mu (l, r) of the joint utility (l, r) of pairs, with logit noise of scale `beta`."""
    kernel = np.exp(utility / (2.0 * beta))
    left, right = np.ones(len(utility)), np.ones(utility.shape[1])
    for _ in range(_MOST):
        before = left
        left = _balanced(kernel @ right)
        right = _balanced(kernel.T @ left)
        if np.max(np.abs(left - before), initial=0.0) < _CLOSE:
            break
    return np.asarray(kernel * left[:, None] * right, np.float64)


def _balanced(met: Floats) -> Floats:
    """The root A > 0 (n,) of A^2 + met A = 1."""
    half = met / 2.0
    # The usual form of the root cancels where `met` is large.
    return np.asarray(1.0 / (np.sqrt(1.0 + half * half) + half), np.float64)
