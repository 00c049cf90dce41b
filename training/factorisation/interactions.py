"""What factorisations learn from: who did what with whom, and how sure that is."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class OutOfRange(Exception):
    """An id is negative, or not below the number of users or items; or a weight is no number that
    something may count."""


class NoLikes(Exception):
    """Nobody likes anything: there is no taste to learn."""


@dataclass(frozen=True, slots=True, eq=False)
class Interactions:
    """k interactions of `users` with `items`; at most one for each pair.

    user, item (k,) int64; liked (k,) bool, a pass where False; weight (k,) float32, how much each
    counts. Pairs that are not listed are unknown.
    """

    users: int
    items: int
    user: Ints
    item: Ints
    liked: npt.NDArray[np.bool_]
    weight: Floats

    def __post_init__(self) -> None:
        for ids, count in ((self.user, self.users), (self.item, self.items)):
            if len(ids) and (ids.min() < 0 or ids.max() >= count):
                raise OutOfRange(f"ids from {ids.min()} to {ids.max()}, of {count}")
        if not (np.isfinite(self.weight).all() and (self.weight >= 0).all()):
            raise OutOfRange("a weight is negative or not finite")

    @classmethod
    def of_likes(cls, matrix: csr_matrix) -> Self:
        """Likes of weight 1 from a matrix (users, items) of which every entry is one."""
        pairs = matrix.tocoo()
        ones = np.ones(pairs.nnz, np.float32)
        user, item = pairs.row.astype(np.int64), pairs.col.astype(np.int64)
        return cls(*matrix.shape, user, item, np.ones(pairs.nnz, bool), ones)

    def __len__(self) -> int:
        return len(self.user)

    def evened(self, user_power: float, item_power: float) -> Self:
        """The same, each weight divided by powers of how many interactions its user and its item
        have; their mean stays. With 0 and 0 nothing changes, with 1 and 0 every user counts alike.
        """
        users, items = np.bincount(self.user), np.bincount(self.item)
        divided = self.weight / (
            users[self.user] ** np.float32(user_power) * items[self.item] ** np.float32(item_power)
        )
        scale = self.weight.mean() / divided.mean() if len(self) else 1.0
        return replace(self, weight=np.asarray(divided * scale, np.float32))

    def likes(self) -> csr_matrix:
        """Weights of the likes (users, items) float32."""
        rows = self.liked
        return csr_matrix(
            (self.weight[rows], (self.user[rows], self.item[rows])), (self.users, self.items)
        )

    def signed(self) -> csr_matrix:
        """Weights (users, items) float32; those of passes negative."""
        values = np.where(self.liked, self.weight, -self.weight).astype(np.float32)
        return csr_matrix((values, (self.user, self.item)), (self.users, self.items))


def decayed(weight: Floats, at_ms: Ints, end_ms: int, half_life_days: float) -> Floats:
    """Weights (k,) that halve with every `half_life_days` before `end_ms`."""
    age = np.maximum(0, end_ms - at_ms) / 86_400_000
    return np.asarray(weight * np.exp2(-age / half_life_days), np.float32)
