"""Closed forms over the spectrum of who interacted with what.

R~ = D_u^-1/2 R D_i^-1/2 is the matrix of likes with each entry divided by the square roots of both
degrees; R~^T R~ smooths a user's items over items that share users.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags_array
from scipy.sparse.linalg import svds

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Normalised:
    """R~ (n, m) float32, and the square roots of both degrees, (n,) and (m,); 1 where it is 0."""

    matrix: csr_matrix
    user_root: Floats
    item_root: Floats

    @classmethod
    def of(cls, likes: csr_matrix) -> Self:
        """From likes (n, m) >= 0; empty rows and columns stay empty."""
        roots = []
        for axis in (1, 0):
            degree = np.asarray(likes.sum(axis=axis), np.float32).ravel()
            roots.append(np.sqrt(np.where(degree > 0, degree, 1.0)).astype(np.float32))
        left, right = (diags_array(1.0 / root) for root in roots)
        return cls(csr_matrix(left @ likes @ right, dtype=np.float32), *roots)


@dataclass(frozen=True, slots=True, eq=False)
class GraphFilter:
    """GF-CF: a linear and an ideal low-pass filter over items; no factorisation, a reference.

    Shen et al., How Powerful is Graph Convolution for Recommendation?, CIKM 2021.
    """

    likes: csr_matrix
    normalised: Normalised
    axes: Floats
    weight: float

    @classmethod
    def fit(cls, likes: csr_matrix, d: int = 256, weight: float = 0.3) -> Self:
        """From likes (n, m); `d` frequencies pass the ideal filter, which counts `weight`."""
        normalised = Normalised.of(likes)
        _, _, axes = svds(normalised.matrix, k=d, random_state=0)
        return cls(likes, normalised, np.ascontiguousarray(axes, np.float32), weight)

    def scores(self, users: Ints) -> Floats:
        """Scores (b, m) of users (b,) for all items."""
        own, root = self.likes[users], self.normalised.item_root
        linear = (own @ self.normalised.matrix.T) @ self.normalised.matrix
        ideal = (own @ (self.axes.T / root[:, None])) @ (self.axes * root)
        return np.asarray(linear.toarray() + self.weight * ideal, np.float32)
