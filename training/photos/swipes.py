"""Swipes on photos as sums over pairs: all that the learning of an embedding needs of them.

If p is the probability of a like by rates alone and w = p(1 − p), then for two swipes i, j of one
viewer E[(liked_i − p_i)(liked_j − p_j)] = w_i w_j K_ij, where K is the covariance over viewers of
what they see in the two photos (to first order). So each pair of photos has an estimate of its K,
S_ij / W_ij, that is as sure as W_ij: S sums the products of residuals over the viewers who swiped
both, W those of the w.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]

_SHRINK = 5.0
"""Weight of the belief that a photo is liked as its person's rates say."""


class NothingToLearn(Exception):
    """No viewer has swiped two photos, or all swipes were answered alike."""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoSwipes:
    """Swipes (m,): rows of viewers and of photos, both int64, whether liked, and `offset` float32,
    the logit of a like by rates alone."""

    viewer: Ints
    photo: Ints
    liked: npt.NDArray[np.bool_]
    offset: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """`product` S and `weight` W (n, n) float32 of photos `rows` (n,) ascending, zero diagonals."""

    rows: Ints
    product: Floats
    weight: Floats


def pairs_of(swipes: PhotoSwipes, most: int) -> Pairs:
    """Of the `most` photos with the most swipes. Raises NothingToLearn.

    What a photo is liked more or less than the rates say, on the mean, is taken out: that is no
    viewer's taste. So is the mean of all pairs, by which viewers like more or less than their own.
    """
    if swipes.liked.all() or not swipes.liked.any():
        raise NothingToLearn("the swipes are all likes, or all passes")
    rows = _most_swiped(swipes.photo, most)
    place = np.full(int(swipes.photo.max()) + 1, -1, np.int64)
    place[rows] = np.arange(len(rows))
    column = place[swipes.photo]
    kept = column >= 0
    p = 0.5 * (1.0 + np.tanh(0.5 * swipes.offset[kept].astype(np.float64)))
    weight, residual = p * (1.0 - p), swipes.liked[kept] - p
    residual -= weight * _mean_of(column[kept], residual, weight, len(rows))
    _, viewer = np.unique(swipes.viewer[kept], return_inverse=True)
    at = (viewer, column[kept])
    product, weights = _gram(residual, at), _gram(weight, at)
    total = float(weights.sum(dtype=np.float64))
    if total <= 0.0:
        raise NothingToLearn("no viewer has swiped two photos")
    product -= weights * np.float32(product.sum(dtype=np.float64) / total)
    return Pairs(rows, product, weights)


def _most_swiped(photo: Ints, most: int) -> Ints:
    swiped = np.bincount(photo)
    best = np.argsort(-swiped, kind="stable")[:most]
    return np.sort(best[swiped[best] > 0])


def _mean_of(column: Ints, residual: Floats64, weight: Floats64, photos: int) -> Floats64:
    """How much each swipe's photo is liked more than the rates say (m,), in logits."""
    liked = np.bincount(column, residual, photos)
    weighed = np.bincount(column, weight, photos)
    return np.asarray((liked / (weighed + _SHRINK))[column], np.float64)


def _gram(values: Floats64, at: tuple[Ints, Ints]) -> Floats:
    """Sums over viewers of products (n, n); a photo with itself is no pair."""
    matrix = sparse.csc_matrix((values.astype(np.float32), at))
    product = np.asarray((matrix.T @ matrix).toarray(), np.float32)
    np.fill_diagonal(product, 0.0)
    return product
