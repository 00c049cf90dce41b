"""Alternating least squares with confidences, by `implicit`: the default of production.

Hu, Koren & Volinsky, Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008. A like is
preference 1, a pass and the unknown are preference 0; both answers are surer than the unknown,
whose confidence is 1:

    sum c_ui (p_ui - x_u . y_i)^2 + regularisation (sum |x_u|^2 + sum |y_i|^2)
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from training.factorisation.interactions import Interactions, NoLikes
from training.factorisation.tables import Tables

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Als:
    """A trainer; `confidence` is that of an interaction of weight 1."""

    d: int = 64
    confidence: float = 40.0
    regularisation: float = 100.0
    iterations: int = 15

    def fit(self, interactions: Interactions, seed: int, start: Tables | None = None) -> Tables:
        """Vectors of all users and items; zeros for who has no interaction.

        From an earlier factorisation of the same users and items, `start`, fewer iterations do.
        Users' vectors are exactly what `fold_in` gives of their interactions. Raises NoLikes.
        """
        if not interactions.liked.any():
            raise NoLikes
        model = AlternatingLeastSquares(
            factors=self.d, regularization=self.regularisation, iterations=self.iterations
        )
        rng = np.random.default_rng(seed)
        first = start or Tables.unbiased(
            *(_random(rng, count, self.d) for count in (interactions.users, interactions.items))
        )
        model.user_factors, model.item_factors = first.user.copy(), first.item.copy()
        with threadpool_limits(1, "blas"):
            model.fit(self._confidences(interactions), show_progress=False)
        item = np.asarray(model.item_factors, np.float32)
        return self.fold_in(Tables.unbiased(np.zeros((0, self.d)), item), interactions)

    def fold_in(self, tables: Tables, interactions: Interactions) -> Tables:
        """Users' vectors that solve each one's own equations, items held."""
        user = np.zeros((interactions.users, self.d), np.float32)
        with threadpool_limits(1, "blas"):
            solve = AlternatingLeastSquares(factors=self.d, use_cg=False).solver
            solve(self._confidences(interactions), user, tables.item, self.regularisation)
        return Tables.unbiased(user, tables.item)

    def _confidences(self, interactions: Interactions) -> csr_matrix:
        """(users, items) float32; of passes negative, as `implicit` wants them."""
        return csr_matrix(interactions.signed() * self.confidence, dtype=np.float32)


def _random(rng: np.random.Generator, count: int, d: int) -> Floats:
    return rng.standard_normal((count, d), dtype=np.float32) * np.float32(0.1)
