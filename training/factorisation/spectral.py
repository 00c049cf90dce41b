"""Closed forms over the spectrum of who likes what.

R~ = D_u^-a R D_i^-b is the matrix of likes, each divided by powers of both degrees. Its leading
right singular vectors V are what users have in common; what is left out is noise.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags_array
from scipy.sparse.linalg import svds
from sklearn.utils.extmath import randomized_svd

from training.factorisation.interactions import Interactions, NoLikes
from training.factorisation.tables import Tables

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


_OVERSAMPLED: Final = 32


@dataclass(frozen=True, slots=True)
class Spectral:
    """A truncated singular value decomposition of R~ as a trainer, which needs no gradient.

    A user's vector is r D_i^-item_power V S^singular_power, an item's D_i^item_scale V: popular
    items weigh less in what somebody is, and more in what is shown. PureSVD (Cremonesi et al.,
    RecSys 2010) has all powers 0, EigenRec (Nikolakopoulos et al., KAIS 2019) powers of the items'
    degrees, GF-CF's ideal filter 1/2 throughout and no singular values.
    """

    d: int = 512
    user_power: float = 0.5
    item_power: float = 0.4
    item_scale: float = 0.3
    singular_power: float = 0.5
    power_iterations: int = 4

    def fit(self, interactions: Interactions, seed: int) -> Tables:
        """Vectors of all users and items; zeros for who has no like. Raises NoLikes."""
        if not interactions.liked.any():
            raise NoLikes
        likes = interactions.likes()
        _, values, axes = randomized_svd(
            _normalised(likes, self.user_power, self.item_power),
            n_components=self.d,
            n_oversamples=_OVERSAMPLED,
            n_iter=self.power_iterations,
            random_state=seed,
        )
        degree = _degrees(likes)[1][:, None]
        item = degree**self.item_scale * axes.T * values**self.singular_power
        added = degree**-self.item_power * axes.T
        blank = Tables.unbiased(np.zeros((0, self.d)), item)
        return self.fold_in(replace(blank, added=np.asarray(added, np.float32)), interactions)

    def fold_in(self, tables: Tables, interactions: Interactions) -> Tables:
        """Users' vectors as the sums of what their likes add."""
        assert tables.added is not None
        user = np.asarray(interactions.likes() @ tables.added, np.float32)
        return replace(tables, user=user, user_bias=np.zeros(len(user), np.float32))


def _degrees(likes: csr_matrix) -> tuple[Floats, Floats]:
    """Sums of the likes of users (n,) and items (m,); 1 where there are none."""
    user, item = (np.asarray(likes.sum(axis=axis), np.float32).ravel() for axis in (1, 0))
    return np.where(user > 0, user, 1.0), np.where(item > 0, item, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class GraphFilter:
    """GF-CF: a linear and an ideal low-pass filter over items; no factorisation, a reference.

    Shen et al., How Powerful is Graph Convolution for Recommendation?, CIKM 2021.
    likes (n, m); smooth = D_u^-1/2 R D_i^-1/2; axes (m, d); root (m,) of the items' degrees.
    """

    likes: csr_matrix
    smooth: csr_matrix
    axes: Floats
    root: Floats
    weight: float

    @classmethod
    def fit(cls, likes: csr_matrix, seed: int, d: int = 256, weight: float = 0.3) -> Self:
        """From likes (n, m); `d` frequencies pass the ideal filter, which counts `weight`."""
        smooth = _normalised(likes, 0.5, 0.5)
        # To the last digit, as published; a randomised decomposition gives other figures.
        _, _, axes = svds(smooth, k=d, random_state=seed)
        root = np.sqrt(_degrees(likes)[1])
        return cls(likes, smooth, np.ascontiguousarray(axes.T, np.float32), root, weight)

    def scores(self, users: Ints) -> Floats:
        """Scores (b, m) of users (b,) for all items."""
        own = self.likes[users]
        linear = (own @ self.smooth.T) @ self.smooth
        ideal = (own @ (self.axes / self.root[:, None])) @ (self.axes.T * self.root)
        return np.asarray(linear.toarray() + self.weight * ideal, np.float32)


def _normalised(likes: csr_matrix, user_power: float, item_power: float) -> csr_matrix:
    user, item = _degrees(likes)
    left, right = diags_array(user**-user_power), diags_array(item**-item_power)
    return csr_matrix(left @ likes @ right, dtype=np.float32)
