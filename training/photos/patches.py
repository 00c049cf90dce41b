"""A first layer that knows the patches of the photos at hand: k-means of whitened patches, as in
Coates, Lee and Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning" (2011).

Of their "triangle" activation, by how much nearer a patch is to a centre than to the centres on
the mean, what is used is that of squared distances: then it is a convolution and a ReLU.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]

PATCH: Final = 8
_SEEN: Final = 40_000
_ROUNDS: Final = 12
_SMOOTH: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Dictionary:
    """Filters (k, 3, PATCH, PATCH) and bias (k,) float32, for pixels in −1 … 1."""

    filters: Floats
    bias: Floats


def scaled(pixels: Pixels) -> Floats:
    """0 … 255 to −1 … 1."""
    return np.asarray(pixels.astype(np.float32) / 127.5 - 1.0, np.float32)


def learn_dictionary(pixels: Pixels, centres: int, rng: np.random.Generator) -> Dictionary:
    """Of photos (n, SIDE, SIDE, 3)."""
    patches = _drawn(pixels, rng)
    mean = patches.mean(axis=0)
    variance, axes = np.linalg.eigh(np.cov(patches.T))
    whiten = (axes / np.sqrt(np.maximum(variance, 0.0) + _SMOOTH)) @ axes.T
    found = _centres((patches - mean) @ whiten, centres, rng)
    # −|x − c|² / 2 is x·c − |c|² / 2 beside what all centres share.
    filters = whiten @ found.T
    bias = -0.5 * (found**2).sum(axis=1) - mean @ filters
    filters, bias = filters - filters.mean(axis=1, keepdims=True), bias - bias.mean()
    active = np.maximum(patches @ filters + bias, 0.0)
    scale = float(np.sqrt((active**2).mean())) or 1.0
    shape = (centres, PATCH, PATCH, 3)
    filters = (filters.T / scale).reshape(shape).transpose(0, 3, 1, 2)
    return Dictionary(filters.astype(np.float32), (bias / scale).astype(np.float32))


def _drawn(pixels: Pixels, rng: np.random.Generator) -> Floats64:
    """Patches (m, PATCH · PATCH · 3) at random places."""
    photos, height, width, _ = pixels.shape
    photo = rng.integers(0, photos, _SEEN)
    top = rng.integers(0, height - PATCH + 1, _SEEN)[:, None, None] + np.arange(PATCH)[:, None]
    left = rng.integers(0, width - PATCH + 1, _SEEN)[:, None, None] + np.arange(PATCH)
    patches = scaled(pixels[photo[:, None, None], top, left])
    return patches.reshape(_SEEN, -1).astype(np.float64)


def _centres(white: Floats64, count: int, rng: np.random.Generator) -> Floats64:
    """k-means (count, d); a centre that nothing is near to starts again at a random patch."""
    found = white[rng.choice(len(white), count, replace=False)]
    for _ in range(_ROUNDS):
        nearest = ((found**2).sum(axis=1) - 2.0 * white @ found.T).argmin(axis=1)
        order = np.argsort(nearest, kind="stable")
        size = np.bincount(nearest, minlength=count)
        ends = np.cumsum(size)
        sums = np.vstack([np.zeros(white.shape[1]), np.cumsum(white[order], axis=0)])
        total = sums[ends] - sums[ends - size]
        spare = white[rng.integers(0, len(white), count)]
        found = np.where(size[:, None] > 0, total / np.maximum(size, 1)[:, None], spare)
    return np.asarray(found, np.float64)
