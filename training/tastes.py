"""How far tastes vary along directions of appeal, in closed form.

Let y be a candidate's coordinates, white among the cards of one viewer and less their mean, and W_u
the taste of viewer u. What rates do not explain of u's swipes, g_u = sum (liked - p) y, has near
W = 0 about the mean h_u W_u and the covariance H_u, with h_u = sum p (1 - p) and
H_u = sum p (1 - p) y y^T. So over viewers

    E[W W^T] = sum (g g^T - H) / sum h^2.

Exact in neither the logistic curve nor the whiteness within one viewer's cards; the scale of what
it gives is judged by the calibration's k, which comes out near 1.
"""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from features.fold_in import FoldIn, Histories
from training.coordinates import of_viewers
from training.datasets import Swipes

Floats64 = npt.NDArray[np.float64]

_EXPECTATION_STEPS = 8
_RIDGE = 100.0


def taste_covariance(coordinates: Floats64, swipes: Swipes, p_like: Floats64) -> Floats64:
    """E[W W^T] (K, K) of tastes over coordinates (n, K), from swipes whose likes had p_like (m,).

    Symmetric; noise may make its smallest eigenvalues negative.
    """
    n = len(coordinates)
    variance = p_like * (1.0 - p_like)
    residual = swipes.liked - p_like
    shown = of_viewers(coordinates, swipes, variance)
    gradient = csr_matrix((residual, (swipes.viewer, swipes.candidate)), (n, n)) @ coordinates
    gradient -= np.bincount(swipes.viewer, residual, minlength=n)[:, None] * shown.mean
    of_candidate = np.bincount(swipes.candidate, variance, minlength=n)
    hessian = coordinates.T @ (of_candidate[:, None] * coordinates)
    hessian -= shown.mean.T @ (shown.weight[:, None] * shown.mean)
    total = max(float(np.sum(shown.weight**2)), 1e-12)
    return np.asarray((gradient.T @ gradient - hessian) / total, np.float64)


def expected_tastes(
    own: Floats64, viewers: npt.NDArray[np.int64], histories: Histories, fold_in: FoldIn
) -> Floats64:
    """Tastes (n, d) that people's own coordinates (n, q) let expect, before any swipe.

    Learned from the histories of `viewers` (p,) rows: fold in around the expectation, regress the
    tastes on the coordinates, again; each round undoes more of the shrinking (an EM without the
    covariance step).
    """
    known = own[viewers]
    left = known.T @ known + _RIDGE * np.eye(own.shape[1])
    coefficients: Floats64 = np.zeros((own.shape[1], fold_in.appeal.shape[1]))
    for _ in range(_EXPECTATION_STEPS):
        tastes = fold_in.tastes(histories, (known @ coefficients).astype(np.float32))
        coefficients = np.asarray(np.linalg.solve(left, known.T @ tastes), np.float64)
    return np.asarray(own @ coefficients, np.float64)
