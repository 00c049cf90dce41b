"""Ridge regression from features of pictures, cross-validated; in the dual: features are many."""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]

_FOLDS: Final = 5
_RIDGES: Final = 10.0 ** np.arange(-4.0, 2.1, 0.5)


def kernel_of(features: Floats) -> Floats64:
    """Inner products (k, k) of features (k, D), centred, of mean squared length 1."""
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    size = np.square(centred).sum(axis=1).mean()
    return np.asarray(centred @ centred.T / max(size, 1e-12), np.float64)


def explained(features: Floats, targets: Floats64, seed: int) -> Floats64:
    """R² (q,) of targets (k, q) on folds that were held out, by the one ridge that is best for all
    of them together."""
    kernel = kernel_of(features)
    fold = np.random.default_rng(seed).permutation(len(kernel)) % _FOLDS
    scores = [_r2(_predicted(kernel, targets, fold, ridge), targets) for ridge in _RIDGES]
    return max(scores, key=lambda each: float(each.mean()))


def _predicted(
    kernel: Floats64, targets: Floats64, fold: npt.NDArray[np.int64], ridge: float
) -> Floats64:
    found = np.zeros_like(targets)
    for each in range(_FOLDS):
        known, asked = np.flatnonzero(fold != each), np.flatnonzero(fold == each)
        mean = targets[known].mean(axis=0)
        left = kernel[np.ix_(known, known)] + ridge * np.eye(len(known))
        found[asked] = mean + kernel[np.ix_(asked, known)] @ np.linalg.solve(
            left, targets[known] - mean
        )
    return found


def _r2(predicted: Floats64, targets: Floats64) -> Floats64:
    left = np.square(targets - predicted).sum(axis=0)
    total = np.square(targets - targets.mean(axis=0)).sum(axis=0)
    return np.asarray(1.0 - left / np.maximum(total, 1e-12), np.float64)
