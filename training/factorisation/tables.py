"""What a factorisation comes to: two tables of vectors, of which a product is a score."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """score(u, i) = user[u] . item[i] + user_bias[u] + item_bias[i] + level.

    user (n, d), item (m, d), user_bias (n,), item_bias (m,), all float32. `added` (m, d): what a
    like of an item adds to a user's vector, where that is all that a user's vector is.
    """

    user: Floats
    item: Floats
    user_bias: Floats
    item_bias: Floats
    level: float = 0.0
    added: Floats | None = None

    @classmethod
    def unbiased(cls, user: npt.ArrayLike, item: npt.ArrayLike) -> Self:
        """Tables of vectors alone."""
        users, items = np.asarray(user, np.float32), np.asarray(item, np.float32)
        return cls(users, items, np.zeros(len(users), np.float32), np.zeros(len(items), np.float32))

    def scores(self, users: npt.NDArray[np.int64]) -> Floats:
        """Scores (b, m) of users (b,) for all items."""
        biases = self.user_bias[users, None] + self.item_bias + np.float32(self.level)
        return np.asarray(self.user[users] @ self.item.T + biases, np.float32)
