"""The best linear map of given features, in closed form: where the pair sums S of photos have most
to say, among the functions of the photos that the features make likely.

With the features' kernel V diag(s) V', smoothing by ridge regression, H = V diag(s / (s + λ)) V',
leaves of S what features can say of new photos: the first eigenvectors of H^½ S H^½. What S owes to
chance has eigenvalues of both signs alike, what it owes to tastes only positive ones: the lowest
eigenvalue tells how large those of chance are.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from training.photos.swipes import Floats, Pairs

Floats64 = npt.NDArray[np.float64]

_LEAST: Final = 0.05
"""Of the first direction's variance: what a direction is given that stands out from chance in
nothing. Features make it likely, if no swipe does."""
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """weights (D, p) of features; `variance` (p,), in the units of S, and that of `chance`."""

    weights: Floats
    variance: Floats64
    chance: float


def find_directions(features: Floats, pairs: Pairs, width: int, ridge: float) -> Directions:
    """Of centred features (n, D) of the photos of `pairs`; zeros where there are fewer than
    `width`. `ridge` in units of the mean of the features' squared lengths."""
    size = float(np.square(features).sum(axis=1, dtype=np.float64).mean()) or 1.0
    kernel = (features @ features.T).astype(np.float64) / size
    s, v = np.linalg.eigh(kernel)
    s = np.maximum(s, 0.0)
    smooth = v * np.sqrt(s / (s + ridge))
    found, turned = np.linalg.eigh(smooth.T @ pairs.product.astype(np.float64) @ smooth)
    variance, turned = found[::-1][:width], turned[:, ::-1][:, :width]
    chance = max(0.0, -float(found[0]))
    back = np.where(s > _TINY * s[-1], 1.0 / np.sqrt(np.maximum(s, _TINY) * (s + ridge)), 0.0)
    scale = np.sqrt(_without_chance(variance, chance))
    weights = features.T @ ((v * back) @ turned * scale).astype(np.float32) / np.float32(size)
    weights = np.pad(weights, ((0, 0), (0, width - weights.shape[1])))
    return Directions(weights, variance, chance)


def _without_chance(variance: Floats64, chance: float) -> Floats64:
    """The variances that would be seen so large through chance, for noise of a Wigner matrix
    (Benaych-Georges and Nadakuditi, 2011), and as sure as they are."""
    inside = np.maximum(variance**2 - chance**2, 0.0)
    true = 0.5 * (variance + np.sqrt(inside))
    sure = np.clip(1.0 - (0.5 * chance / np.maximum(true, _TINY)) ** 2, 0.0, 1.0)
    kept = np.where(variance > chance, true * sure, 0.0)
    first = float(kept[0]) or float(np.abs(variance[0])) or 1.0
    return np.asarray(np.maximum(kept, _LEAST * first), np.float64)
